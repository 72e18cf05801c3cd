import test from 'ava';
import {fit, pad, render, shorten, widthOf, wrap} from '../../scripts/demo/styled-text.ts';
import type {Line} from '../../scripts/demo/styled-text.ts';

const plain = (line: Line): string => render(line, text => text);

test('a line is cut to the width, whatever its styles', t => {
	const line: Line = [['abc', 'bold'], 'def', ['ghi', 'red']];
	t.is(fit(line, 9), line);
	t.is(plain(fit(line, 8)), 'abcdefg…');
	t.is(plain(fit(line, 3)), 'ab…');
	t.is(plain(fit(line, 1)), '…');
	t.deepEqual(fit(line, 5)[0], ['abc', 'bold']);
});

test('padding never cuts a line', t => {
	t.is(widthOf(pad(['abc'], 5)), 5);
	t.is(widthOf(pad(['abcdef'], 5)), 6);
});

test('a shortened name keeps both ends', t => {
	t.is(shorten('game-server-0', 13), 'game-server-0');
	t.is(shorten('game-worker-7d9f8b6c5d-x2k4q', 20), 'game-worker-7…-x2k4q');
	t.is(shorten('game-worker', 3).length, 3);
});

test('a sentence is wrapped between words', t => {
	t.deepEqual(wrap('one two three', 7), ['one two', 'three']);
	t.deepEqual(wrap('one two three', 100), ['one two three']);
	t.deepEqual(wrap('incomprehensible to me', 5), ['incomprehensible', 'to me']);
	t.deepEqual(wrap('', 5), ['']);
});

test('only styled text is painted', t => {
	t.is(render(['a', ['b', 'red', 'bold'], ['c']], (text, styles) => `<${styles.join('+')}:${text}>`), 'a<red+bold:b><:c>');
});
