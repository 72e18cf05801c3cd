/** Fetches files with known checksums. */
import {createHash} from 'node:crypto';
import {createWriteStream} from 'node:fs';
import {pipeline} from 'node:stream/promises';
import {EnvHttpProxyAgent, fetch, type Response} from 'undici';
import {messageOf} from '../../src/errors.ts';

export type Checksum = {
	readonly algorithm: 'sha256' | 'sha512';
	/** Hexadecimal. */
	readonly hash: string;
};

/** The checksum of a file is not the one that its publisher names. Nothing of the file is used. */
export class ChecksumError extends Error {
	override name = 'ChecksumError';

	constructor(url: string, {algorithm, hash}: Checksum, actual: string) {
		super(`The ${algorithm === 'sha256' ? 'SHA-256' : 'SHA-512'} of ${url} is ${actual.slice(0, 16)}…, where its publisher says ${hash.slice(0, 16)}…`);
	}
}

const goArchitectures: Partial<Record<NodeJS.Architecture, string>> = {x64: 'amd64', ppc64: 'ppc64le'};

/** This machine's architecture by Go's name: `amd64`. */
export const goArchitecture = goArchitectures[process.arch] ?? process.arch;

/** Honours HTTPS_PROXY. The timeouts end a connection to a server that does not answer. */
export const createDownloadAgent = (): EnvHttpProxyAgent => new EnvHttpProxyAgent({connect: {timeout: 3000}, headersTimeout: 10_000, bodyTimeout: 30_000});

/** A connection too slow for a small file is too slow for what it describes. */
const smallFileBudgetMs = 5000;

/**
 * Resolves with the text of a small file.
 *
 * @throws an Error that says why it can't be had, within 5 s.
 */
export const readSmall = async (url: string, agent: EnvHttpProxyAgent, signal?: AbortSignal): Promise<string> => {
	const budget = AbortSignal.timeout(smallFileBudgetMs);
	const response = await get(url, agent, signal ? AbortSignal.any([signal, budget]) : budget);
	return response.text();
};

/**
 * Saves a file.
 *
 * @throws {ChecksumError} and any other reason why the file can't be had.
 */
export const download = async (url: string, file: string, checksum: Checksum, agent: EnvHttpProxyAgent, signal?: AbortSignal): Promise<void> => {
	const actual = await saveTo(file, await get(url, agent, signal), checksum.algorithm);
	if (actual !== checksum.hash) {
		throw new ChecksumError(url, checksum, actual);
	}
};

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

/** Returns the checksum of what was written, in hexadecimal. */
const saveTo = async (file: string, response: Response, algorithm: Checksum['algorithm']): Promise<string> => {
	const hash = createHash(algorithm);
	const hashed = async function * () {
		for await (const chunk of response.body ?? []) {
			hash.update(chunk);
			yield chunk;
		}
	};

	await pipeline(hashed, createWriteStream(file));
	return hash.digest('hex');
};
