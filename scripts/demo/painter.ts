import {styleText} from 'node:util';
import {render} from './text.ts';
import type {Line, Paint} from './text.ts';

/** Respects NO_COLOR, FORCE_COLOR and a stream that is no terminal. */
export const painter = (stream: NodeJS.WriteStream): Paint => (text, styles) => styles.length > 0 ? styleText([...styles], text, {stream}) : text;

/** Writes lines of any width. */
export const writeLines = (stream: NodeJS.WriteStream, lines: readonly Line[]): void => {
	stream.write(lines.map(line => `${render(line, painter(stream))}\n`).join(''));
};
