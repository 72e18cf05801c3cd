/**
 * Starts a stand-in for a Kubernetes control plane inside this process: the in-memory API server that the tests hold to the
 * contract of a real one, with small controllers and simulated nodes. It needs no other program and starts in an instant. It
 * listens on 127.0.0.1 only, and forgets everything when it is stopped.
 *
 * What it leaves out: RBAC (every client with a certificate may do everything), validating webhooks and policies, quotas,
 * owners of fields in server-side apply, Jobs and DaemonSets, graceful deletion.
 */
import {writeFile} from 'node:fs/promises';
import path from 'node:path';
import type {Subject} from '../control-plane/start.ts';
import {createCertificateAuthority} from '../control-plane/certificates.ts';
import {openDirectory, type DirectoryOptions} from '../control-plane/directory.ts';
import {renderKubeconfig} from '../control-plane/kubeconfig.ts';
import {describeNode} from '../control-plane/nodes.ts';
import {createMutatingWebhooks} from './admission/mutating-webhooks.ts';
import {createWebhookClient} from './admission/webhook-client.ts';
import {embeddedVersion} from './api/discovery.ts';
import {controller} from './api/caller.ts';
import {now} from './api/defaults.ts';
import {EmbeddedApi} from './api/embedded-api.ts';
import {runControllers} from './controllers/run.ts';
import {serve} from './server.ts';

export type EmbeddedOptions = DirectoryOptions & {
	/** Default 3. */
	readonly nodes?: number;
	/** True: Deployments and StatefulSets have Pods, and these run. Default true. */
	readonly workloads?: boolean;
};

export type EmbeddedControlPlane = AsyncDisposable & {
	readonly api: EmbeddedApi;
	/** Of an administrator. */
	readonly kubeconfigPath: string;
	readonly serverUrl: string;
	readonly version: string;
	readonly directory: string;
	/** From the call until the API server listened. */
	readonly readyMs: number;
	/** Writes a kubeconfig for another user, and returns its path. */
	readonly kubeconfigFor: (subject: Subject) => Promise<string>;
	/** Ends everything. May be called again. */
	readonly stop: () => Promise<void>;
};

/** As etcd's compaction by a real API server. Without it, old versions of objects would fill the memory. */
const compactionMs = 300_000;

export const startEmbeddedControlPlane = async ({nodes = 3, workloads = true, ...options}: EmbeddedOptions = {}): Promise<EmbeddedControlPlane> => {
	const startedMs = performance.now();
	await using started = new AsyncDisposableStack();
	const {directory, remove} = await openDirectory(options);
	started.defer(remove);
	const authority = await createCertificateAuthority();
	const api = new EmbeddedApi(createMutatingWebhooks(started.use(createWebhookClient())));
	if (workloads) {
		started.use(runControllers(api));
	}

	const compaction = setInterval(() => api.server.compact(), compactionMs);
	compaction.unref();
	started.defer(() => clearInterval(compaction));
	const server = started.use(await serve(api, {authorityPem: authority.certificatePem, ...await authority.issue({commonName: 'kube-apiserver', hosts: ['127.0.0.1', 'localhost'], usage: 'server'})}));
	const serverUrl = `https://127.0.0.1:${server.port}`;
	const kubeconfigFor = async ({user, groups = []}: Subject): Promise<string> => {
		const certificate = await authority.issue({commonName: user, organization: groups, usage: 'client'});
		const file = path.join(directory, `${user.replaceAll(/[^\w.-]/g, '-')}.kubeconfig`);
		await writeFile(file, renderKubeconfig({serverUrl, authorityPem: authority.certificatePem, ...certificate}, user), {mode: 0o600});
		return file;
	};

	await createInitialObjects(api, workloads ? nodes : 0);
	const kubeconfigPath = await kubeconfigFor({user: 'kubernetes-admin', groups: ['system:masters', 'system:authenticated']});
	const running = started.move();
	const stop = async () => running.disposeAsync();
	return {api, kubeconfigPath, serverUrl, version: embeddedVersion, directory, readyMs: performance.now() - startedMs, kubeconfigFor, stop, [Symbol.asyncDispose]: stop};
};

/** The namespaces of every cluster, and nodes that are Ready. */
const createInitialObjects = async (api: EmbeddedApi, nodes: number): Promise<void> => {
	const create = async (resource: string, body: object) => api.handle({method: 'POST', path: `/api/v1/${resource}`, body}, controller('bootstrap'));
	for (const name of ['default', 'kube-system', 'kube-public', 'kube-node-lease']) {
		await create('namespaces', {metadata: {name}});
	}

	for (let number = 1; number <= nodes; number++) {
		const node = describeNode(number, embeddedVersion);
		const conditions = [{type: 'Ready', status: 'True', reason: 'EmbeddedReady', message: 'simulated node', lastTransitionTime: now(), lastHeartbeatTime: now()}];
		await create('nodes', {...node, status: {...node.status, conditions}});
	}
};
