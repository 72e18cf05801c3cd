/** Keeps the demo's state up to date with the Pods, the ledger and the Lease on the API server. */
import {systemClock} from '../../src/clock.ts';
import type {ApiClient} from '../../src/kubernetes/api-client.ts';
import {connect} from '../../src/kubernetes/credentials.ts';
import {HttpApiClient} from '../../src/kubernetes/http-api-client.ts';
import {keepWatching, watchSeconds} from '../../src/kubernetes/keep-watching.ts';
import type {KubernetesObject} from '../../src/kubernetes/object.ts';
import {decodeLease} from '../../src/lease/lease-record.ts';
import type {Lease} from '../../src/lease/lease-record.ts';
import {isManaged} from '../../src/ports/host-port-use.ts';
import type {ConfigMap} from '../../src/ports/ledger-metadata.ts';
import {namespace} from './samples.ts';
import type {DemoPod, DemoState} from './state.ts';

export const leasePath = '/apis/coordination.k8s.io/v1/namespaces/operators/leases';
export const leaseName = 'hostport-ledger';

/** Watches until it is disposed of. */
export const watchCluster = async (kubeconfig: string, state: DemoState, onUpdate: () => void): Promise<Disposable> => {
	const over = new AbortController();
	const {signal} = over;
	const connection = await connect(kubeconfig, () => performance.now());
	const api = new HttpApiClient(connection);
	const leases = new Map<string, Lease>();
	void Promise.all([
		watchCollection<DemoPod>(api, {path: `/api/v1/namespaces/${namespace}/pods`, objects: state.pods, signal, onChange(written) {
			if (written && isManaged(written)) {
				state.firstPodMs ??= performance.now();
			}

			onUpdate();
		}}),
		watchCollection<ConfigMap>(api, {path: '/api/v1/namespaces/operators/configmaps', query: 'labelSelector=hostport.io%2Fledger%3Dpage', objects: state.pages, signal, onChange(written) {
			state.writes.ledger += written ? 1 : 0;
			onUpdate();
		}}),
		watchCollection<Lease>(api, {path: leasePath, query: `fieldSelector=metadata.name%3D${leaseName}`, objects: leases, signal, onChange(written) {
			const [lease] = leases.values();
			state.lease = lease && decodeLease(lease);
			state.writes.lease += written ? 1 : 0;
			onUpdate();
		}}),
	]);
	return {
		[Symbol.dispose]() {
			over.abort();
			connection.agent.destroy();
		},
	};
};

type CollectionOptions<T> = {
	readonly path: string;
	/** A selector, such as `labelSelector=app%3Dgame`. */
	readonly query?: string;
	/** Kept equal to the collection, by UID. */
	readonly objects: Map<string, T>;
	/** Called after each change of `objects`, with the object if it was just created or written. */
	readonly onChange: (written?: T) => void;
	readonly signal: AbortSignal;
};

const restMs = 200;

/** Lists and watches a collection, again and again, until the signal is aborted. Never rejects: a new list makes up for any error. */
const watchCollection = async <T extends KubernetesObject>(api: ApiClient, {path, query = '', objects, onChange, signal}: CollectionOptions<T>): Promise<void> => {
	const listAndWatch = async function * () {
		const {metadata, items} = await api.get<{metadata: {resourceVersion: string}; items: T[]}>(`${path}?${query}`, {signal});
		objects.clear();
		for (const object of items) {
			objects.set(object.metadata.uid, object);
		}

		onChange();
		yield * api.watch<T>(`${path}?${query}&resourceVersion=${metadata.resourceVersion}`, {signal, timeoutSeconds: watchSeconds});
	};

	await keepWatching({start: listAndWatch, restMs, clock: systemClock, signal, onBroken() {}, onEvent({type, object}) {
		if (type === 'DELETED') {
			objects.delete(object.metadata.uid);
			onChange();
		} else {
			objects.set(object.metadata.uid, object);
			onChange(object);
		}
	}});
};
