/**
 * Finds the programs of a control plane, or obtains them. In this order:
 *
 * 1. if the user names a cluster, no program is needed: callers ask `namedKubeconfig` first;
 * 2. the folder that KUBEBUILDER_ASSETS names (and the PATH for kubectl and helm, of which any recent version will do);
 * 3. the user's cache folder, shared by all checkouts;
 * 4. the envtest archive, verified by its checksum, for the programs that it has;
 * 5. a build from Go modules, for the others;
 * 6. else an error that says what to provide.
 */
import {accessSync, constants, statSync} from 'node:fs';
import path from 'node:path';
import {messageOf} from '../../src/errors.ts';
import {binarySources, kubernetesVersion, listNames, type BinaryName} from './binaries.ts';
import {buildBinaries} from './build.ts';
import {cachedPath, cacheFolder, withCacheLock} from './cache.ts';
import {downloadBinaries, envtestIndexUrl} from './download.ts';
import {ProcessCrashError} from './process.ts';

export type ObtainOptions = {
	readonly env?: NodeJS.ProcessEnv;
	readonly onProgress?: (line: string) => void;
	readonly signal?: AbortSignal | undefined;
	/** The URL of the list of envtest archives. */
	readonly indexUrl?: string;
	/** False: programs that can't be downloaded are missing. Then no call takes minutes. Default true. */
	readonly mayBuild?: boolean;
};

/** A program is missing and could not be obtained. */
export class MissingBinariesError extends Error {
	override name = 'MissingBinariesError';

	constructor(names: readonly BinaryName[], reason: string, options?: ErrorOptions) {
		super(`There is no ${listNames(names)} on this machine, and none could be obtained (${reason}). Provide one of: `
			+ 'KUBECONFIG, naming a running cluster that may be used; '
			+ 'KUBEBUILDER_ASSETS, naming a folder that has the missing programs; '
			+ `Go on the PATH with access to a module proxy, to build Kubernetes ${kubernetesVersion} from source`, options);
	}
}

/** The kubeconfig of a cluster to use instead of a new one. `~/.kube/config` does not count: the user did not name it for this. */
export const namedKubeconfig = (env: NodeJS.ProcessEnv): string | undefined => env['KUBECONFIG'] || undefined;

/**
 * Returns a path for each name. Safe to call from several processes at once.
 *
 * @throws {MissingBinariesError}
 */
export const obtainBinaries = async <Name extends BinaryName>(
	names: readonly Name[],
	{env = process.env, onProgress = () => {}, signal, indexUrl = envtestIndexUrl, mayBuild = true}: ObtainOptions = {},
): Promise<Readonly<Record<Name, string>>> => {
	const missing = () => names.filter(name => !locate(name, env));
	const cache = cacheFolder(env);
	const download = async () => tryDownload(missing().filter(name => binarySources[name].inEnvtest), {cache, indexUrl, onProgress, signal});
	if (missing().length > 0 && !mayBuild) {
		// Without the lock, which another process may hold for the minutes of a build.
		await download();
		if (missing().length > 0) {
			throw new MissingBinariesError(missing(), 'they can\'t be downloaded');
		}
	} else if (missing().length > 0) {
		await withCacheLock(cache, async () => {
			// Asked again: another process may have done the work while this one waited for the lock.
			await download();
			await build(missing(), {env, onProgress, signal});
		}, {signal, onWait: () => {
			onProgress(`Waiting for another process that is filling ${cache}`);
		}});
	}

	const paths: Partial<Record<Name, string>> = {};
	for (const name of names) {
		const file = locate(name, env);
		if (!file) {
			throw new MissingBinariesError([name], `${cachedPath(cacheFolder(env), name)} vanished`);
		}

		paths[name] = file;
	}

	return paths as Record<Name, string>;
};

/** Ways 2 and 3. */
const locate = (name: BinaryName, env: NodeJS.ProcessEnv): string | undefined =>
	[
		env['KUBEBUILDER_ASSETS'] && path.join(env['KUBEBUILDER_ASSETS'], name),
		...(binarySources[name].onPath ? (env['PATH'] ?? '').split(path.delimiter).map(folder => folder && path.join(folder, name)) : []),
		cachedPath(cacheFolder(env), name),
	].find(file => file && isExecutable(file)) || undefined;

const isExecutable = (file: string): boolean => {
	try {
		accessSync(file, constants.X_OK);
		return statSync(file).isFile();
	} catch {
		return false;
	}
};

/** Way 4. If it fails, the programs are built instead. */
const tryDownload = async (names: readonly BinaryName[], options: Parameters<typeof downloadBinaries>[1]): Promise<void> => {
	if (names.length === 0) {
		return;
	}

	try {
		await downloadBinaries(names, options);
	} catch (error) {
		options.signal?.throwIfAborted();
		options.onProgress(`The envtest archive can't be downloaded: ${messageOf(error)}`);
	}
};

/** Way 5, or 6. */
const build = async (names: readonly BinaryName[], options: Parameters<typeof buildBinaries>[1]): Promise<void> => {
	if (names.length === 0) {
		return;
	}

	try {
		await buildBinaries(names, options);
	} catch (error) {
		options.signal?.throwIfAborted();
		throw new MissingBinariesError(names, whyNotBuilt(error), {cause: error});
	}
};

const whyNotBuilt = (error: unknown): string => {
	if (error instanceof ProcessCrashError) {
		// Not the error's own message: it names the log, which is deleted with the unfinished build.
		return `go build failed:\n${error.logTail}\n`;
	}

	return error instanceof Error && 'code' in error && error.code === 'ENOENT' ? 'Go is not on the PATH' : messageOf(error);
};
