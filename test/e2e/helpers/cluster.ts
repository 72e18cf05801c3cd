/** A real control plane with the product on it, for one test file. */
import process from 'node:process';
import type {TestFn} from 'ava';
import {startControlPlane} from '../../../harness/control-plane/start.ts';
import type {ControlPlane} from '../../../harness/control-plane/start.ts';
import {until} from '../../../harness/control-plane/until.ts';
import {createKubeClient} from '../../../harness/kube-client.ts';
import type {KubeClient} from '../../../harness/kube-client.ts';
import {serviceAccount} from '../../../harness/product-objects.ts';
import type {LogLine} from '../../../harness/replica.ts';
import {install} from '../../../harness/replicas.ts';
import type {Installation} from '../../../harness/replicas.ts';

export type Cluster = {
	readonly controlPlane: ControlPlane;
	/** Of an administrator. */
	readonly client: KubeClient;
	/** A kubeconfig with the rights that deploy/base gives the product, and no more. */
	readonly operatorKubeconfig: string;
	readonly installation: Installation;
	/** What the replicas have logged so far. */
	readonly logs: readonly LogLine[];
	readonly createNamespace: (name: string) => Promise<void>;
};

export type ClusterOptions = {
	readonly workloads: boolean;
	readonly replicas: number;
	/** Or a function that finds out, before anything is started. */
	readonly flags?: readonly string[] | (() => Promise<readonly string[]>);
	/** What the replicas are given in place of the operator's kubeconfig. */
	readonly kubeconfigOf?: (cluster: Pick<Cluster, 'controlPlane' | 'operatorKubeconfig'>) => Promise<string>;
};

/** Starts it before the file's tests and ends it after them, whatever happens. */
export const useCluster = (test: TestFn, {workloads, replicas, flags = [], kubeconfigOf}: ClusterOptions): (() => Cluster) => {
	const started = new AsyncDisposableStack();
	let cluster: Cluster | undefined;
	test.before(async t => {
		t.timeout(20 * 60_000, 'the control plane takes long the first time, when it is built');
		const ownFlags = typeof flags === 'function' ? await flags() : flags;
		const controlPlane = started.use(await startControlPlane({workloads, onProgress: line => t.log(line)}));
		const client = started.use(await createKubeClient(controlPlane.kubeconfigPath));
		const operatorKubeconfig = await controlPlane.kubeconfigFor(serviceAccount);
		const logs: LogLine[] = [];
		const installation = started.use(await install({
			client,
			kubeconfig: await kubeconfigOf?.({controlPlane, operatorKubeconfig}) ?? operatorKubeconfig,
			directory: `${controlPlane.directory}/replicas`,
			replicas,
			flags: ['--log-level', 'debug', ...ownFlags],
			onLog: line => logs.push(line),
		}));
		const createNamespace = async (name: string) => {
			await client.request('POST', '/api/v1/namespaces', {apiVersion: 'v1', kind: 'Namespace', metadata: {name}});
			if (workloads) {
				await untilFound(async () => client.request('GET', `/api/v1/namespaces/${name}/serviceaccounts/default`), `the ServiceAccount of ${name}`);
			}
		};

		cluster = {controlPlane, client, operatorKubeconfig, installation, logs, createNamespace};
	});
	test.after.always(async () => started.disposeAsync());
	process.on('warning', warning => {
		throw warning;
	});
	return () => {
		if (!cluster) {
			throw new Error('the cluster has not started');
		}

		return cluster;
	};
};

/**
 * Asks until there is an answer that is neither undefined nor false and no error, or a minute and a half has passed.
 *
 * @param intervalMs default 50; longer where asking costs more than that, as a list of all Pods does.
 */
export const untilFound = async <T>(ask: () => Promise<T | undefined | false>, what: string, intervalMs?: number): Promise<T> =>
	until(ask, {what, budgetMs: 90_000, ...(intervalMs !== undefined && {intervalMs})});
