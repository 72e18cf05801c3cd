/** Lines of styled text: measured and cut first, coloured last. Pure. */
import type {styleText} from 'node:util';

export type Style = Extract<Parameters<typeof styleText>[0], string>;

/** Widths count characters: use only characters that take one column. */
export type Span = string | readonly [text: string, ...styles: readonly Style[]];

export type Line = readonly Span[];

/** Adds a terminal's control codes for the styles to a text. */
export type Paint = (text: string, styles: readonly Style[]) => string;

const textOf = (span: Span): string => typeof span === 'string' ? span : span[0];

export const widthOf = (line: Line): number => line.reduce((width, span) => width + textOf(span).length, 0);

/** The line, filled up with spaces to at least `columns`. */
export const pad = (line: Line, columns: number): Line => [...line, ' '.repeat(Math.max(columns - widthOf(line), 0))];

/** The line itself if it fits, else as much of it as fits and "…". */
export const fit = (line: Line, columns: number): Line => {
	if (widthOf(line) <= columns) {
		return line;
	}

	let room = columns - 1;
	const kept = line.map((span): Span => {
		const text = textOf(span).slice(0, room);
		room -= text.length;
		return typeof span === 'string' ? text : [text, ...span.slice(1) as Style[]];
	});
	return [...kept, '…'];
};

/** Cuts out the middle of a name, which the Pods of one ReplicaSet have in common. */
export const shorten = (name: string, columns: number): string => {
	if (name.length <= columns) {
		return name;
	}

	const tail = Math.min(6, columns - 2);
	return `${name.slice(0, columns - 1 - tail)}…${name.slice(-tail)}`;
};

/** Wraps a sentence between words. A word that is longer than a line stays whole. */
export const wrap = (sentence: string, columns: number): string[] => {
	const lines = [''];
	for (const word of sentence.split(' ')) {
		const line = lines.at(-1)!;
		if (line === '') {
			lines.splice(-1, 1, word);
		} else if (line.length + 1 + word.length <= columns) {
			lines.splice(-1, 1, `${line} ${word}`);
		} else {
			lines.push(word);
		}
	}

	return lines;
};

export const render = (line: Line, paint: Paint): string =>
	line.map(span => typeof span === 'string' ? span : paint(span[0], span.slice(1) as Style[])).join('');

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
