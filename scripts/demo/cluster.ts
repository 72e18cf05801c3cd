/** The demo's cluster: a new control plane on this machine, an embedded one, or the cluster that KUBECONFIG names. */
import {startControlPlane} from '../../harness/control-plane/start.ts';
import type {ControlPlane} from '../../harness/control-plane/start.ts';
import {startEmbeddedControlPlane} from '../../harness/embedded-control-plane/start.ts';
import {createKubeClient} from '../../harness/kube-client.ts';
import type {KubeClient} from '../../harness/kube-client.ts';
import {serviceAccount} from '../../harness/product-objects.ts';
import type {ClusterChoice} from './choose-cluster.ts';
import {openNamed} from './named-cluster.ts';

export type Cluster = AsyncDisposable & {
	/** Whether the demo started it, and so stops it. */
	readonly isOwn: boolean;
	readonly client: KubeClient;
	readonly kubeconfigPath: string;
	/** On a cluster of the demo: with the rights that deploy/ gives the product. Else the user's own. */
	readonly replicaKubeconfig: string;
	/** For certificates and logs; removed at the end. */
	readonly directory: string;
	/** How long the API server took to be ready: since the start of this process, and since the start of etcd, which the embedded one has not. Undefined if the demo did not start it. */
	readonly ready: {readonly afterMs: number; readonly bootMs: number | undefined} | undefined;
};

export type OpenOptions = {
	readonly choice: ClusterChoice;
	readonly onProgress: (line: string) => void;
	/** Called if a part of the demo's own control plane crashes. */
	readonly onBroken: (error: unknown) => void;
	readonly signal: AbortSignal;
};

/** Resolves as soon as the API server is ready. The nodes may come later. */
export const openCluster = async (options: OpenOptions): Promise<Cluster> => {
	const {choice, onProgress} = options;
	switch (choice.kind) {
		case 'named': {
			return openNamed(choice.kubeconfig, onProgress);
		}

		case 'embedded': {
			return openEmbedded();
		}

		default: {
			return openReal(options);
		}
	}
};

const openReal = async ({onProgress, onBroken, signal}: OpenOptions): Promise<Cluster> => {
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

const openEmbedded = async (): Promise<Cluster> => {
	const controlPlane = await startEmbeddedControlPlane();
	const afterMs = performance.now();
	const client = await createKubeClient(controlPlane.kubeconfigPath);
	return {
		isOwn: true,
		client,
		kubeconfigPath: controlPlane.kubeconfigPath,
		replicaKubeconfig: await controlPlane.kubeconfigFor(serviceAccount),
		directory: controlPlane.directory,
		ready: {afterMs, bootMs: undefined},
		async [Symbol.asyncDispose]() {
			await client[Symbol.asyncDispose]();
			await controlPlane.stop();
		},
	};
};
