/**
 * The folder that keeps the programs, shared by all checkouts of a user.
 *
 * A file appears in it complete or not at all: it is made in a scratch folder on the same file system and then renamed. This is
 * the guarantee. The lock only saves work: it keeps two processes from building the same program at the same time.
 */
import {access, constants, mkdir, mkdtemp, open, rename, rm, stat, unlink, utimes} from 'node:fs/promises';
import {homedir} from 'node:os';
import path from 'node:path';
import {setTimeout as delay} from 'node:timers/promises';
import {helmVersion, kubernetesVersion, kwokVersion, type BinaryName} from './binaries.ts';
import {removeWithThisProcess} from './reaper.ts';

/** `~/.cache/hostport-operator/control-plane`, or the same below XDG_CACHE_HOME. */
export const cacheFolder = (env: NodeJS.ProcessEnv): string =>
	path.join(env['XDG_CACHE_HOME'] || path.join(env['HOME'] || homedir(), '.cache'), 'hostport-operator', 'control-plane');

/** The path of a program in the cache. It contains the version, so that a new version does not find an old file. */
export const cachedPath = (cache: string, name: BinaryName): string =>
	path.join(cache, folders[name] ?? kubernetesVersion, name);

/** Of the programs that have versions of their own. */
const folders: Partial<Record<BinaryName, string>> = {kwok: `kwok-${kwokVersion}`, helm: `helm-${helmVersion}`};

/**
 * Moves a finished program into the cache.
 *
 * @throws when the file is not executable.
 */
export const moveIntoCache = async (file: string, cache: string, name: BinaryName): Promise<void> => {
	const target = cachedPath(cache, name);
	await access(file, constants.X_OK);
	await mkdir(path.dirname(target), {recursive: true});
	await rename(file, target);
};

/** Runs `work` with a new folder inside the cache, and removes the folder afterwards. */
export const withScratchFolder = async <Result>(cache: string, work: (folder: string) => Promise<Result>): Promise<Result> => {
	await mkdir(cache, {recursive: true});
	const folder = await mkdtemp(path.join(cache, 'unfinished-'));
	const forget = removeWithThisProcess(folder);
	try {
		return await work(folder);
	} finally {
		await rm(folder, {recursive: true, force: true});
		forget();
	}
};

/** Runs `work` while this process holds the cache's lock. Calls `onWait` once if another process holds it. */
export const withCacheLock = async <Result>(
	cache: string,
	work: () => Promise<Result>,
	{onWait, signal}: {readonly onWait?: () => void; readonly signal?: AbortSignal | undefined} = {},
): Promise<Result> => {
	await mkdir(cache, {recursive: true});
	const lock = path.join(cache, 'lock');
	for (let waited = false; !(await take(lock)); waited = true) {
		if (!waited) {
			onWait?.();
		}

		await delay(200, undefined, {signal}).catch(() => {});
		signal?.throwIfAborted();
	}

	// A live holder touches the lock. A process id in it would not do: another process may have the same id later.
	const beat = setInterval(() => {
		const now = new Date();
		utimes(lock, now, now).catch(() => {});
	}, beatMs);
	beat.unref();
	const forget = removeWithThisProcess(lock);
	try {
		return await work();
	} finally {
		clearInterval(beat);
		await rm(lock, {force: true});
		forget();
	}
};

const beatMs = 1000;
/** A busy machine may miss a few beats. If it misses ten, the work is done twice, which does no harm. */
const staleAfterMs = 10 * beatMs;

const take = async (lock: string): Promise<boolean> => {
	try {
		const handle = await open(lock, 'wx');
		await handle.close();
		return true;
	} catch (error) {
		if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) {
			throw error;
		}
	}

	if (await ageMs(lock) > staleAfterMs) {
		await unlink(lock).catch(() => {});
	}

	return false;
};

/** How long ago the file was touched; 0 if it has been removed. */
const ageMs = async (file: string): Promise<number> => {
	try {
		const {mtimeMs} = await stat(file);
		return Date.now() - mtimeMs;
	} catch {
		return 0;
	}
};
