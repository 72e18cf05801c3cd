/** The running components of one control plane, by name. */
import path from 'node:path';
import {startProcess, type RunningProcess} from './process.ts';

export type ProgramName = 'etcd' | 'kube-apiserver' | 'kube-controller-manager' | 'kube-scheduler' | 'kwok';

/** A program, or one more API server. */
export type ComponentName = ProgramName | 'kube-apiserver-2' | 'kube-apiserver-3';

export type Components = Readonly<Partial<Record<ComponentName, RunningProcess>>>;

export type Launcher = {
	/** All that were launched, also those that have ended since. */
	readonly components: Components;
	/** Starts a component. It replaces the one with the same name in `components`. */
	readonly launch: (name: ComponentName, args: readonly string[]) => Promise<void>;
	/**
	 * Runs `work`, which needs the components. Its signal is aborted when the result is no longer wanted.
	 *
	 * @throws {ProcessCrashError} as soon as a component ends.
	 */
	readonly whileAllRun: <Result>(work: (signal: AbortSignal) => Promise<Result>, signal?: AbortSignal) => Promise<Result>;
	/** Ends one component. */
	readonly stop: (name: ComponentName) => Promise<void>;
	/** Ends all components, etcd last: an API server without etcd takes long to stop. */
	readonly stopAll: () => Promise<void>;
};

/** No component needs long to stop: all state is in etcd's files. */
const stopBudgetMs = 3000;

export const createLauncher = (binaries: Readonly<Partial<Record<ProgramName, string>>>, directory: string): Launcher => {
	const components: Partial<Record<ComponentName, RunningProcess>> = {};

	const launch = async (name: ComponentName, args: readonly string[]): Promise<void> => {
		const program = name.replace(/-\d+$/, '') as ProgramName;
		components[name] = await startProcess({
			name,
			command: binaries[program] ?? program,
			args,
			cwd: directory,
			// Otherwise kwok reads the configuration in the user's home.
			env: {...process.env, KWOK_WORKDIR: directory},
			logFile: path.join(directory, `${name}.log`),
		});
	};

	const whileAllRun = async <Result>(work: (signal: AbortSignal) => Promise<Result>, signal?: AbortSignal): Promise<Result> => {
		const over = new AbortController();
		const crashes = Object.values(components).map(async component => component.crashed);
		try {
			return await Promise.race([work(AbortSignal.any([over.signal, ...(signal ? [signal] : [])])), ...crashes]);
		} finally {
			over.abort();
		}
	};

	const stop = async (name: ComponentName): Promise<void> => {
		await components[name]?.stop(stopBudgetMs);
	};

	const stopAll = async (): Promise<void> => {
		await Promise.all((Object.keys(components) as ComponentName[]).filter(name => name !== 'etcd').map(stop));
		await stop('etcd');
	};

	return {components, launch, whileAllRun, stop, stopAll};
};
