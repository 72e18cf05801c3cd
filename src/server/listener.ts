/** Listening, over TLS or not, and stopping without cutting anybody off. */
import http from 'node:http';
import https from 'node:https';
import type {AddressInfo} from 'node:net';
import type Koa from 'koa';
import {ConfigurationError} from '../errors.ts';

export type Listener = {
	/** The port that it listens on, also where any free one was asked for. */
	readonly port: number;
	/** Takes no more connections, and resolves when all requests are answered. Whoever takes longer than `budgetMs` is cut off. */
	readonly close: (budgetMs: number) => Promise<void>;
};

export type ListenOptions = {
	readonly host: string | undefined;
	readonly port: number;
	/** PEM; without it, plain HTTP. */
	readonly tls?: {readonly cert: string; readonly key: string};
};

/** The API server's client keeps idle connections for 90 s: whoever closes first must not be us, or a request is lost on the way. */
const keepAliveTimeoutMs = 120_000;

/** Bounds what a client that sends slowly can hold on to; an honest review arrives in milliseconds. */
const requestTimeoutMs = 15_000;
const headersTimeoutMs = 10_000;

/** @throws {ConfigurationError} when the port is taken, the address is not ours, or the certificate can't be used. */
export const listen = async (app: Koa, {host, port, tls}: ListenOptions): Promise<Listener> => {
	const timeouts = {keepAliveTimeout: keepAliveTimeoutMs, requestTimeout: requestTimeoutMs, headersTimeout: headersTimeoutMs};
	const handle = app.callback();
	const onRequest: http.RequestListener = (request, response) => {
		void handle(request, response);
	};

	let server: http.Server;
	try {
		server = tls ? https.createServer({...timeouts, ...tls, minVersion: 'TLSv1.2'}, onRequest) : http.createServer(timeouts, onRequest);
		await new Promise<void>((resolve, reject) => {
			server.once('error', reject);
			server.listen({host, port}, resolve);
		});
	} catch (error) {
		throw new ConfigurationError(`can't listen on port ${port}: ${error instanceof Error ? error.message : String(error)}`, {cause: error});
	}

	return {
		port: (server.address() as AddressInfo).port,
		close: async budgetMs => new Promise(resolve => {
			const cutOff = setTimeout(() => server.closeAllConnections(), budgetMs);
			server.close(() => {
				clearTimeout(cutOff);
				resolve();
			});
			server.closeIdleConnections();
		}),
	};
};
