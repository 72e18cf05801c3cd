/** Redraws lines in place on a terminal. */
import type {WriteStream} from 'node:tty';

export type Terminal = {
	/** Draws over what was drawn before. No line may be wider than the terminal, and there must be fewer lines than rows. */
	readonly draw: (lines: readonly string[]) => void;
	/** Call after the terminal changed its size: it may have wrapped or moved the old lines. */
	readonly clear: () => void;
	/** Shows the cursor again, below the last drawing. */
	readonly end: () => void;
};

const escape = '\u001B[';
const hideCursor = `${escape}?25l`;
const showCursor = `${escape}?25h`;
const eraseToEndOfLine = `${escape}K`;
const eraseBelow = `${escape}J`;
const eraseAll = `${escape}2J${escape}H`;

export const createTerminal = (stream: WriteStream): Terminal => {
	let drawn = 0;
	let last = '';
	stream.write(hideCursor);
	const end = () => {
		stream.write(showCursor);
	};

	// The cursor must come back however the process exits.
	process.once('exit', end);
	return {
		draw(lines) {
			const content = lines.map(line => `${line}${eraseToEndOfLine}\n`).join('');
			if (content !== last) {
				// Overwriting the old lines, instead of erasing them first, avoids flicker.
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
