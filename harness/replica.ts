/** One replica of the product, as a process of this machine. */
import {environment} from '../scripts/build/node-flags.ts';
import {startProcess} from './control-plane/process.ts';
import type {RunningProcess} from './control-plane/process.ts';

export type Replica = {
	readonly name: string;
	readonly process: RunningProcess;
	readonly webhookPort: number;
	readonly healthPort: number;
	readonly metricsPort: number;
	/** With the random suffix, as the Lease shows it. */
	readonly identity: string;
	/** From the start of the process until it logged that it was ready. */
	readonly readyMs: number;
};

/** A line of a replica's log. */
export type LogLine = {readonly identity: string; readonly level: string; readonly msg: string; readonly [member: string]: unknown};

/** A replica waits two minutes (the hold time) before it uses a ledger that was deleted. */
const readyBudgetMs = 150_000;

export type ReplicaOptions = {
	readonly name: string;
	/** Node's whole command line: its flags, the bundle and the program's arguments. */
	readonly args: readonly string[];
	readonly logFile: string;
	/** Called with each line that the replica logs. */
	readonly onLog?: (line: LogLine) => void;
	/** Ends the attempt to start. */
	readonly signal?: AbortSignal;
};

/**
 * Resolves once the replica logs that it is ready.
 *
 * @throws {ProcessCrashError} when it ends before that, and an Error when it is not ready in time.
 */
export const startReplica = async ({name, args, logFile, onLog, signal}: ReplicaOptions): Promise<Replica> => {
	signal?.throwIfAborted();
	const startedAt = performance.now();
	const ready = Promise.withResolvers<LogLine>();
	const process = await startProcess({
		name,
		command: globalThis.process.execPath,
		args,
		env: {...globalThis.process.env, ...environment},
		logFile,
		onLine(text) {
			const line = JSON.parse(text) as LogLine;
			onLog?.(line);
			if (line.msg === 'ready') {
				ready.resolve(line);
			}
		},
	});
	const giveUp = () => {
		ready.reject(signal?.reason);
	};

	signal?.addEventListener('abort', giveUp, {once: true});
	const timer = setTimeout(() => ready.reject(new Error(`${name} was not ready after ${readyBudgetMs / 1000} s: see ${logFile}`)), readyBudgetMs);
	let line: LogLine;
	try {
		line = await Promise.race([ready.promise, process.crashed]);
	} catch (error) {
		await process.stop();
		throw error;
	} finally {
		clearTimeout(timer);
		signal?.removeEventListener('abort', giveUp);
	}

	return {
		name,
		process,
		webhookPort: Number(line['webhookPort']),
		healthPort: Number(line['healthPort']),
		metricsPort: Number(line['metricsPort']),
		identity: line.identity,
		readyMs: performance.now() - startedAt,
	};
};
