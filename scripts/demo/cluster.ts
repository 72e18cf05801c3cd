/** The demo's cluster: a new control plane on this machine, or the cluster that KUBECONFIG names. */
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {removeWithThisProcess} from '../../harness/control-plane/reaper.ts';
import {startControlPlane} from '../../harness/control-plane/start.ts';
import type {ControlPlane} from '../../harness/control-plane/start.ts';
import {createKubeClient} from '../../harness/kube-client.ts';
import type {KubeClient} from '../../harness/kube-client.ts';
import {messageOf} from '../../src/errors.ts';
import {serviceAccount, webhookConfiguration} from '../../harness/product-objects.ts';

export type Cluster = AsyncDisposable & {
	/** Whether the demo started it, and so stops it. */
	readonly isOwn: boolean;
	readonly client: KubeClient;
	readonly kubeconfigPath: string;
	/** On a cluster of the demo: with the rights that deploy/ gives the product. Else the user's own. */
	readonly replicaKubeconfig: string;
	/** For certificates and logs; removed at the end. */
	readonly directory: string;
	/** How long the API server took to be ready: since the start of this process, and since the start of etcd. Undefined if the demo did not start it. */
	readonly ready: {readonly afterMs: number; readonly bootMs: number} | undefined;
};

export type OpenOptions = {
	/** Names a cluster to use instead of a new one. */
	readonly kubeconfig: string | undefined;
	readonly onProgress: (line: string) => void;
	/** Called if a part of the demo's own control plane crashes. */
	readonly onBroken: (error: unknown) => void;
	readonly signal: AbortSignal;
};

/** Resolves as soon as the API server is ready. The nodes may come later. */
export const openCluster = async (options: OpenOptions): Promise<Cluster> =>
	options.kubeconfig ? openNamed(options.kubeconfig, options.onProgress) : openOwn(options);

const openOwn = async ({onProgress, onBroken, signal}: OpenOptions): Promise<Cluster> => {
	const apiServer = Promise.withResolvers<ControlPlane>();
	const starting = startControlPlane({workloads: true, onProgress, signal, onApiServerReady: apiServer.resolve});
	starting.catch(apiServer.reject);
	const controlPlane = await apiServer.promise;
	const afterMs = performance.now();
	void reportCrash(starting).catch(onBroken);
	const client = await createKubeClient(controlPlane.kubeconfigPath);
	return {
		isOwn: true,
		client,
		kubeconfigPath: controlPlane.kubeconfigPath,
		replicaKubeconfig: await controlPlane.kubeconfigFor(serviceAccount),
		directory: controlPlane.directory,
		ready: {afterMs, bootMs: controlPlane.readyMs},
		async [Symbol.asyncDispose]() {
			await client[Symbol.asyncDispose]();
			await controlPlane.stop();
		},
	};
};

const reportCrash = async (starting: Promise<ControlPlane>): Promise<never> => {
	const {processes} = await starting;
	return Promise.race(Object.values(processes).map(async ({crashed}) => crashed));
};

const openNamed = async (kubeconfig: string, onProgress: OpenOptions['onProgress']): Promise<Cluster> => {
	const client = await createKubeClient(kubeconfig);
	onProgress(`Connected to Kubernetes ${await versionOf(client, kubeconfig)}`);
	await assertNotInstalled(client);
	const directory = await mkdtemp(path.join(tmpdir(), 'hostport-demo-'));
	const forget = removeWithThisProcess(directory);
	return {
		isOwn: false,
		client,
		kubeconfigPath: kubeconfig,
		replicaKubeconfig: kubeconfig,
		directory,
		ready: undefined,
		async [Symbol.asyncDispose]() {
			await client[Symbol.asyncDispose]();
			await rm(directory, {recursive: true, force: true});
			forget();
		},
	};
};

const versionOf = async (client: KubeClient, kubeconfig: string): Promise<string> => {
	try {
		const {gitVersion} = await client.request<{gitVersion: string}>('GET', '/version');
		return gitVersion;
	} catch (error) {
		throw new Error(`The cluster that KUBECONFIG names (${kubeconfig}) does not answer: ${messageOf(error)}`, {cause: error});
	}
};

type WebhookConfiguration = {readonly webhooks?: ReadonlyArray<{readonly clientConfig: {readonly url?: string}}>};

/** The demo replaces the webhook configuration, and removes it at the end: a real installation would stop working. */
const assertNotInstalled = async (client: KubeClient): Promise<void> => {
	const {status, body} = await client.send<WebhookConfiguration>('GET', webhookConfiguration);
	const isReal = status === 200 && body.webhooks?.some(({clientConfig}) => !clientConfig.url?.startsWith('https://127.0.0.1:'));
	if (isReal) {
		throw new Error('The HostPort Operator is installed in this cluster, and the demo would replace it. Use another cluster, or unset KUBECONFIG to start a new one');
	}
};
