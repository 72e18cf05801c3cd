/** What a terminal shows after a text with control sequences. Knows those of scripts/demo/terminal.ts and of colours. Pure. */

/** Characters with one style: the numbers of `ESC [ … m`, such as 1 for bold and 32 for green. */
export type Run = {readonly text: string; readonly codes: readonly number[]};

type Cell = {readonly character: string; readonly codes: readonly number[]};

const escape = '\u001B';

const sequenceOrCharacter = new RegExp(`${escape}\\[([\\d;?]*)([A-Za-z])|[^]`, 'gu');

/** The lines, from the first that was written to the last, each as runs of one style. */
export const screenOf = (text: string): Run[][] => {
	const lines: Cell[][] = [[]];
	let [row, column] = [0, 0];
	let codes: readonly number[] = [];
	// Recordings of `script` begin and end with a line of its own.
	for (const [sequence, parameters = '', final] of text.replaceAll(/^Script (?:started|done).*\n?/gm, '').matchAll(sequenceOrCharacter)) {
		if (final === 'm') {
			codes = styleAfter(codes, parameters);
		} else if (final === 'A') {
			row = Math.max(row - Number(parameters || 1), 0);
		} else if (final === 'K') {
			lines[row]!.length = Math.min(lines[row]!.length, column);
		} else if (final === 'J') {
			lines[row]!.length = Math.min(lines[row]!.length, column);
			lines.length = row + 1;
		} else if (final === 'H') {
			[row, column] = [0, 0];
		} else if (sequence === '\n') {
			row += 1;
			lines[row] ??= [];
		} else if (sequence === '\r') {
			column = 0;
		} else if (final === undefined) {
			while (lines[row]!.length < column) {
				lines[row]!.push({character: ' ', codes: []});
			}

			lines[row]![column] = {character: sequence, codes};
			column += 1;
		}
	}

	return lines.map(line => runsOf(line));
};

/** Ends of styles by number, and the styles that they end. */
const ends: Readonly<Record<number, (code: number) => boolean>> = {
	0: () => true,
	22: code => code === 1 || code === 2,
	39: code => code >= 30 && code <= 37,
};

const styleAfter = (codes: readonly number[], parameters: string): readonly number[] => {
	let style = [...codes];
	for (const code of parameters.split(';').map(Number)) {
		const isEnded = ends[code];
		style = isEnded ? style.filter(one => !isEnded(one)) : style.concat(code);
	}

	return style;
};

const runsOf = (line: readonly Cell[]): Run[] => {
	const runs: Array<{text: string; codes: readonly number[]}> = [];
	for (const {character, codes} of line) {
		const last = runs.at(-1);
		if (last && last.codes.join() === codes.join()) {
			last.text += character;
		} else {
			runs.push({text: character, codes});
		}
	}

	return runs;
};
