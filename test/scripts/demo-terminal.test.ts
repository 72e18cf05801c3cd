import type {WriteStream} from 'node:tty';
import test from 'ava';
import {createTerminal} from '../../scripts/demo/terminal.ts';

const open = () => {
	const written: string[] = [];
	const stream = {write: (text: string) => written.push(text)} as unknown as WriteStream;
	return {terminal: createTerminal(stream), written};
};

test('each drawing replaces the one before', t => {
	const {terminal, written} = open();
	terminal.draw(['one', 'two', 'three']);
	terminal.draw(['1', '2']);
	terminal.draw(['I', 'II']);
	terminal.end();
	t.deepEqual(written, [
		'\u001B[?25l',
		'\rone\u001B[K\ntwo\u001B[K\nthree\u001B[K\n\u001B[J',
		'\u001B[3A\r1\u001B[K\n2\u001B[K\n\u001B[J',
		'\u001B[2A\rI\u001B[K\nII\u001B[K\n\u001B[J',
		'\u001B[?25h',
	]);
});

test('an equal drawing is not written again', t => {
	const {terminal, written} = open();
	terminal.draw(['one']);
	terminal.draw(['one']);
	t.is(written.length, 2);
	terminal.end();
});

test('after clear, drawing begins at the top', t => {
	const {terminal, written} = open();
	terminal.draw(['one']);
	terminal.clear();
	terminal.draw(['one']);
	t.deepEqual(written.slice(2), ['\u001B[2J\u001B[H', '\rone\u001B[K\n\u001B[J']);
	terminal.end();
});
