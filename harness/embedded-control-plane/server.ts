/** Serves the embedded API over HTTPS on loopback, to clients with a certificate of the control plane's authority. */
import {once} from 'node:events';
import type {IncomingMessage, ServerResponse} from 'node:http';
import https from 'node:https';
import type {AddressInfo} from 'node:net';
import {text} from 'node:stream/consumers';
import type {TLSSocket} from 'node:tls';
import {parse} from 'yaml';
import {messageOf} from '../../src/errors.ts';
import {failure} from '../in-memory-api/answers.ts';
import type {ApiRequest} from '../in-memory-api/answers.ts';
import {parsePath} from '../in-memory-api/target.ts';
import type {Caller} from './api/caller.ts';
import type {Answer, EmbeddedApi} from './api/embedded-api.ts';
import {streamWatch} from './watch-stream.ts';

export type Server = AsyncDisposable & {
	/** On 127.0.0.1. */
	readonly port: number;
};

export type Certificates = {
	readonly authorityPem: string;
	readonly certificatePem: string;
	readonly keyPem: string;
};

/** Longer than the minute for which the product's client keeps idle connections: if the server closed first, a request on its way would be lost. */
const idleConnectionMs = 90_000;

export const serve = async (api: EmbeddedApi, {authorityPem, certificatePem, keyPem}: Certificates): Promise<Server> => {
	const server = https.createServer({
		ca: authorityPem, cert: certificatePem, key: keyPem, requestCert: true, rejectUnauthorized: true, keepAliveTimeout: idleConnectionMs,
	}, (request, response) => {
		void answerRequest(api, request, response).catch((error: unknown) => send(response, failure({status: 500, reason: 'InternalError', message: messageOf(error)})));
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	return {
		port: (server.address() as AddressInfo).port,
		async [Symbol.asyncDispose]() {
			const closed = once(server, 'close');
			server.close();
			server.closeAllConnections();
			await closed;
		},
	};
};

const answerRequest = async (api: EmbeddedApi, incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
	const request = {
		method: incoming.method as ApiRequest['method'],
		path: incoming.url ?? '',
		...(incoming.headers.accept !== undefined && {accept: incoming.headers.accept}),
	};
	const query = new URLSearchParams(request.path.split('?')[1]);
	if (request.method === 'GET' && ['true', '1'].includes(query.get('watch') ?? '') && parsePath(request.path)) {
		streamWatch(api.server, request, query, response);
		return;
	}

	const contentType = incoming.headers['content-type']?.split(';')[0] ?? 'application/json';
	const content = await text(incoming);
	if (!readable.has(contentType) && content !== '') {
		send(response, failure({status: 415, reason: 'UnsupportedMediaType', message: `the body of the request was in the format "${contentType}": the embedded control plane reads JSON`}));
		return;
	}

	let body: unknown;
	try {
		// YAML contains JSON, and is slow to read.
		body = content === '' ? undefined : (contentType.endsWith('yaml') && !content.startsWith('{') ? parse(content) : JSON.parse(content));
	} catch (error) {
		send(response, failure({status: 400, reason: 'BadRequest', message: `the body of the request can't be decoded: ${messageOf(error)}`}));
		return;
	}

	send(response, await api.handle({...request, contentType, body, fieldManager: fieldManagerOf(incoming, query)}, callerOf(incoming)));
};

const readable = new Set(['application/json', 'application/yaml', 'application/merge-patch+json', 'application/strategic-merge-patch+json', 'application/json-patch+json', 'application/apply-patch+yaml']);

/** As the API server finds it: without the parameter, the client's name before the slash. */
const fieldManagerOf = ({headers}: IncomingMessage, query: URLSearchParams): string =>
	query.get('fieldManager') || (headers['user-agent'] ?? 'unknown').split('/')[0]!;

const callerOf = ({socket}: IncomingMessage): Caller => {
	const {CN, O} = (socket as TLSSocket).getPeerCertificate().subject as {CN: string; O?: string | string[]};
	return {user: CN, groups: [O ?? []].flat()};
};

const send = (response: ServerResponse, {status, body, warnings = []}: Answer): void => {
	const content = typeof body === 'string' ? body : JSON.stringify(body);
	const {details} = (body ?? {}) as {readonly details?: {readonly retryAfterSeconds?: number}};
	response.statusCode = status;
	response.setHeader('content-type', typeof body === 'string' ? 'text/plain' : 'application/json');
	response.setHeader('content-length', Buffer.byteLength(content));
	if (warnings.length > 0) {
		// RFC 7234: the code 299, and the text in quotes.
		response.setHeader('warning', warnings.map(warning => `299 - ${quoted(warning)}`));
	}

	if (details?.retryAfterSeconds !== undefined) {
		response.setHeader('retry-after', details.retryAfterSeconds);
	}

	response.end(content);
};

/** A header has no line breaks. */
const quoted = (warning: string): string => `"${warning.replaceAll(/\p{Cc}/gu, ' ').replaceAll(/["\\]/g, String.raw`\$&`)}"`;
