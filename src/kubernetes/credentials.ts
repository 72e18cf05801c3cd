/** Finds the API server and its credentials: `--kubeconfig`, else the Pod's service account, else `$KUBECONFIG`, else `~/.kube/config`. */
import fs from 'node:fs';
import https from 'node:https';
import tls from 'node:tls';
import {KubeConfig} from '@kubernetes/client-node';
import {ConfigurationError, messageOf} from '../errors.ts';

/** A pool of keep-alive connections to the API server, and headers that stay valid while tokens rotate. */
export type Connection = {
	/** The URL, including the path prefix of the server if it has one, without a slash at the end. */
	readonly server: string;
	readonly agent: https.Agent;
	/** Headers with the credentials. Token files are read and credential plugins run again when their result may have changed. */
	readonly authorization: () => Promise<Readonly<Record<string, string>>>;
};

const serviceAccountDirectory = '/var/run/secrets/kubernetes.io/serviceaccount';

/** As in client-go, a rotated token is read again after this. The kubelet rotates a token long before it expires. */
const authorizationLifetimeMs = 10_000;

/** Shorter than the 90 s after which the API server closes idle connections: if it closed first, a request on its way would be lost. */
const idleConnectionMs = 60_000;

/** Five for watches, the rest for reads and commits. A burst of Pods needs no more, because requests are committed in batches. */
const maximumConnections = 16;

/**
 * @param kubeconfig path given by `--kubeconfig`.
 * @param now monotonic clock, milliseconds.
 * @param root where the file system with the service account begins.
 * @throws {ConfigurationError} if no credentials are found or they can't be read; the message says where they were looked for.
 */
export const connect = async (kubeconfig: string | undefined, now: () => number, root = ''): Promise<Connection> => {
	const config = loadKubeConfig(kubeconfig, root);
	const cluster = config.getCurrentCluster();
	if (!cluster) {
		throw new ConfigurationError(`${describeSource(kubeconfig)} has no cluster for its current context "${config.currentContext}": choose one with "kubectl config use-context"`);
	}

	if (!cluster.server.startsWith('https:') || cluster.proxyUrl) {
		throw new ConfigurationError(`${describeSource(kubeconfig)} reaches the cluster at "${cluster.server}"${cluster.proxyUrl ? ` through the proxy "${cluster.proxyUrl}"` : ''}: the operator needs https and no proxy-url`);
	}

	const provider: unknown = config.getCurrentUser()?.authProvider?.name;
	if (provider === 'azure' || provider === 'gcp') {
		throw new ConfigurationError(`${describeSource(kubeconfig)} has the auth-provider "${provider}", which Kubernetes has removed in 1.26: make the kubeconfig again with the credential plugin of your cloud, ${plugins[provider]}`);
	}

	const {rejectUnauthorized, servername, secureContext} = await secureContextOf(config).catch((error: unknown) => {
		throw new ConfigurationError(`${describeSource(kubeconfig)} has credentials that can't be used: ${messageOf(error)}`, {cause: error});
	});
	return {
		server: cluster.server.replace(/\/$/, ''),
		agent: new https.Agent({
			secureContext,
			...(rejectUnauthorized !== undefined && {rejectUnauthorized}),
			...(servername !== undefined && {servername}),
			keepAlive: true,
			maxSockets: maximumConnections,
			timeout: idleConnectionMs,
		}),
		authorization: cached(async () => headersOf(await requestOptionsOf(config)), authorizationLifetimeMs, now),
	};
};

/** What replaces the auth-providers that client-go, and so kubectl, no longer has. The bundle leaves them out (scripts/build.ts). */
const plugins = {azure: 'kubelogin (kubelogin convert-kubeconfig)', gcp: 'gke-gcloud-auth-plugin (gcloud container clusters get-credentials)'} as const;

const loadKubeConfig = (path: string | undefined, root: string): KubeConfig => {
	const config = new KubeConfig();
	try {
		if (path) {
			config.loadFromFile(path);
		} else if (process.env['KUBERNETES_SERVICE_HOST'] && fs.existsSync(`${root}${serviceAccountDirectory}/token`)) {
			config.loadFromCluster(root);
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

type AuthenticatedOptions = Omit<https.RequestOptions, 'headers'> & {readonly headers?: Readonly<Record<string, string>>};

const requestOptionsOf = async (config: KubeConfig): Promise<AuthenticatedOptions> => {
	const options: https.RequestOptions = {headers: {}};
	await config.applyToHTTPSOptions(options);
	return options as AuthenticatedOptions;
};

/** Certificates and key are parsed once instead of for each connection. */
const secureContextOf = async (config: KubeConfig) => {
	const {ca, cert, key, rejectUnauthorized, servername} = await requestOptionsOf(config);
	return {rejectUnauthorized, servername, secureContext: tls.createSecureContext({ca, cert, key})};
};

const headersOf = ({headers, auth}: AuthenticatedOptions): Record<string, string> => ({
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
