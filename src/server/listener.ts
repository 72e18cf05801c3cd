/** Listens over HTTPS or HTTP, and stops without dropping requests. */
import {once} from 'node:events';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import type {AddressInfo} from 'node:net';
import {setImmediate as turn} from 'node:timers/promises';
import type {SecureContextOptions} from 'node:tls';
import type Koa from 'koa';
import type {KeyPair} from '../certificates/certificate-set.ts';
import {ConfigurationError, messageOf} from '../errors.ts';

export type Listener = {
	/** The actual port, if port 0 (any free one) was asked for. */
	readonly port: number;
	/** Uses `tls` for new connections; open connections stay. @throws if it is invalid, and then changes nothing. */
	readonly useTls: (tls: TlsOptions) => void;
	/** Stops accepting connections, and keeps serving open ones. */
	readonly stopAccepting: () => void;
	/** Stops accepting connections, and resolves when all requests are answered. After `budgetMs`, closes the connections that are left. */
	readonly close: (budgetMs: number) => Promise<void>;
};

export type TlsOptions = KeyPair & {
	/** Authorities (PEM), one of which must have signed the client's certificate. Without it, clients need no certificate. */
	readonly clientCa?: string;
};

export type ListenOptions = {
	readonly host: string | undefined;
	readonly port: number;
	/** Without it, plain HTTP. */
	readonly tls?: TlsOptions;
	/** How long a client may take for the TLS handshake, and to send a whole request. Default 15 s; an AdmissionReview arrives in milliseconds. */
	readonly requestTimeoutMs?: number;
	/** Further connections are closed at once. Default 1500. */
	readonly maximumConnections?: number;
};

/** Longer than the 90 s for which the API server keeps idle connections: if the webhook closed first, it could drop a request on its way. */
const keepAliveTimeoutMs = 120_000;

/**
 * An API server opens as many connections as it has requests for the webhook, of which it handles 600 at a time by default
 * (`--max-requests-inflight` and `--max-mutating-requests-inflight`), and keeps 25 of them when they are idle.
 */
const defaultMaximumConnections = 1500;

/** @throws {ConfigurationError} if the port is taken, the address is not one of this machine, or the certificate is invalid. */
export const listen = async (app: Koa, options: ListenOptions): Promise<Listener> => {
	const {host, port} = options;
	const handle = app.callback();
	let closed: Promise<unknown> | undefined;
	let isClosing = false;
	const server = createServer(options, (request, response) => {
		response.once('close', () => {
			// A connection that was busy when `close` was called is idle now.
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

	limitConnections(server, options, error => app.emit('error', error));
	// A connection that can't be accepted, for example for lack of file descriptors, must not end the process.
	server.on('error', error => app.emit('error', error));
	const stopAccepting = () => {
		if (!closed) {
			closed = once(server, 'close');
			// The close of http.Server ends idle connections at once, but a request may be on its way on any of them.
			net.Server.prototype.close.call(server);
		}
	};

	return {
		stopAccepting,
		port: (server.address() as AddressInfo).port,
		useTls(tls) {
			if (server instanceof https.Server) {
				server.setSecureContext(secureContextOf(tls));
			}
		},
		close: async budgetMs => {
			const cutOff = setTimeout(() => server.closeAllConnections(), budgetMs);
			stopAccepting();
			isClosing = true;
			// Let Node read what has arrived: a connection with a request on it is not idle.
			await turn();
			await turn();
			server.closeIdleConnections();
			await closed;
			clearTimeout(cutOff);
		},
	};
};

/** Limits the number of connections, and reports once when connections begin to be closed for that. */
const limitConnections = (server: http.Server, {maximumConnections = defaultMaximumConnections}: ListenOptions, report: (error: Error) => void): void => {
	let isReported = false;
	server.maxConnections = maximumConnections;
	server.on('drop', () => {
		if (!isReported) {
			isReported = true;
			report(new Error(`${maximumConnections} connections are open: closing further ones`));
		}
	});
	server.on('connection', () => {
		isReported = false;
	});
};

const createServer = ({tls, requestTimeoutMs = 15_000}: ListenOptions, onRequest: http.RequestListener): http.Server => {
	const timeouts = {
		keepAliveTimeout: keepAliveTimeoutMs,
		requestTimeout: requestTimeoutMs,
		// Node checks the timeout every 30 s by default, which would add 30 s to it.
		connectionsCheckingInterval: requestTimeoutMs / 5,
	};
	if (!tls) {
		return http.createServer(timeouts, onRequest);
	}

	try {
		// Node takes an empty certificate for none, listens, and then rejects every connection.
		if (!tls.certificate || !tls.key) {
			throw new Error('a file is empty');
		}

		const clientCheck = {requestCert: tls.clientCa !== undefined, rejectUnauthorized: tls.clientCa !== undefined};
		return https.createServer({...timeouts, handshakeTimeout: requestTimeoutMs, ...secureContextOf(tls), ...clientCheck}, onRequest);
	} catch (error) {
		throw new ConfigurationError(`the webhook's certificate can't be used: ${messageOf(error)}. Both files must be PEM, and the key must belong to the certificate`, {cause: error});
	}
};

const secureContextOf = ({certificate, key, clientCa}: TlsOptions): SecureContextOptions =>
	({cert: certificate, key, ca: clientCa, minVersion: 'TLSv1.2'});
