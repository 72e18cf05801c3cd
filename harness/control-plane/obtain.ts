/**
 * Finds the programs of a control plane, or obtains them. In this order:
 *
 * 1. if the user names a cluster, no program is needed: the demo asks `namedKubeconfig` first;
 * 2. the folder that KUBEBUILDER_ASSETS names (and the PATH for kubectl and helm, of which any recent version will do);
 * 3. the user's cache folder, shared by all checkouts;
 * 4. downloads, verified by their checksums: the envtest archive, and single programs of Kubernetes and kwok;
 * 5. a build from Go modules, for what can't be downloaded;
 * 6. else an error that says what to provide.
 */
import {accessSync, constants, statSync} from 'node:fs';
import path from 'node:path';
import {messageOf} from '../../src/errors.ts';
import {binarySources, kubernetesVersion, listNames, type BinaryName} from './binaries.ts';
import {buildBinaries} from './build.ts';
import {cachedPath, cacheFolder, withCacheLock} from './cache.ts';
import {downloadReleases, released, releaseSites, type ReleaseSites} from './download-releases.ts';
import {downloadBinaries, envtestIndexUrl} from './download.ts';
import {ProcessCrashError} from './process.ts';

export type ObtainOptions = {
	readonly env?: NodeJS.ProcessEnv;
	readonly onProgress?: (line: string) => void;
	readonly signal?: AbortSignal | undefined;
	/** The URL of the list of envtest archives. */
	readonly indexUrl?: string;
	readonly sites?: ReleaseSites;
	/** False: programs that can't be downloaded are missing. Then no call takes minutes. Default true. */
	readonly mayBuild?: boolean;
};

/** A program is missing and could not be obtained. */
export class MissingBinariesError extends Error {
	override name = 'MissingBinariesError';

	constructor(names: readonly BinaryName[], reason: string, options?: ErrorOptions) {
		super(`There is no ${listNames(names)} on this machine, and none could be obtained (${reason}). Provide one of: `
			+ 'KUBEBUILDER_ASSETS, naming a folder that has the missing programs; '
			+ 'a connection to dl.k8s.io and github.com; '
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
	{env = process.env, onProgress = () => {}, signal, indexUrl = envtestIndexUrl, sites = releaseSites, mayBuild = true}: ObtainOptions = {},
): Promise<Readonly<Record<Name, string>>> => {
	const missing = () => names.filter(name => !locate(name, env));
	const cache = cacheFolder(env);
	const download = async () => downloadAll(missing, {cache, indexUrl, sites, onProgress, signal});
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

type DownloadOptions = Parameters<typeof downloadBinaries>[1] & Parameters<typeof downloadReleases>[1];

/**
 * Way 4. Both sources at once, so that without internet both fail in the same seconds. What the archive should have had comes
 * from the releases then, unless these have failed too.
 */
const downloadAll = async (missing: () => readonly BinaryName[], options: DownloadOptions): Promise<void> => {
	const fromEnvtest = missing().filter(name => binarySources[name].inEnvtest);
	const fromReleases = missing().filter(name => !fromEnvtest.includes(name) && released.has(name));
	const [, releasesWork] = await Promise.all([
		attempt('The envtest archive', fromEnvtest, async () => downloadBinaries(fromEnvtest, options), options),
		attempt(listNames(fromReleases), fromReleases, async () => downloadReleases(fromReleases, options), options),
	]);
	const rest = missing().filter(name => released.has(name));
	if (releasesWork) {
		await attempt(listNames(rest), rest, async () => downloadReleases(rest, options), options);
	}
};

/** Whether nothing failed. What fails is built instead. */
const attempt = async (what: string, names: readonly BinaryName[], work: () => Promise<void>, {onProgress, signal}: DownloadOptions): Promise<boolean> => {
	if (names.length === 0) {
		return true;
	}

	try {
		await work();
		return true;
	} catch (error) {
		signal?.throwIfAborted();
		onProgress(`${what} can't be downloaded: ${messageOf(error)}`);
		return false;
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
