/**
 * Downloads the envtest archive of the Kubernetes project, which has etcd, kube-apiserver and kubectl.
 *
 * Its index is a YAML file: releases → v1.36.0 → envtest-v1.36.0-linux-amd64.tar.gz → {hash (SHA-512), selfLink}.
 */
import {readdir} from 'node:fs/promises';
import path from 'node:path';
import type {EnvHttpProxyAgent} from 'undici';
import {parse} from 'yaml';
import {kubernetesVersion, type BinaryName} from './binaries.ts';
import {moveIntoCache, withScratchFolder} from './cache.ts';
import {createDownloadAgent, download, goArchitecture, readSmall} from './fetch-file.ts';
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

/**
 * Puts the named binaries into the cache.
 *
 * @throws {ChecksumError} and any other reason why they can't be had. Without internet it fails within 5 s.
 */
export const downloadBinaries = async (names: readonly BinaryName[], {cache, indexUrl, onProgress, signal}: DownloadOptions): Promise<void> => {
	const agent = createDownloadAgent();
	try {
		const archive = await findArchive(indexUrl, agent, signal);
		onProgress(`Downloading Kubernetes ${archive.version} from ${archive.url}. The result is kept in ${cache}`);
		await withScratchFolder(cache, async folder => {
			const file = path.join(folder, 'envtest.tar.gz');
			await download(archive.url, file, {algorithm: 'sha512', hash: archive.hash}, agent, signal);
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
	const index: unknown = parse(await readSmall(indexUrl, agent, signal));
	const releases = property(index, 'releases');
	const version = nearestVersion(Object.keys(isRecord(releases) ? releases : {}));
	const name = `envtest-${version}-${process.platform}-${goArchitecture}.tar.gz`;
	const archive = property(property(releases, version ?? ''), name);
	const hash = property(archive, 'hash');
	const url = property(archive, 'selfLink');
	if (!version || typeof hash !== 'string' || typeof url !== 'string') {
		throw new Error(`${indexUrl} has no archive for Kubernetes ${kubernetesVersion} on ${process.platform}-${goArchitecture}`);
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

const unpack = async (file: string, folder: string, signal?: AbortSignal): Promise<void> =>
	runProcess({name: 'tar', command: 'tar', args: ['-xzf', file, '-C', folder], logFile: path.join(folder, 'tar.log')}, signal);

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
	typeof value === 'object' && value !== null;

const property = (value: unknown, key: string): unknown => isRecord(value) ? value[key] : undefined;
