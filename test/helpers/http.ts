/** HTTP requests over loopback, well-formed and malformed. */
import {once} from 'node:events';
import http from 'node:http';
import net from 'node:net';
import {text} from 'node:stream/consumers';

export type Answer = {readonly status: number; readonly headers: http.IncomingHttpHeaders; readonly body: string};

/** Sends a request and resolves with the answer. Rejects if the connection ends before the answer. */
export const send = async (port: number, {body, ...options}: http.RequestOptions & {readonly body?: string | Uint8Array}): Promise<Answer> => {
	const request = http.request({host: '127.0.0.1', port, agent: false, ...options});
	request.end(body);
	return answerTo(request);
};

/** Resolves with the answer to a request that has been sent. */
export const answerTo = async (request: http.ClientRequest): Promise<Answer> => {
	// Also after the answer: the server may close the connection while a large body is still being sent.
	request.on('error', () => {});
	const [response] = await once(request, 'response') as [http.IncomingMessage];
	return {status: response.statusCode ?? 0, headers: response.headers, body: await text(response)};
};

/** Writes the bytes as they are, and resolves with all that the server sends until it ends the connection. */
export const sendRaw = async (port: number, bytes: string | Uint8Array): Promise<string> => {
	const {promise: closed, resolve} = Promise.withResolvers<void>();
	const received: Buffer[] = [];
	net.connect({host: '127.0.0.1', port, allowHalfOpen: true})
		.on('data', chunk => received.push(chunk))
		.on('end', function (this: net.Socket) {
			this.destroy();
		})
		.on('error', () => {})
		.on('close', () => resolve())
		.write(bytes);
	await closed;
	return Buffer.concat(received).toString();
};
