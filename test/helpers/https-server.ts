/** An API server's HTTPS side: it answers as the test says, and records what it was asked. */
import type http from 'node:http';
import https from 'node:https';
import type {AddressInfo} from 'node:net';
import type {ExecutionContext} from 'ava';
import type {Connection} from '../../src/kubernetes/credentials.ts';
import {newSet} from './certificates.ts';

export type RecordedRequest = {
	readonly method: string | undefined;
	readonly url: string | undefined;
	readonly headers: http.IncomingHttpHeaders;
	readonly body: string;
};

export type HttpsServer = {
	readonly port: number;
	/** The authority that signed its certificate for 127.0.0.1, PEM. */
	readonly ca: string;
	readonly requests: RecordedRequest[];
	/** Credentials and a pool for it. */
	readonly connection: Connection;
};

const {signer, leaf} = await newSet({now: Date.now(), hosts: ['127.0.0.1']});

/** Starts a server until the end of the test. `answer` is called once the whole request has arrived. */
export const startHttpsServer = async (t: ExecutionContext, answer: (response: http.ServerResponse, request: RecordedRequest) => void): Promise<HttpsServer> => {
	const requests: RecordedRequest[] = [];
	const server = https.createServer({cert: leaf.keyPair.certificate, key: leaf.keyPair.key}, (request, response) => {
		let body = '';
		request.setEncoding('utf8').on('data', chunk => {
			body += String(chunk);
		}).once('end', () => {
			const recorded = {method: request.method, url: request.url, headers: request.headers, body};
			requests.push(recorded);
			answer(response, recorded);
		});
	});
	const {promise: listening, resolve} = Promise.withResolvers<void>();
	server.listen(0, '127.0.0.1', resolve);
	await listening;
	const {port} = server.address() as AddressInfo;
	const agent = new https.Agent({ca: signer.pem, keepAlive: true});
	t.teardown(() => {
		agent.destroy();
		server.close();
		server.closeAllConnections();
	});
	const connection = {server: `https://127.0.0.1:${port}/prefix`, agent, authorization: async () => ({authorization: 'Bearer token'})};
	return {port, ca: signer.pem, requests, connection};
};
