/** Listening, over TLS or not, and stopping without cutting anybody off. */
import {once} from 'node:events';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import type {AddressInfo} from 'node:net';
import {setImmediate as turn} from 'node:timers/promises';
import type {SecureContextOptions} from 'node:tls';
import type Koa from 'koa';
import {ConfigurationError, messageOf} from '../errors.ts';

export type Listener = {
	/** The port that it listens on, also where any free one was asked for. */
	readonly port: number;
	/** Serves new connections with this from now on; those that are open stay. @throws when it can't be used: then nothing changes. */
	readonly useCertificate: (tls: TlsMaterial) => void;
	/** Takes no more connections, and serves on those that there are. */
	readonly stopAccepting: () => void;
	/** Takes no more connections, and resolves when all requests are answered. Whoever takes longer than `budgetMs` is cut off. */
	readonly close: (budgetMs: number) => Promise<void>;
};

/** PEM. */
export type TlsMaterial = {
	readonly cert: string;
	readonly key: string;
	/** Who must have signed the certificate that a client shows; without it nobody is asked for one. */
	readonly ca?: string | undefined;
};

export type ListenOptions = {
	readonly host: string | undefined;
	readonly port: number;
	/** Without it, plain HTTP. */
	readonly tls?: TlsMaterial;
	/** Bounds what a client that sends slowly can hold on to; an honest review arrives in milliseconds. */
	readonly requestTimeoutMs?: number;
};

/** The API server's client keeps idle connections for 90 s: whoever closes first must not be us, or a request is lost on the way. */
const keepAliveTimeoutMs = 120_000;

/** @throws {ConfigurationError} when the port is taken, the address is not ours, or the certificate can't be used. */
export const listen = async (app: Koa, options: ListenOptions): Promise<Listener> => {
	const {host, port} = options;
	const handle = app.callback();
	let closed: Promise<unknown> | undefined;
	let isClosing = false;
	const server = createServer(options, (request, response) => {
		response.once('close', () => {
			// Keep-alive ends with `close`, also for connections that were busy then.
			if (isClosing) {
				setImmediate(() => server.closeIdleConnections());
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
	const stopAccepting = () => {
		if (!closed) {
			closed = once(server, 'close');
			// Not that of HTTP, which ends idle connections at once: a request may be on its way on any of them.
			net.Server.prototype.close.call(server);
		}
	};

	return {
		stopAccepting,
		port: (server.address() as AddressInfo).port,
		useCertificate(tls) {
			if (server instanceof https.Server) {
				server.setSecureContext(secureContextOf(tls));
			}
		},
		close: async budgetMs => {
			const cutOff = setTimeout(() => server.closeAllConnections(), budgetMs);
			stopAccepting();
			isClosing = true;
			// What has arrived by now is read first: a connection is not idle that has a request on it.
			await turn();
			await turn();
			server.closeIdleConnections();
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

		const clientCheck = {requestCert: tls.ca !== undefined, rejectUnauthorized: tls.ca !== undefined};
		return https.createServer({...timeouts, ...secureContextOf(tls), ...clientCheck}, onRequest);
	} catch (error) {
		throw new ConfigurationError(`the webhook's certificate can't be used: ${messageOf(error)}. Both files must be PEM, and the key that of the certificate`, {cause: error});
	}
};

/** `ca` is left out where there is none, for Node takes an empty one for the system's authorities. */
const secureContextOf = ({cert, key, ca}: TlsMaterial): SecureContextOptions => ({cert, key, ...(ca !== undefined && {ca}), minVersion: 'TLSv1.2'});
