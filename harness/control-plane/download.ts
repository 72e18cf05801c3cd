/**
 * Downloads the envtest archive of the Kubernetes project, which has etcd, kube-apiserver and kubectl.
 *
 * Its index is a YAML file: releases → v1.36.0 → envtest-v1.36.0-linux-amd64.tar.gz → {hash (SHA-512), selfLink}.
 */
import {createHash} from 'node:crypto';
import {createWriteStream} from 'node:fs';
import {readdir} from 'node:fs/promises';
import path from 'node:path';
import {pipeline} from 'node:stream/promises';
import {EnvHttpProxyAgent, fetch, type Response} from 'undici';
import {parse} from 'yaml';
import {messageOf} from '../../src/errors.ts';
import {kubernetesVersion, type BinaryName} from './binaries.ts';
import {moveIntoCache, withScratchFolder} from './cache.ts';
import {runProcess} from './process.ts';

export const envtestIndexUrl = 'https://raw.githubusercontent.com/kubernetes-sigs/controller-tools/HEAD/envtest-releases.yaml';

type DownloadOptions = {
	readonly cache: string;
	readonly indexUrl: string;
	readonly onProgress: (line: string) => void;
	readonly signal?: AbortSignal | undefined;
};

type Archive = {
	readonly version: string;
	readonly hash: string;
	readonly url: string;
};

/** The archive's checksum is not the one in the index. Nothing of the archive is used. */
export class ChecksumError extends Error {
	override name = 'ChecksumError';

	constructor(url: string, expected: string, actual: string) {
		super(`The SHA-512 of ${url} is ${actual.slice(0, 16)}…, where the index says ${expected.slice(0, 16)}…`);
	}
}

/**
 * Puts the named binaries into the cache.
 *
 * @throws {ChecksumError} and any other reason why they can't be had. Without internet it fails within 5 s.
 */
export const downloadBinaries = async (names: readonly BinaryName[], {cache, indexUrl, onProgress, signal}: DownloadOptions): Promise<void> => {
	// Honours HTTPS_PROXY. The timeouts end a connection to a server that does not answer.
	const agent = new EnvHttpProxyAgent({connect: {timeout: 3000}, headersTimeout: 10_000, bodyTimeout: 30_000});
	try {
		const archive = await findArchive(indexUrl, agent, signal);
		onProgress(`Downloading Kubernetes ${archive.version} from ${archive.url}. The result is kept in ${cache}`);
		await withScratchFolder(cache, async folder => {
			const file = path.join(folder, 'envtest.tar.gz');
			const hash = await saveTo(file, await get(archive.url, agent, signal));
			if (hash !== archive.hash) {
				throw new ChecksumError(archive.url, archive.hash, hash);
			}

			await unpack(file, folder, signal);
			// The archive's folders have changed over the years, the programs' names have not.
			for (const entry of await readdir(folder, {recursive: true, withFileTypes: true})) {
				const name = names.find(name => name === entry.name);
				if (name && entry.isFile()) {
					await moveIntoCache(path.join(entry.parentPath, entry.name), cache, name);
				}
			}
		});
	} finally {
		await agent.destroy();
	}
};

const findArchive = async (indexUrl: string, agent: EnvHttpProxyAgent, signal?: AbortSignal): Promise<Archive> => {
	// A small file. A connection too slow for it is too slow for the archive.
	const budget = AbortSignal.timeout(5000);
	const response = await get(indexUrl, agent, signal ? AbortSignal.any([signal, budget]) : budget);
	const index: unknown = parse(await response.text());
	const releases = property(index, 'releases');
	const version = nearestVersion(Object.keys(isRecord(releases) ? releases : {}));
	const name = `envtest-${version}-${platform()}.tar.gz`;
	const archive = property(property(releases, version ?? ''), name);
	const hash = property(archive, 'hash');
	const url = property(archive, 'selfLink');
	if (!version || typeof hash !== 'string' || typeof url !== 'string') {
		throw new Error(`${indexUrl} has no archive for Kubernetes ${kubernetesVersion} on ${platform()}`);
	}

	return {version, hash, url};
};

/** The exact version, else the newest patch release of the same minor version: not every patch has an archive. */
const nearestVersion = (versions: readonly string[]): string | undefined => {
	const [major, minor] = kubernetesVersion.split('.');
	return versions.find(version => version === kubernetesVersion)
		?? versions
			.filter(version => version.startsWith(`${major}.${minor}.`) && Number.isInteger(patchOf(version)))
			.toSorted((a, b) => patchOf(b) - patchOf(a))[0];
};

/** NaN for pre-releases such as v1.36.0-rc.1. */
const patchOf = (version: string) => Number(version.split('.').slice(2).join('.'));

/** The platform by Go's names: `linux-amd64`. */
const platform = (): string => `${process.platform}-${goArchitectures[process.arch] ?? process.arch}`;

const goArchitectures: Partial<Record<NodeJS.Architecture, string>> = {x64: 'amd64', ppc64: 'ppc64le'};

const get = async (url: string, dispatcher: EnvHttpProxyAgent, signal?: AbortSignal): Promise<Response> => {
	const response = await fetch(url, {dispatcher, signal: signal ?? null}).catch((error: unknown) => {
		// fetch's own message is only "fetch failed"; the reason is its cause.
		const reason = error instanceof Error ? error.cause ?? error : error;
		throw new Error(`${url} cannot be fetched: ${messageOf(reason)}`, {cause: error});
	});
	if (!response.ok) {
		throw new Error(`${url} answers with status ${response.status}`);
	}

	return response;
};

/** Returns the SHA-512 of what was written, in hexadecimal. */
const saveTo = async (file: string, response: Response): Promise<string> => {
	const hash = createHash('sha512');
	const hashed = async function * () {
		for await (const chunk of response.body ?? []) {
			hash.update(chunk);
			yield chunk;
		}
	};

	await pipeline(hashed, createWriteStream(file));
	return hash.digest('hex');
};

const unpack = async (file: string, folder: string, signal?: AbortSignal): Promise<void> =>
	runProcess({name: 'tar', command: 'tar', args: ['-xzf', file, '-C', folder], logFile: path.join(folder, 'tar.log')}, signal);

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
	typeof value === 'object' && value !== null;

const property = (value: unknown, key: string): unknown => isRecord(value) ? value[key] : undefined;
