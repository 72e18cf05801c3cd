/** The running components of one control plane, by name. */
import path from 'node:path';
import {startProcess, type RunningProcess} from './process.ts';

export type ComponentName = 'etcd' | 'kube-apiserver' | 'kube-controller-manager' | 'kube-scheduler' | 'kwok';

export type Components = Readonly<Partial<Record<ComponentName, RunningProcess>>>;

export type Launcher = {
	/** What runs now, and what has ended since it was launched. */
	readonly components: Components;
	/** Starts a component, in place of the one of that name if there was one. */
	readonly launch: (name: ComponentName, args: readonly string[]) => Promise<void>;
	/**
	 * Does some work that needs the components to run, with a signal that is aborted when the work is pointless.
	 *
	 * @throws {ProcessCrashError} as soon as one of them ends.
	 */
	readonly whileAllRun: <Result>(work: (signal: AbortSignal) => Promise<Result>, signal?: AbortSignal) => Promise<Result>;
	/** Ends one component. */
	readonly stop: (name: ComponentName) => Promise<void>;
	/** Ends all of them: etcd last, because an API server without etcd takes long to go. */
	readonly stopAll: () => Promise<void>;
};

/** Nothing here deserves a long farewell; what matters is on etcd's disk. */
const stopBudgetMs = 3000;

export const createLauncher = (binaries: Readonly<Partial<Record<ComponentName, string>>>, directory: string): Launcher => {
	const components: Partial<Record<ComponentName, RunningProcess>> = {};

	const launch = async (name: ComponentName, args: readonly string[]): Promise<void> => {
		components[name] = await startProcess({
			name,
			command: binaries[name] ?? name,
			args,
			cwd: directory,
			// Else kwok reads the configuration that its user may have at home.
			env: {...process.env, KWOK_WORKDIR: directory},
			logFile: path.join(directory, `${name}.log`),
		});
	};

	const whileAllRun = async <Result>(work: (signal: AbortSignal) => Promise<Result>, signal?: AbortSignal): Promise<Result> => {
		const pointless = new AbortController();
		const crashes = Object.values(components).map(async component => component.crashed);
		try {
			return await Promise.race([work(AbortSignal.any([pointless.signal, ...(signal ? [signal] : [])])), ...crashes]);
		} finally {
			pointless.abort();
		}
	};

	const stop = async (name: ComponentName): Promise<void> => {
		await components[name]?.stop(stopBudgetMs);
	};

	const stopAll = async (): Promise<void> => {
		await Promise.all([stop('kwok'), stop('kube-scheduler'), stop('kube-controller-manager'), stop('kube-apiserver')]);
		await stop('etcd');
	};

	return {components, launch, whileAllRun, stop, stopAll};
};
