/** Where the demo takes place: on a control plane of its own, or on the cluster that KUBECONFIG names. */
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {removeWithThisProcess} from '../../harness/control-plane/reaper.ts';
import {startControlPlane} from '../../harness/control-plane/start.ts';
import type {ControlPlane} from '../../harness/control-plane/start.ts';
import {createKubeClient} from '../../harness/kube-client.ts';
import type {KubeClient} from '../../harness/kube-client.ts';
import {serviceAccount, webhookConfiguration} from '../../harness/product-objects.ts';

export type Cluster = AsyncDisposable & {
	/** Whether it is gone with the demo. */
	readonly isOwn: boolean;
	readonly client: KubeClient;
	readonly kubeconfigPath: string;
	/** With the rights that deploy/ gives the product; on somebody else's cluster the user's own. */
	readonly replicaKubeconfig: string;
	/** For certificates and logs; removed at the end. */
	readonly directory: string;
	/** From the start of this process, and from the start of etcd, until the API server was ready. */
	readonly ready: {readonly afterMs: number; readonly bootMs: number} | undefined;
};

export type OpenOptions = {
	/** Of a cluster to use instead of a new one. */
	readonly kubeconfig: string | undefined;
	readonly onProgress: (line: string) => void;
	/** Called should a part of our own control plane end. */
	readonly onBroken: (error: unknown) => void;
	readonly signal: AbortSignal;
};

/** Resolves as soon as there is an API server: nodes may come later. */
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
	onProgress(`Kubernetes ${await versionOf(client, kubeconfig)} answers`);
	await refuseInstalled(client);
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
		throw new Error(`The cluster that KUBECONFIG names (${kubeconfig}) does not answer: ${error instanceof Error ? error.message : String(error)}`, {cause: error});
	}
};

type WebhookConfiguration = {readonly webhooks?: ReadonlyArray<{readonly clientConfig: {readonly url?: string}}>};

/** A cluster whose Pods depend on a real installation is not for playing: the demo would take its webhook away. */
const refuseInstalled = async (client: KubeClient): Promise<void> => {
	const {status, body} = await client.send<WebhookConfiguration>('GET', webhookConfiguration);
	const isReal = status === 200 && body.webhooks?.some(({clientConfig}) => !clientConfig.url?.startsWith('https://127.0.0.1:'));
	if (isReal) {
		throw new Error(`The HostPort Operator is installed in this cluster, and the demo would take its place. Name another cluster, or none: unset KUBECONFIG`);
	}
};
