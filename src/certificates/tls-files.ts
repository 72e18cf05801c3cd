/** Certificate, key and client authority from files: read at start, and again when they change. What can't be used changes nothing. */
import {createPrivateKey, X509Certificate} from 'node:crypto';
import fs from 'node:fs/promises';
import type {Logger} from 'pino';
import {messageOf} from '../errors.ts';
import {decodeBundle} from './certificate-set.ts';

/** What a file, or two that belong together, holds, as far as it can be used. */
export type TlsFiles<T> = {
	/** @throws an Error that says which file can't be used, and why. */
	readonly read: () => Promise<T>;
	/** Looks every `intervalMs` whether they have changed, until the signal is aborted, and tells of what can be used. Never rejects. */
	readonly watch: (onChange: (value: T) => void, signal: AbortSignal) => Promise<void>;
};

export type TlsFilesOptions = {
	/** See `Clock`. */
	readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
	readonly logger: Logger;
};

/** The kubelet brings a changed Secret within about a minute. Its files are links to links, of which `fs.watch` misses changes. */
const intervalMs = 10_000;

export type ServingFiles = {readonly cert: string; readonly key: string; /** Wall clock, milliseconds since 1970. */ readonly notAfter: number};

/** The webhook's own certificate. */
export const servingFiles = (certFile: string, keyFile: string, options: TlsFilesOptions): TlsFiles<ServingFiles> =>
	tlsFiles([certFile, keyFile], ([cert = '', key = '']) => {
		const certificate = usable(`the certificate "${certFile}"`, () => new X509Certificate(cert));
		const privateKey = usable(`the private key "${keyFile}"`, () => createPrivateKey(key));
		if (!certificate.checkPrivateKey(privateKey)) {
			throw new Error(`the private key "${keyFile}" is not that of the certificate "${certFile}"`);
		}

		return {cert, key, notAfter: certificate.validToDate.getTime()};
	}, options);

/** Those who vouch for clients, PEM. */
export const clientAuthorityFile = (file: string, options: TlsFilesOptions): TlsFiles<string> =>
	tlsFiles([file], ([text = '']) => {
		if (decodeBundle(text).length === 0) {
			throw new Error(`the client authority "${file}" holds no certificate of an authority in PEM`);
		}

		return text;
	}, options);

const tlsFiles = <T>(paths: readonly string[], decode: (contents: readonly string[]) => T, {sleep, logger}: TlsFilesOptions): TlsFiles<T> => {
	let seen = '';
	const load = async (): Promise<string[]> => Promise.all(paths.map(async path => usableLater(`the file "${path}"`, async () => fs.readFile(path, 'utf8'))));
	return {
		async read() {
			const contents = await load();
			seen = contents.join('\0');
			return decode(contents);
		},
		async watch(onChange, signal) {
			for (await sleep(intervalMs, signal); !signal.aborted; await sleep(intervalMs, signal)) {
				try {
					const contents = await load();
					const isNews = contents.join('\0') !== seen;
					seen = contents.join('\0');
					if (isNews) {
						onChange(decode(contents));
						logger.info({paths}, 'the files of the webhook\'s certificate have changed: using them');
					}
				} catch (error) {
					logger.error({err: error}, `what was read before stays in use: ${messageOf(error)}`);
				}
			}
		},
	};
};

const usable = <T>(what: string, parse: () => T): T => {
	try {
		return parse();
	} catch (error) {
		throw new Error(`${what} can't be used: ${messageOf(error)}. It must be PEM`, {cause: error});
	}
};

const usableLater = async <T>(what: string, read: () => Promise<T>): Promise<T> => {
	try {
		return await read();
	} catch (error) {
		throw new Error(`${what} can't be read: ${messageOf(error)}`, {cause: error});
	}
};
