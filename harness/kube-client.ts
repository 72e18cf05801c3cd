/**
 * The API client of scripts, tests and benchmarks: any request, whatever the answer, and `kubectl apply` for one object.
 * Not the product's `ApiClient` (src/kubernetes), which offers only what a replica may do.
 */
import {connect} from '../src/kubernetes/credentials.ts';
import {readText, sendRequest} from '../src/kubernetes/http-request.ts';
import type {Manifest} from './manifests.ts';

export type Answer<T> = {readonly status: number; readonly body: T};

export type KubeClient = AsyncDisposable & {
	/** The API server's URL. */
	readonly server: string;
	/** Resolves with the answer, whatever its status. Rejects only if there is none. */
	readonly send: <T = unknown>(method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown, contentType?: string, accept?: string) => Promise<Answer<T>>;
	/**
	 * Resolves with the body of the answer.
	 *
	 * @throws an Error with the API server's message if the status is not 2xx.
	 */
	readonly request: <T = unknown>(method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown, contentType?: string, accept?: string) => Promise<T>;
	/** Server-side apply, so it can be repeated. */
	readonly apply: (manifest: Manifest, namespace?: string) => Promise<void>;
};

/** The API server's own limit for a request is 60 s (`--request-timeout`). */
const defaultTimeoutMs = 70_000;

export const createKubeClient = async (kubeconfig: string, {timeoutMs = defaultTimeoutMs}: {readonly timeoutMs?: number} = {}): Promise<KubeClient> => {
	const connection = await connect(kubeconfig, () => performance.now());
	// Bursts come from here: the caller decides how many connections there are.
	connection.agent.maxSockets = Infinity;
	const send: KubeClient['send'] = async (method, path, body, contentType = 'application/json', accept = 'application/json') => {
		const response = await sendRequest(connection, {
			method,
			path,
			headers: {accept, 'user-agent': 'hostport-scripts', ...(body !== undefined && {'content-type': contentType})},
			body,
			signal: AbortSignal.timeout(timeoutMs),
		});
		const text = await readText(response, Infinity);
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
		server: connection.server,
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

const clusterScoped = new Set(['Namespace', 'Node', 'ClusterRole', 'ClusterRoleBinding', 'FlowSchema', 'PriorityLevelConfiguration', 'MutatingWebhookConfiguration']);

const pathOf = ({apiVersion, kind, metadata}: Manifest, namespace = 'default'): string => {
	const root = apiVersion === 'v1' ? '/api/v1' : `/apis/${apiVersion}`;
	const scope = clusterScoped.has(kind) ? '' : `/namespaces/${metadata.namespace ?? namespace}`;
	return `${root}${scope}/${kind.toLowerCase()}s/${metadata.name}`;
};
