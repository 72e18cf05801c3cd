/**
 * Downloads single programs as their projects release them: those of Kubernetes from its download site, with the checksum in a
 * file beside each (https://kubernetes.io/releases/download/#binaries), and kwok from GitHub, whose API names the checksum of
 * each file of a release (`digest`).
 */
import {chmod} from 'node:fs/promises';
import path from 'node:path';
import type {EnvHttpProxyAgent} from 'undici';
import {kubernetesVersion, kwokVersion, listNames, type BinaryName} from './binaries.ts';
import {moveIntoCache, withScratchFolder} from './cache.ts';
import {createDownloadAgent, download, goArchitecture, readSmall, type Checksum} from './fetch-file.ts';

export type ReleaseSites = {
	/** Has `<version>/bin/<os>/<architecture>/<program>`, and the same with `.sha256`. */
	readonly kubernetes: string;
	/** GitHub's API for the releases of kwok. */
	readonly kwok: string;
};

export const releaseSites: ReleaseSites = {
	kubernetes: 'https://dl.k8s.io/release',
	kwok: 'https://api.github.com/repos/kubernetes-sigs/kwok/releases',
};

/** The programs that are released as single files. etcd is not; the envtest archive has it. */
export const released: ReadonlySet<BinaryName> = new Set<BinaryName>(['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubectl', 'kwok']);

type DownloadOptions = {
	readonly cache: string;
	readonly sites: ReleaseSites;
	readonly onProgress: (line: string) => void;
	readonly signal?: AbortSignal | undefined;
};

/**
 * Puts the named programs into the cache, one after the other.
 *
 * @throws {ChecksumError} and any other reason why one can't be had. Those before it are in the cache. Without internet it fails within 5 s.
 */
export const downloadReleases = async (names: readonly BinaryName[], {cache, sites, onProgress, signal}: DownloadOptions): Promise<void> => {
	const agent = createDownloadAgent();
	try {
		// All checksums first: small files show whether the sites can be reached.
		const releases = await Promise.all(names.map(async name => ({name, ...await (name === 'kwok' ? findKwok : findKubernetes)(name, sites, agent, signal)})));
		onProgress(`Downloading ${listNames(names)} from ${listNames([...new Set(releases.map(({url}) => new URL(url).host))])}. The result is kept in ${cache}`);
		await withScratchFolder(cache, async folder => {
			for (const {name, url, checksum} of releases) {
				const file = path.join(folder, name);
				await download(url, file, checksum, agent, signal);
				await chmod(file, 0o755);
				await moveIntoCache(file, cache, name);
			}
		});
	} finally {
		await agent.destroy();
	}
};

type Release = {readonly url: string; readonly checksum: Checksum};

const sha256 = /^[\da-f]{64}$/;

const findKubernetes = async (name: BinaryName, sites: ReleaseSites, agent: EnvHttpProxyAgent, signal?: AbortSignal): Promise<Release> => {
	const url = `${sites.kubernetes}/${kubernetesVersion}/bin/${process.platform}/${goArchitecture}/${name}`;
	const [hash = ''] = (await readSmall(`${url}.sha256`, agent, signal)).trim().split(/\s/);
	if (!sha256.test(hash)) {
		throw new Error(`${url}.sha256 has no SHA-256 but "${hash.slice(0, 80)}"`);
	}

	return {url, checksum: {algorithm: 'sha256', hash}};
};

type GitHubRelease = {readonly assets?: ReadonlyArray<{readonly name: string; readonly browser_download_url: string; readonly digest?: string}>};

const findKwok = async (name: BinaryName, sites: ReleaseSites, agent: EnvHttpProxyAgent, signal?: AbortSignal): Promise<Release> => {
	const url = `${sites.kwok}/tags/${kwokVersion}`;
	const {assets = []} = JSON.parse(await readSmall(url, agent, signal)) as GitHubRelease;
	const file = `${name}-${process.platform}-${goArchitecture}`;
	const asset = assets.find(asset => asset.name === file);
	const hash = asset?.digest?.replace(/^sha256:/, '') ?? '';
	if (!asset || !sha256.test(hash)) {
		throw new Error(`${url} has no file ${file} with a SHA-256`);
	}

	return {url: asset.browser_download_url, checksum: {algorithm: 'sha256', hash}};
};
