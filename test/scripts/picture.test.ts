import test from 'ava';
import {renderPicture} from '../../scripts/picture/render-picture.ts';
import {screenOf} from '../../scripts/picture/screen.ts';

const escape = '\u001B[';

test('a screen has the text that was written last in each place', t => {
	t.deepEqual(screenOf('one\r\ntwo\r\n'), [[{text: 'one', codes: []}], [{text: 'two', codes: []}], []]);
	// As scripts/demo/terminal.ts draws: up, over the old lines, and away with the rest.
	t.deepEqual(screenOf(`old line\r\nsecond\r\n${escape}2A\rnew${escape}K\r\n${escape}J`), [[{text: 'new', codes: []}], []]);
	t.deepEqual(screenOf(`a\rb`), [[{text: 'b', codes: []}]]);
});

test('a screen has the styles, and knows where each ends', t => {
	t.deepEqual(screenOf(`${escape}1m${escape}32mok${escape}39m bold${escape}22m plain`), [[{text: 'ok', codes: [1, 32]}, {text: ' bold', codes: [1]}, {text: ' plain', codes: []}]]);
	t.deepEqual(screenOf(`${escape}?25l${escape}2mdim${escape}0m.${escape}?25h`), [[{text: 'dim', codes: [2]}, {text: '.', codes: []}]]);
});

test('the lines of the recorder itself are left out', t => {
	t.deepEqual(screenOf('Script started on 2026-01-01\nshown\r\nScript done on 2026-01-01\n'), [[{text: 'shown', codes: []}], []]);
});

test('a picture has each run in its place and colour, and no empty lines at its end', t => {
	const picture = renderPicture([[{text: 'a<b ', codes: []}, {text: 'c&d', codes: [1, 32]}], [], [{text: 'e', codes: [2]}], []], 20);
	t.deepEqual([...picture.matchAll(/<text x="([\d.]+)" y="([\d.]+)"[^>]*>([^<]*)</g)].map(([, x, y, text]) => [x, y, text]), [['16.0', '29.5', 'a&lt;b '], ['47.2', '29.5', 'c&amp;d'], ['16.0', '65.5', 'e']]);
	t.regex(picture, /fill="#7ee787" font-weight="bold">c&amp;d</);
	t.regex(picture, /viewBox="0 0 188 86"/);
});
