/** Creates and deletes Pods until a ReplicaSet has as many as it wants. */
import type {ControllerClient} from './client.ts';
import {isRunning} from './objects.ts';
import type {Workload} from './objects.ts';
import {createPods, podFrom, podsOf, reportStatus} from './pods-of.ts';

/** @throws the first failure to create a Pod. */
export const reconcileReplicaSet = async (client: ControllerClient, set: Workload): Promise<void> => {
	const {metadata: {name}, spec: {replicas = 1, template}} = set;
	const pods = podsOf(client, set);
	// Those that don't run go first, then the youngest.
	const surplus = pods.toSorted((a, b) => Number(isRunning(a)) - Number(isRunning(b)) || Number(b.metadata.resourceVersion) - Number(a.metadata.resourceVersion)).slice(0, Math.max(pods.length - replicas, 0));
	for (const pod of surplus) {
		await client.remove(pod);
	}

	try {
		await createPods(client, set, Array.from({length: Math.max(replicas - pods.length, 0)}, () => podFrom(set, template, {generateName: `${name}-`})));
	} finally {
		await reportStatus(client, set, podsOf(client, set));
	}
};
