/** The process's log: JSON for machines, lines for a person at a terminal. */
import {pino} from 'pino';
import type {Logger} from 'pino';

export type LogOptions = {
	readonly level: string;
	readonly format: 'auto' | 'json' | 'pretty';
	/** Stands in every line. */
	readonly identity: string;
};

/** Writes to standard output, at once: the last line before a crash is the one that is needed. */
export const createLogger = async ({level, format, identity}: LogOptions): Promise<Logger> => {
	const options = {level, base: {identity}, timestamp: pino.stdTimeFunctions.isoTime, formatters: {level: (label: string) => ({level: label})}};
	if (format === 'json' || (format === 'auto' && !process.stdout.isTTY)) {
		return pino(options, pino.destination({dest: 1, sync: true}));
	}

	const {default: pretty} = await import('pino-pretty');
	return pino(options, pretty({sync: true, ignore: 'identity'}));
};
