/** The process's log: JSON for machines, readable lines for a terminal. */
import {pino} from 'pino';
import type {DestinationStream, Logger} from 'pino';
import {version} from './version.ts';

export type LogOptions = {
	readonly level: string;
	readonly format: 'auto' | 'json' | 'pretty';
	/** Included in every line of JSON. */
	readonly identity: string;
};

/**
 * Logs to standard output, synchronously, because the last lines before a crash are the ones that are needed. JSON lines of
 * one turn of the event loop are written together at its end: a burst logs one line for each Pod.
 */
export const createLogger = async ({level, format, identity}: LogOptions): Promise<Logger> => {
	const options = {level, base: {identity, version}, timestamp: pino.stdTimeFunctions.isoTime, formatters: {level: (label: string) => ({level: label})}};
	if (format === 'json' || (format === 'auto' && !process.stdout.isTTY)) {
		return pino(options, batchedByTurn(pino.destination({dest: 1, sync: true})));
	}

	const {default: pretty} = await import('pino-pretty');
	return pino(options, pretty({sync: true, ignore: 'identity,version'}));
};

const batchedByTurn = (destination: DestinationStream): DestinationStream => {
	let lines = '';
	const flush = () => {
		const text = lines;
		lines = '';
		if (text !== '') {
			destination.write(text);
		}
	};

	// Runs after uncaught errors too. Only SIGKILL or lack of memory loses the lines of this turn.
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
