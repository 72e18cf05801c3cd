/** A real control plane without the product, for one test file. */
import type {TestFn} from 'ava';
import {startControlPlane} from '../../../harness/control-plane/start.ts';
import type {ControlPlane} from '../../../harness/control-plane/start.ts';
import {createKubeClient} from '../../../harness/kube-client.ts';
import type {KubeClient} from '../../../harness/kube-client.ts';
import {useFixture} from './fixture.ts';

export type StartedControlPlane = {
	readonly controlPlane: ControlPlane;
	/** An administrator's. */
	readonly client: KubeClient;
};

/** Etcd and an API server, without workload controllers. */
export const useControlPlane = (test: TestFn): (() => StartedControlPlane) => useFixture(test, async (t, started) => {
	const controlPlane = started.use(await startControlPlane({workloads: false, onProgress: line => t.log(line)}));
	return {controlPlane, client: started.use(await createKubeClient(controlPlane.kubeconfigPath))};
});
