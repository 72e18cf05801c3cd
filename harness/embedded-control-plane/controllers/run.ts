/** Runs the controllers: each change of an object wakes those that it concerns. */
import type {Change} from '../../in-memory-api/object-store.ts';
import type {EmbeddedApi} from '../api/embedded-api.ts';
import {createControllerClient} from './client.ts';
import type {ControllerClient} from './client.ts';
import {reconcileDeployment} from './deployment.ts';
import {collectGarbage, mayLeaveGarbage} from './garbage.ts';
import {runPod} from './kubelet.ts';
import {keyOf} from './objects.ts';
import type {OwnerReference, Pod} from './objects.ts';
import {reconcileReplicaSet} from './replica-set.ts';
import {schedule} from './scheduler.ts';
import {reconcileStatefulSet} from './stateful-set.ts';
import {createWorkQueue} from './work-queue.ts';
import type {WorkQueue} from './work-queue.ts';

/** They run until they are disposed of. */
export const runControllers = (api: EmbeddedApi): Disposable => {
	const queueFor = (kind: string, name: string, reconcile: (client: ControllerClient, object: never) => Promise<void>): WorkQueue => {
		const client = createControllerClient(api, name);
		return createWorkQueue(async key => {
			const [namespace, objectName = ''] = key.split('/');
			const object = api.server.find(kind, objectName, namespace);
			if (object) {
				await reconcile(client, object as never);
			}
		});
	};

	const workloads: Readonly<Record<string, WorkQueue>> = {
		Deployment: queueFor('Deployment', 'deployment-controller', reconcileDeployment),
		ReplicaSet: queueFor('ReplicaSet', 'replicaset-controller', reconcileReplicaSet),
		StatefulSet: queueFor('StatefulSet', 'statefulset-controller', reconcileStatefulSet),
	};
	const scheduler = queueFor('Pod', 'kube-scheduler', schedule);
	const kubelet = queueFor('Pod', 'kubelet', runPod);
	const collector = createControllerClient(api, 'generic-garbage-collector');
	const accounts = createWorkQueue(async key => {
		const [, name = ''] = key.split('/');
		const path = `/api/v1/namespaces/${name}/serviceaccounts`;
		if (api.server.find('Namespace', name) && !api.server.find('ServiceAccount', 'default', name)) {
			await createControllerClient(api, 'service-account-controller').create(path, {metadata: {name: 'default'}});
		}
	});

	const wakeOwners = ({before, after}: Change): void => {
		const {metadata} = after ?? before!;
		const {ownerReferences = []} = metadata as {readonly ownerReferences?: ReadonlyArray<OwnerReference & {readonly kind: string; readonly name: string}>};
		for (const {kind, name} of ownerReferences) {
			workloads[kind]?.add(`${metadata.namespace}/${name}`);
		}
	};

	const wake = (change: Change): void => {
		const {kind, before, after} = change;
		const {metadata} = after ?? before!;
		wakeOwners(change);
		workloads[kind]?.add(keyOf(metadata));
		if (kind === 'Namespace' && after) {
			accounts.add(keyOf(metadata));
		}

		if (kind === 'Pod' && after) {
			const {spec: {nodeName}} = after as Pod;
			(nodeName ? kubelet : scheduler).add(keyOf(metadata));
		}

		// A Pod that is gone may have left ports, and a node may be new.
		if ((kind === 'Pod' && !after) || kind === 'Node') {
			for (const pod of api.server.all('Pod') as Iterable<Pod>) {
				if (!pod.spec.nodeName) {
					scheduler.add(keyOf(pod.metadata));
				}
			}
		}

		if (mayLeaveGarbage(change)) {
			setImmediate(() => void collectGarbage(collector, change));
		}
	};

	const unsubscribe = api.server.subscribe(wake);
	return {
		[Symbol.dispose]() {
			unsubscribe();
			for (const queue of [...Object.values(workloads), scheduler, kubelet, accounts]) {
				queue[Symbol.dispose]();
			}
		},
	};
};
