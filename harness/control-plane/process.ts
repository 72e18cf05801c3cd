/** Child processes that a script starts, logs and ends, and that never outlive it. */
import {spawn, type ChildProcess} from 'node:child_process';
import {once} from 'node:events';
import {closeSync, createWriteStream, openSync} from 'node:fs';
import {open} from 'node:fs/promises';
import {createInterface} from 'node:readline';
import {endWithThisProcess} from './reaper.ts';

export type ProcessOptions = {
	/** How messages name it. */
	readonly name: string;
	readonly command: string;
	readonly args?: readonly string[];
	readonly cwd?: string;
	/** Default: this process' own environment. */
	readonly env?: NodeJS.ProcessEnv;
	/** Standard output and error are appended to it. */
	readonly logFile: string;
	/** Called with each line of standard output, which goes to the log file all the same. */
	readonly onLine?: (line: string) => void;
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
	/** Resolves once the process has ended, however that came about. */
	readonly exited: Promise<ProcessExit>;
	/** Rejects with a `ProcessCrashError` if the process ends without `stop()`. Never resolves: it is there to be raced against. */
	readonly crashed: Promise<never>;
	/** Signals the process and whatever it started. Returns false if it is gone already. */
	readonly kill: (signal: NodeJS.Signals) => boolean;
	/** SIGTERM, then SIGKILL once the budget (10 s) is spent. Resolves when the process is gone; may be called again. */
	readonly stop: (budgetMs?: number) => Promise<ProcessExit>;
};

/** A process ended that nobody had told to, or ended with an exit code other than 0. */
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
 * Starts a program in a process group of its own. So a Ctrl-C in the terminal reaches this process alone, which can then
 * end its children in order; and a signal to a child reaches whatever that child started.
 *
 * @throws when the program cannot be started at all, for instance because there is no such file.
 */
export const startProcess = async (options: ProcessOptions): Promise<RunningProcess> => {
	const {name, logFile} = options;
	const child = spawnWithLog(options);
	const ended = once(child, 'close');
	// Reaches the caller by the `spawn` event below, or as a crash.
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
	// Whoever cares races against it; to the others a crash is no unhandled rejection.
	crashed.catch(() => {});

	const kill = (signal: NodeJS.Signals): boolean => !gone && signalGroup(pid, signal);
	const stop = async (budgetMs = 10_000): Promise<ProcessExit> => {
		toldToStop = true;
		kill('SIGTERM');
		// A process that a test has paused sees SIGTERM only once it runs again.
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
		// While it was being started.
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

const spawnWithLog = ({command, args = [], cwd, env, logFile, onLine}: ProcessOptions): ChildProcess => {
	const log = openSync(logFile, 'a');
	try {
		// The log is the child's own file descriptor: nothing is lost and no pipe can fill up, whatever this process does.
		const child = spawn(command, args, {
			cwd,
			env: env ?? process.env,
			detached: true,
			stdio: ['ignore', onLine ? 'pipe' : log, log],
		});
		if (onLine && child.stdout) {
			child.stdout.pipe(createWriteStream(logFile, {flags: 'a'}));
			createInterface({input: child.stdout}).on('line', onLine);
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

/** The last 20 lines, from no more than the last 16 KiB: enough for a message, little enough for any log. */
const readTail = async (file: string): Promise<string> => {
	await using handle = await open(file);
	const {size} = await handle.stat();
	const length = Math.min(size, 16 * 1024);
	const {buffer} = await handle.read(Buffer.alloc(length), 0, length, size - length);
	return buffer.toString().trimEnd().split('\n').slice(-20).join('\n');
};
