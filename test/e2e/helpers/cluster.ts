/** A real control plane with the product on it, for one test file. */
import process from 'node:process';
import type {TestFn} from 'ava';
import {startControlPlane} from '../../../harness/control-plane/start.ts';
import type {ControlPlane, ControlPlaneOptions} from '../../../harness/control-plane/start.ts';
import {createKubeClient} from '../../../harness/kube-client.ts';
import type {KubeClient} from '../../../harness/kube-client.ts';
import {serviceAccount} from '../../../harness/product-objects.ts';
import type {LogLine} from '../../../harness/replica.ts';
import {install} from '../../../harness/replicas.ts';
import type {Installation, InstallOptions} from '../../../harness/replicas.ts';
import {useFixture} from './fixture.ts';
import {untilFound} from './until.ts';

export type Cluster<Prepared = unknown> = {
	readonly controlPlane: ControlPlane;
	/** An administrator's. */
	readonly client: KubeClient;
	readonly installation: Installation;
	/** What the replicas have logged so far. */
	readonly logs: readonly LogLine[];
	/** Resolves when Pods can be created in it. */
	readonly createNamespace: (name: string) => Promise<void>;
	/** What `prepare` has made. */
	readonly prepared: Prepared;
};

export type ClusterOptions<Prepared> = {
	readonly workloads: boolean;
	readonly replicas: number;
	/** How many API servers there are. Default 1. */
	readonly apiServers?: ControlPlaneOptions['apiServers'];
	readonly flags?: readonly string[];
	/** Runs before the replicas start. */
	readonly prepare?: (stage: Stage) => Promise<Preparation<Prepared>>;
};

export type Stage = {
	readonly controlPlane: ControlPlane;
	/** A kubeconfig with the rights that deploy/base gives the product, and no more. */
	readonly operatorKubeconfig: string;
	/** Disposed of after the tests. */
	readonly started: AsyncDisposableStack;
};

export type Preparation<Prepared> = {
	/** More flags for the replicas. */
	readonly flags?: readonly string[];
	/** The replicas' own, as for `install`. Default: the operator's. */
	readonly kubeconfig?: InstallOptions['kubeconfig'];
	readonly prepared: Prepared;
};

export const useCluster = <Prepared>(test: TestFn, {workloads, replicas, apiServers = 1, flags = [], prepare}: ClusterOptions<Prepared>): (() => Cluster<Prepared>) => {
	process.on('warning', warning => {
		throw warning;
	});
	return useFixture(test, async (t, started) => {
		const controlPlane = started.use(await startControlPlane({workloads, apiServers, onProgress: line => t.log(line)}));
		const client = started.use(await createKubeClient(controlPlane.kubeconfigPath));
		const operatorKubeconfig = await controlPlane.kubeconfigFor(serviceAccount);
		const preparation = await prepare?.({controlPlane, operatorKubeconfig, started});
		const logs: LogLine[] = [];
		const installation = started.use(await install({
			client,
			kubeconfig: preparation?.kubeconfig ?? operatorKubeconfig,
			directory: `${controlPlane.directory}/replicas`,
			replicas,
			flags: ['--log-level', 'debug', ...flags, ...preparation?.flags ?? []],
			onLog: line => logs.push(line),
		}));
		const createNamespace = async (name: string) => {
			await client.request('POST', '/api/v1/namespaces', {apiVersion: 'v1', kind: 'Namespace', metadata: {name}});
			if (workloads) {
				await untilFound(async () => client.request('GET', `/api/v1/namespaces/${name}/serviceaccounts/default`), `the ServiceAccount of ${name}`);
			}
		};

		return {controlPlane, client, installation, logs, createNamespace, prepared: preparation?.prepared as Prepared};
	});
};
