/** Draws lines over the ones that were drawn before, with as few control sequences as that takes. */
import type {WriteStream} from 'node:tty';

export type Screen = {
	/** The lines must fit: none wider than the terminal, and fewer than it has rows. */
	readonly draw: (lines: readonly string[]) => void;
	/** For a terminal whose size has changed, where nobody knows what became of the lines. */
	readonly clear: () => void;
	/** Gives the cursor back, below what was drawn last. */
	readonly end: () => void;
};

const escape = '\u001B[';
const hideCursor = `${escape}?25l`;
const showCursor = `${escape}?25h`;
const eraseToEndOfLine = `${escape}K`;
const eraseBelow = `${escape}J`;
const eraseAll = `${escape}2J${escape}H`;

export const createScreen = (stream: WriteStream): Screen => {
	let drawn = 0;
	let last = '';
	stream.write(hideCursor);
	const end = () => {
		stream.write(showCursor);
	};

	// Whichever way this process ends in order, the terminal is to have its cursor.
	process.once('exit', end);
	return {
		draw(lines) {
			const content = lines.map(line => `${line}${eraseToEndOfLine}\n`).join('');
			if (content !== last) {
				// Over the old lines instead of after erasing them: nothing flickers.
				stream.write(`${drawn > 0 ? `${escape}${drawn}A` : ''}\r${content}${eraseBelow}`);
				drawn = lines.length;
				last = content;
			}
		},
		clear() {
			stream.write(eraseAll);
			drawn = 0;
			last = '';
		},
		end() {
			process.off('exit', end);
			end();
		},
	};
};
