import type {WriteStream} from 'node:tty';
import test from 'ava';
import {createScreen} from '../../scripts/demo/screen.ts';

const open = () => {
	const written: string[] = [];
	const stream = {write: (text: string) => written.push(text)} as unknown as WriteStream;
	return {screen: createScreen(stream), written};
};

test('each picture is drawn over the one before, and what is left of that is erased', t => {
	const {screen, written} = open();
	screen.draw(['one', 'two', 'three']);
	screen.draw(['1', '2']);
	screen.draw(['I', 'II']);
	screen.end();
	t.deepEqual(written, [
		'\u001B[?25l',
		'\rone\u001B[K\ntwo\u001B[K\nthree\u001B[K\n\u001B[J',
		'\u001B[3A\r1\u001B[K\n2\u001B[K\n\u001B[J',
		'\u001B[2A\rI\u001B[K\nII\u001B[K\n\u001B[J',
		'\u001B[?25h',
	]);
});

test('an equal picture is not drawn again', t => {
	const {screen, written} = open();
	screen.draw(['one']);
	screen.draw(['one']);
	t.is(written.length, 2);
	screen.end();
});

test('after the terminal has changed its size, drawing begins at its top', t => {
	const {screen, written} = open();
	screen.draw(['one']);
	screen.clear();
	screen.draw(['one']);
	t.deepEqual(written.slice(2), ['\u001B[2J\u001B[H', '\rone\u001B[K\n\u001B[J']);
	screen.end();
});
