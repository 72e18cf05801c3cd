/** Listening, over TLS or not, and stopping without cutting anybody off. */
import {once} from 'node:events';
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
	/** Bounds what a client that sends slowly can hold on to; an honest review arrives in milliseconds. */
	readonly requestTimeoutMs?: number;
};

/** The API server's client keeps idle connections for 90 s: whoever closes first must not be us, or a request is lost on the way. */
const keepAliveTimeoutMs = 120_000;

/** @throws {ConfigurationError} when the port is taken, the address is not ours, or the certificate can't be used. */
export const listen = async (app: Koa, options: ListenOptions): Promise<Listener> => {
	const {host, port} = options;
	const handle = app.callback();
	const server = createServer(options, (request, response) => {
		response.once('close', () => {
			// Keep-alive ends with `close`, also for connections that were busy then.
			if (!server.listening) {
				server.closeIdleConnections();
			}
		});
		void handle(request, response);
	});

	try {
		server.listen({host, port});
		await once(server, 'listening');
	} catch (error) {
		throw new ConfigurationError(`can't listen on port ${port} of ${host ?? 'all addresses'}: ${messageOf(error)}`, {cause: error});
	}

	// A connection that can't be accepted, for want of file descriptors for instance, must not end the process.
	server.on('error', error => app.emit('error', error));
	return {
		port: (server.address() as AddressInfo).port,
		close: async budgetMs => {
			const cutOff = setTimeout(() => server.closeAllConnections(), budgetMs);
			const closed = once(server, 'close');
			server.close();
			await closed;
			clearTimeout(cutOff);
		},
	};
};

const createServer = ({tls, requestTimeoutMs = 15_000}: ListenOptions, onRequest: http.RequestListener): http.Server => {
	const timeouts = {
		keepAliveTimeout: keepAliveTimeoutMs,
		requestTimeout: requestTimeoutMs,
		// Node looks every 30 s by default: a request could take that much longer.
		connectionsCheckingInterval: requestTimeoutMs / 5,
	};
	if (!tls) {
		return http.createServer(timeouts, onRequest);
	}

	try {
		// Node would take an empty one for none, listen, and refuse every connection.
		if (!tls.cert || !tls.key) {
			throw new Error('a file is empty');
		}

		return https.createServer({...timeouts, ...tls, minVersion: 'TLSv1.2'}, onRequest);
	} catch (error) {
		throw new ConfigurationError(`the webhook's certificate can't be used: ${messageOf(error)}. Both files must be PEM, and the key that of the certificate`, {cause: error});
	}
};

const messageOf = (error: unknown): string => error instanceof Error ? error.message : String(error);
