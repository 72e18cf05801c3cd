/** Keeps a scene up to date with what the API server says of Pods, ledger and Lease. */
import {HttpApiClient} from '../../src/kubernetes/http-api-client.ts';
import {connect} from '../../src/kubernetes/credentials.ts';
import {decodeLease} from '../../src/lease/lease-record.ts';
import type {Lease} from '../../src/lease/lease-record.ts';
import type {ConfigMap} from '../../src/ports/ledger-metadata.ts';
import {isManaged} from '../../src/ports/host-port-use.ts';
import {follow} from './follow.ts';
import {namespace} from './samples.ts';
import type {DemoPod, Scene} from './scene.ts';

export const leasePath = '/apis/coordination.k8s.io/v1/namespaces/operators/leases';
export const leaseName = 'hostport-ledger';

/** Goes on until it is disposed of. */
export const observeCluster = async (kubeconfig: string, scene: Scene, onChange: () => void): Promise<Disposable> => {
	const over = new AbortController();
	const {signal} = over;
	const connection = await connect(kubeconfig, () => performance.now());
	const api = new HttpApiClient(connection);
	const leases = new Map<string, Lease>();
	void Promise.all([
		follow<DemoPod>(api, {path: `/api/v1/namespaces/${namespace}/pods`, objects: scene.pods, signal, onChange(written) {
			if (written && isManaged(written)) {
				scene.firstPodMs ??= performance.now();
			}

			onChange();
		}}),
		follow<ConfigMap>(api, {path: '/api/v1/namespaces/operators/configmaps', query: 'labelSelector=hostport.io%2Fledger%3Dpage', objects: scene.pages, signal, onChange(written) {
			scene.writes.ledger += written ? 1 : 0;
			onChange();
		}}),
		follow<Lease>(api, {path: leasePath, query: `fieldSelector=metadata.name%3D${leaseName}`, objects: leases, signal, onChange(written) {
			const [lease] = leases.values();
			scene.lease = lease && decodeLease(lease);
			scene.writes.lease += written ? 1 : 0;
			onChange();
		}}),
	]);
	return {
		[Symbol.dispose]() {
			over.abort();
			connection.agent.destroy();
		},
	};
};
