/** What the demo needs of its two outputs, the live picture and the log, and how styled lines get to a stream. */
import {styleText} from 'node:util';
import {render} from './styled-text.ts';
import type {Line, Paint} from './styled-text.ts';

export type Output = {
	/** Whether a person is watching, so that a pause is useful. */
	readonly isLive: boolean;
	/** Says what the demo is doing now. */
	readonly announce: (sentence: string) => void;
	/** Call after each change of the state. */
	readonly update: () => void;
	/** Leaves the last picture in place; later text goes below it. May be called twice. */
	readonly finish: () => void;
	/** After `finish`: logs further changes, a line each. */
	readonly continueAsLog: () => void;
};

/** Respects NO_COLOR, FORCE_COLOR, and streams that are not terminals. */
export const paintFor = (stream: NodeJS.WriteStream): Paint => (text, styles) => styles.length > 0 ? styleText([...styles], text, {stream}) : text;

/** Writes lines of any width. */
export const writeLines = (stream: NodeJS.WriteStream, lines: readonly Line[]): void => {
	stream.write(lines.map(line => `${render(line, paintFor(stream))}\n`).join(''));
};
