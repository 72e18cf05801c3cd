/** Child processes that a script starts, logs and ends, and that end with it in any case. */
import {spawn, type ChildProcess} from 'node:child_process';
import {once} from 'node:events';
import {closeSync, createWriteStream, openSync} from 'node:fs';
import {open} from 'node:fs/promises';
import {createInterface} from 'node:readline';
import {endWithThisProcess} from './reaper.ts';

export type ProcessOptions = {
	/** The name in messages. */
	readonly name: string;
	readonly command: string;
	readonly args?: readonly string[];
	readonly cwd?: string;
	/** Default: this process' own environment. */
	readonly env?: NodeJS.ProcessEnv;
	/** Standard output and error are appended to this file. */
	readonly logFile: string;
	/** Called with each line of standard output, which goes to the log file too. */
	readonly onLine?: (line: string) => void;
	/** The same for standard error. */
	readonly onErrorLine?: (line: string) => void;
	readonly onExit?: (exit: ProcessExit) => void;
};

export type ProcessExit = {
	readonly code: number | null;
	readonly signal: NodeJS.Signals | null;
};

export type RunningProcess = {
	readonly name: string;
	readonly pid: number;
	readonly logFile: string;
	/** Resolves once the process has ended, for whatever reason. */
	readonly exited: Promise<ProcessExit>;
	/** Rejects with a `ProcessCrashError` if the process ends without `stop()`. Never resolves: use it in `Promise.race`. */
	readonly crashed: Promise<never>;
	/** Sends a signal to the process and its children. Returns false if the process has ended. */
	readonly kill: (signal: NodeJS.Signals) => boolean;
	/** Sends SIGTERM, and SIGKILL after the budget (default 10 s). Resolves when the process has ended. May be called again. */
	readonly stop: (budgetMs?: number) => Promise<ProcessExit>;
};

/** A process ended without being stopped, or with an exit code other than 0. */
export class ProcessCrashError extends Error {
	override name = 'ProcessCrashError';
	readonly exit: ProcessExit;
	/** The last lines of its log. */
	readonly logTail: string;

	constructor(processName: string, exit: ProcessExit, logFile: string, logTail: string) {
		const how = exit.signal ? `was ended by ${exit.signal}` : `ended with exit code ${exit.code}`;
		super(`${processName} ${how}. The end of its log (${logFile}):\n${logTail || '(empty)'}`);
		this.exit = exit;
		this.logTail = logTail;
	}
}

/**
 * Starts a program in a process group of its own. So Ctrl-C in the terminal reaches this process only, which can then end its
 * children in order, and a signal to a child reaches that child's children.
 *
 * @throws when the program can't be started, for instance because there is no such file.
 */
export const startProcess = async (options: ProcessOptions): Promise<RunningProcess> => {
	const {name, logFile} = options;
	const child = spawnWithLog(options);
	const ended = once(child, 'close');
	// The caller learns of a failure by the `spawn` event below, or as a crash.
	ended.catch(() => {});
	const forget = child.pid === undefined ? () => {} : endWithThisProcess(child.pid);
	await once(child, 'spawn');
	const {pid} = child;
	if (pid === undefined) {
		throw new Error(`${name} has no process id`);
	}

	let gone = false;
	let toldToStop = false;
	const exited = ended.then((): ProcessExit => {
		gone = true;
		forget();
		const exit = {code: child.exitCode, signal: child.signalCode};
		options.onExit?.(exit);
		return exit;
	});
	const crashed = exited.then(async exit => {
		if (toldToStop) {
			return never;
		}

		throw new ProcessCrashError(name, exit, logFile, await readTail(logFile));
	});
	// A caller that does not race against it must not get an unhandled rejection.
	crashed.catch(() => {});

	const kill = (signal: NodeJS.Signals): boolean => !gone && signalGroup(pid, signal);
	const stop = async (budgetMs = 10_000): Promise<ProcessExit> => {
		toldToStop = true;
		kill('SIGTERM');
		// A paused process handles SIGTERM only after it resumes.
		kill('SIGCONT');
		const timer = setTimeout(kill, budgetMs, 'SIGKILL');
		try {
			return await exited;
		} finally {
			clearTimeout(timer);
		}
	};

	return {name, pid, logFile, exited, crashed, kill, stop};
};

/**
 * Runs a program to its end.
 *
 * @throws {ProcessCrashError} when its exit code is not 0.
 * @throws the signal's reason, after the program has been ended, when the signal is aborted.
 */
export const runProcess = async (options: ProcessOptions, signal?: AbortSignal): Promise<void> => {
	signal?.throwIfAborted();
	const running = await startProcess(options);
	const stop = () => {
		void running.stop();
	};

	signal?.addEventListener('abort', stop, {once: true});
	if (signal?.aborted) {
		// The signal was aborted while the program started.
		stop();
	}

	const exit = await running.exited;
	signal?.removeEventListener('abort', stop);
	signal?.throwIfAborted();
	if (exit.code !== 0) {
		throw new ProcessCrashError(options.name, exit, options.logFile, await readTail(options.logFile));
	}
};

const never = new Promise<never>(() => {});

const spawnWithLog = ({command, args = [], cwd, env, logFile, onLine, onErrorLine}: ProcessOptions): ChildProcess => {
	const log = openSync(logFile, 'a');
	try {
		// The child writes to the log itself, so that no line is lost and no pipe fills up, whatever this process does.
		const child = spawn(command, args, {
			cwd,
			env: env ?? process.env,
			detached: true,
			stdio: ['ignore', onLine ? 'pipe' : log, onErrorLine ? 'pipe' : log],
		});
		for (const [stream, listener] of [[child.stdout, onLine], [child.stderr, onErrorLine]] as const) {
			if (stream && listener) {
				stream.pipe(createWriteStream(logFile, {flags: 'a'}));
				createInterface({input: stream}).on('line', listener);
			}
		}

		return child;
	} finally {
		closeSync(log);
	}
};

const signalGroup = (leader: number, signal: NodeJS.Signals): boolean => {
	try {
		return process.kill(-leader, signal);
	} catch {
		return false;
	}
};

/** The last 20 lines, or fewer if they are longer than 16 KiB: enough for an error message, whatever the size of the log. */
const readTail = async (file: string): Promise<string> => {
	await using handle = await open(file);
	const {size} = await handle.stat();
	const length = Math.min(size, 16 * 1024);
	const {buffer} = await handle.read(Buffer.alloc(length), 0, length, size - length);
	return buffer.toString().trimEnd().split('\n').slice(-20).join('\n');
};
