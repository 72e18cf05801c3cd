/** TLS files given by flags: read at start, and again when they change. If a changed file is invalid, the previous content stays in use. */
import {createPrivateKey, X509Certificate} from 'node:crypto';
import fs from 'node:fs/promises';
import type {Logger} from 'pino';
import type {Clock} from '../clock.ts';
import {messageOf} from '../errors.ts';
import {decodeBundle} from './certificate-set.ts';
import type {Leaf} from './certificate-set.ts';

/** One file, or two that belong together, and what they contain. */
export type TlsFiles<T> = {
	/** @throws an Error that says which file is invalid or unreadable, and why. */
	readonly read: () => Promise<T>;
	/** Checks for changes every 10 s until the signal is aborted, and calls `onChange` with valid new content. Logs what is invalid. Never rejects. */
	readonly watch: (onChange: (value: T) => void, signal: AbortSignal) => Promise<void>;
};

export type TlsFilesOptions = {
	readonly clock: Pick<Clock, 'sleep'>;
	readonly logger: Logger;
};

/** The kubelet updates a mounted Secret within about a minute, so polling is soon enough. `fs.watch` misses changes behind its symbolic links. */
const intervalMs = 10_000;

/** The certificate that the webhook serves, and its key. */
export const servingFiles = (certificateFile: string, keyFile: string, options: TlsFilesOptions): TlsFiles<Pick<Leaf, 'keyPair' | 'notAfter'>> =>
	tlsFiles([certificateFile, keyFile], ([certificate = '', key = '']) => {
		const parsed = parsePem(`the certificate "${certificateFile}"`, () => new X509Certificate(certificate));
		const privateKey = parsePem(`the private key "${keyFile}"`, () => createPrivateKey(key));
		if (!parsed.checkPrivateKey(privateKey)) {
			throw new Error(`the private key "${keyFile}" does not belong to the certificate "${certificateFile}"`);
		}

		return {keyPair: {certificate, key}, notAfter: parsed.validToDate.getTime()};
	}, options);

/** The authorities (PEM) that must have signed the certificates of clients. */
export const clientCaFile = (file: string, options: TlsFilesOptions): TlsFiles<string> =>
	tlsFiles([file], ([text = '']) => {
		if (decodeBundle(text).length === 0) {
			throw new Error(`the client CA file "${file}" contains no CA certificate in PEM`);
		}

		return text;
	}, options);

const tlsFiles = <T>(paths: readonly string[], decode: (contents: readonly string[]) => T, {clock: {sleep}, logger}: TlsFilesOptions): TlsFiles<T> => {
	let lastRead = '';
	const load = async (): Promise<string[]> => Promise.all(paths.map(async path => readFile(path)));
	return {
		async read() {
			const contents = await load();
			lastRead = contents.join('\0');
			return decode(contents);
		},
		async watch(onChange, signal) {
			for (await sleep(intervalMs, signal); !signal.aborted; await sleep(intervalMs, signal)) {
				try {
					const contents = await load();
					const hasChanged = contents.join('\0') !== lastRead;
					lastRead = contents.join('\0');
					if (hasChanged) {
						onChange(decode(contents));
						logger.info({paths}, 'TLS files have changed: using the new content');
					}
				} catch (error) {
					logger.error({err: error}, `the previous TLS files stay in use: ${messageOf(error)}`);
				}
			}
		},
	};
};

const parsePem = <T>(what: string, parse: () => T): T => {
	try {
		return parse();
	} catch (error) {
		throw new Error(`${what} is invalid: ${messageOf(error)}. It must be PEM`, {cause: error});
	}
};

const readFile = async (path: string): Promise<string> => {
	try {
		return await fs.readFile(path, 'utf8');
	} catch (error) {
		throw new Error(`the file "${path}" can't be read: ${messageOf(error)}`, {cause: error});
	}
};
