/** Where the API server is and how to speak to it: `--kubeconfig`, else the in-cluster service account, else the usual files. */
import fs from 'node:fs';
import https from 'node:https';
import tls from 'node:tls';
// The package's entry loads every generated API class (0.3 s, 80 MB); this module is all that we need of it.
import {KubeConfig} from '@kubernetes/client-node/dist/config.js';
import {ConfigurationError, messageOf} from '../errors.ts';

/** A way to the API server: one pool of kept connections, and headers that stay valid while tokens rotate. */
export type Connection = {
	/** With the path prefix that the server may have; no slash at the end. */
	readonly server: string;
	readonly agent: https.Agent;
	/** Reads token files and runs credential plugins again when their content may have changed. */
	readonly authorization: () => Promise<Readonly<Record<string, string>>>;
};

const serviceAccountDirectory = '/var/run/secrets/kubernetes.io/serviceaccount';

/** client-go re-reads a rotated token at most this late; the kubelet writes a new one long before the old one ends. */
const authorizationLifetimeMs = 10_000;

/** The API server closes idle connections after 90 s: whoever closes first must be us, or a request is lost on the way. */
const idleConnectionMs = 60_000;

/** Five for watches, a few for reads and commits; a burst of Pods does not need more, because commits are grouped. */
const maximumConnections = 16;

/**
 * @param kubeconfig path given by `--kubeconfig`.
 * @param now a monotonic clock, milliseconds.
 * @throws {ConfigurationError} when no credentials are found or they can't be read; the message says where was looked.
 */
export const connect = async (kubeconfig: string | undefined, now: () => number): Promise<Connection> => {
	const config = loadKubeConfig(kubeconfig);
	const cluster = config.getCurrentCluster();
	if (!cluster) {
		throw new ConfigurationError(`${describeSource(kubeconfig)} has no cluster for its current context "${config.currentContext}": choose one with "kubectl config use-context"`);
	}

	if (!cluster.server.startsWith('https:') || cluster.proxyUrl) {
		throw new ConfigurationError(`${describeSource(kubeconfig)} reaches the cluster at "${cluster.server}"${cluster.proxyUrl ? ` through the proxy "${cluster.proxyUrl}"` : ''}: the operator needs https and no proxy-url`);
	}

	const {ca, cert, key, rejectUnauthorized, servername} = await applied(config);
	return {
		server: cluster.server.replace(/\/$/, ''),
		agent: new https.Agent({
			// Read once, not for each connection.
			secureContext: tls.createSecureContext({ca, cert, key}),
			...(rejectUnauthorized !== undefined && {rejectUnauthorized}),
			...(servername !== undefined && {servername}),
			keepAlive: true,
			maxSockets: maximumConnections,
			timeout: idleConnectionMs,
		}),
		authorization: cached(async () => headersOf(await applied(config)), authorizationLifetimeMs, now),
	};
};

const loadKubeConfig = (path: string | undefined): KubeConfig => {
	const config = new KubeConfig();
	try {
		if (path) {
			config.loadFromFile(path);
		} else if (process.env['KUBERNETES_SERVICE_HOST'] && fs.existsSync(`${serviceAccountDirectory}/token`)) {
			config.loadFromCluster();
		} else {
			config.loadFromDefault();
		}
	} catch (error) {
		throw new ConfigurationError(`${describeSource(path)} can't be read: ${messageOf(error)}`, {cause: error});
	}

	return config;
};

const describeSource = (path: string | undefined): string =>
	path ? `the kubeconfig "${path}"` : 'the service account of the Pod, or else $KUBECONFIG, or else ~/.kube/config,';

type Applied = Omit<https.RequestOptions, 'headers'> & {readonly headers?: Readonly<Record<string, string>>};

const applied = async (config: KubeConfig): Promise<Applied> => {
	const options: https.RequestOptions = {headers: {}};
	await config.applyToHTTPSOptions(options);
	return options as Applied;
};

const headersOf = ({headers, auth}: Applied): Record<string, string> => ({
	...headers,
	...(auth && {authorization: `Basic ${Buffer.from(auth).toString('base64')}`}),
});

const cached = <T>(load: () => Promise<T>, lifetimeMs: number, now: () => number): (() => Promise<T>) => {
	let value: Promise<T> | undefined;
	let loadedAt = 0;
	return async () => {
		if (!value || now() - loadedAt > lifetimeMs) {
			loadedAt = now();
			value = load();
			value.catch(() => {
				value = undefined;
			});
		}

		return value;
	};
};
