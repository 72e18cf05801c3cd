/** A small client for scripts and tests: plain requests over kept connections, and `kubectl apply` for a manifest. */
import {readFile} from 'node:fs/promises';
import {parseAllDocuments} from 'yaml';
import {connect} from '../src/kubernetes/credentials.ts';
import {readText, sendRequest} from '../src/kubernetes/http-request.ts';

export type Manifest = {
	readonly apiVersion: string;
	readonly kind: string;
	readonly metadata: {readonly name?: string; readonly generateName?: string; readonly namespace?: string};
	readonly [member: string]: unknown;
};

export type Answer<T> = {readonly status: number; readonly body: T};

export type KubeClient = AsyncDisposable & {
	/** Resolves with whatever status the API server answers; rejects only where there is no answer. */
	readonly send: <T = unknown>(method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown, contentType?: string, accept?: string) => Promise<Answer<T>>;
	/** @throws an Error with the API server's words when the status is not 2xx. */
	readonly request: <T = unknown>(method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown, contentType?: string, accept?: string) => Promise<T>;
	/** Server-side apply, so it may be repeated. */
	readonly apply: (manifest: Manifest, namespace?: string) => Promise<void>;
};

/** Longer than the API server itself takes for any request. */
const requestTimeoutMs = 70_000;

export const createKubeClient = async (kubeconfig: string): Promise<KubeClient> => {
	const connection = await connect(kubeconfig, () => performance.now());
	// Bursts come from here: the number of connections is up to the caller.
	connection.agent.maxSockets = Infinity;
	const send: KubeClient['send'] = async (method, path, body, contentType = 'application/json', accept = 'application/json') => {
		const response = await sendRequest(connection, {
			method,
			path,
			headers: {accept, 'user-agent': 'hostport-scripts', ...(body !== undefined && {'content-type': contentType})},
			body,
			signal: AbortSignal.timeout(requestTimeoutMs),
		});
		const text = await readText(response);
		return {status: response.statusCode ?? 0, body: (text.startsWith('{') ? JSON.parse(text) : text) as never};
	};

	const request: KubeClient['request'] = async (method, path, body, contentType, accept) => {
		const answer = await send<{message?: string}>(method, path, body, contentType, accept);
		if (answer.status > 299) {
			throw new Error(`${method} ${path}: ${answer.status} ${answer.body.message ?? JSON.stringify(answer.body)}`);
		}

		return answer.body as never;
	};

	return {
		send,
		request,
		async apply(manifest, namespace) {
			await request('PATCH', `${pathOf(manifest, namespace)}?fieldManager=hostport-scripts&force=true`, manifest, 'application/apply-patch+yaml');
		},
		async [Symbol.asyncDispose]() {
			connection.agent.destroy();
		},
	};
};

/** The objects of a text with several YAML documents; those that have nothing but comments are left out. */
export const parseManifests = (text: string): Manifest[] =>
	parseAllDocuments(text).map(document => document.toJS() as Manifest | null).filter(manifest => manifest !== null);

/** All objects of a YAML file. */
export const readManifests = async (file: string | URL): Promise<Manifest[]> =>
	parseManifests(await readFile(file, 'utf8'));

const clusterScoped = new Set(['Namespace', 'Node', 'ClusterRole', 'ClusterRoleBinding', 'MutatingWebhookConfiguration']);

const pathOf = ({apiVersion, kind, metadata}: Manifest, namespace = 'default'): string => {
	const root = apiVersion === 'v1' ? '/api/v1' : `/apis/${apiVersion}`;
	const scope = clusterScoped.has(kind) ? '' : `/namespaces/${metadata.namespace ?? namespace}`;
	return `${root}${scope}/${kind.toLowerCase()}s/${metadata.name}`;
};
