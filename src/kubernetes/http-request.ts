/** Sends one HTTPS request to the API server over a keep-alive connection. */
import type http from 'node:http';
import https from 'node:https';
import {unlessAborted} from '../unless-aborted.ts';
import {AnswerTooLongError} from '../errors.ts';
import type {Connection} from './credentials.ts';

export type HttpRequest = {
	readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
	/** Starts with a slash, and includes the query. */
	readonly path: string;
	readonly headers?: Readonly<Record<string, string>>;
	/** Sent as JSON. */
	readonly body?: unknown;
	readonly signal: AbortSignal;
};

/**
 * Characters. Bounds the memory that one answer or one event of a watch can use. etcd stores objects of up to 1.5 MiB by default
 * (`--max-request-bytes`), and a character may be six in the answer (`<` is `\u003c`): 9.4 million. This is twice as many.
 */
export const maximumAnswerLength = 20 * 1024 * 1024;

/**
 * Resolves with the response, whatever its status, once its headers are there. Read its body with `readText` or as a stream.
 *
 * @throws the signal's reason or the network's error. Then a write may or may not have happened.
 */
export const sendRequest = async ({server, agent, authorization}: Connection, {method, path, headers, body, signal}: HttpRequest): Promise<http.IncomingMessage> => {
	const content = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
	const allHeaders = {...await unlessAborted(authorization(), signal), ...headers, ...(content && {'content-length': String(content.length)})};
	return new Promise((resolve, reject) => {
		const request = https.request(`${server}${path}`, {method, agent, headers: allHeaders, signal}, resolve);
		request.setNoDelay(true);
		request.once('error', error => {
			reject(signal.aborted ? signal.reason as Error : error);
		});
		request.end(content);
	});
};

/**
 * @param maximumLength in characters.
 * @throws {AnswerTooLongError} if the body is longer; or the network's error if it breaks off.
 */
export const readText = async (response: http.IncomingMessage, maximumLength = maximumAnswerLength): Promise<string> => {
	let text = '';
	for await (const chunk of response.setEncoding('utf8') as AsyncIterable<string>) {
		text += chunk;
		if (text.length > maximumLength) {
			throw new AnswerTooLongError(maximumLength);
		}
	}

	return text;
};
