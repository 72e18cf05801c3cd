/** The process's log: JSON for machines, lines for a person at a terminal. */
import {pino} from 'pino';
import type {DestinationStream, Logger} from 'pino';

export type LogOptions = {
	readonly level: string;
	readonly format: 'auto' | 'json' | 'pretty';
	/** Stands in every line. */
	readonly identity: string;
};

/**
 * Writes to standard output, and does not put it off: the last line before a crash is the one that is needed. Where only
 * machines read, what is logged in one turn of the event loop is written together at its end, for a burst logs a line for
 * each Pod.
 */
export const createLogger = async ({level, format, identity}: LogOptions): Promise<Logger> => {
	const options = {level, base: {identity}, timestamp: pino.stdTimeFunctions.isoTime, formatters: {level: (label: string) => ({level: label})}};
	if (format === 'json' || (format === 'auto' && !process.stdout.isTTY)) {
		return pino(options, byTurns(pino.destination({dest: 1, sync: true})));
	}

	const {default: pretty} = await import('pino-pretty');
	return pino(options, pretty({sync: true, ignore: 'identity'}));
};

const byTurns = (destination: DestinationStream): DestinationStream => {
	let lines = '';
	const flush = () => {
		const text = lines;
		lines = '';
		if (text !== '') {
			destination.write(text);
		}
	};

	// Also after an error that nobody has caught; only who is killed, or out of memory, loses this turn's lines.
	process.once('exit', flush);
	return {
		write(line) {
			if (lines === '') {
				setImmediate(flush);
			}

			lines += line;
		},
	};
};
