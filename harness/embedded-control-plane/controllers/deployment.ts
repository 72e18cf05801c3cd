/** Keeps one ReplicaSet for a Deployment's template. An update replaces all Pods at once; there is no rolling update. */
import {hashOf} from './client.ts';
import type {ControllerClient} from './client.ts';
import {isOwnedBy, ownedBy} from './objects.ts';
import type {Workload} from './objects.ts';
import {podsOf, reportStatus} from './pods-of.ts';

export const reconcileDeployment = async (client: ControllerClient, deployment: Workload): Promise<void> => {
	const {metadata: {name, namespace}, spec: {replicas = 1, selector, template}} = deployment;
	const hash = hashOf(template);
	const labels = {'pod-template-hash': hash};
	const owned = ([...client.server.all('ReplicaSet')] as unknown as Workload[]).filter(set => isOwnedBy(set, deployment.metadata));
	const current = owned.find(set => set.metadata.name === `${name}-${hash}`);
	for (const old of owned.filter(set => set !== current && set.spec.replicas !== 0)) {
		await client.patch(old, {spec: {replicas: 0}});
	}

	if (!current) {
		await client.create(`/apis/apps/v1/namespaces/${namespace}/replicasets`, {
			metadata: {name: `${name}-${hash}`, labels: {...template.metadata?.labels, ...labels}, ...ownedBy(deployment)},
			spec: {
				replicas,
				selector: {matchLabels: {...selector?.matchLabels, ...labels}},
				template: {...template, metadata: {...template.metadata, labels: {...template.metadata?.labels, ...labels}}},
			},
		});
		await client.event(deployment, 'Normal', 'ScalingReplicaSet', `Scaled up replica set ${name}-${hash} to ${replicas}`);
	} else if (current.spec.replicas !== replicas) {
		await client.patch(current, {spec: {replicas}});
		await client.event(deployment, 'Normal', 'ScalingReplicaSet', `Scaled replica set ${name}-${hash} from ${current.spec.replicas} to ${replicas}`);
	}

	const pods = owned.flatMap(set => podsOf(client, set));
	await reportStatus(client, deployment, pods, {updatedReplicas: current ? podsOf(client, current).length : 0});
};
