/** The Pods of a workload: which there are, how a new one looks, and how they are created. */
import {messageOf} from '../../../src/errors.ts';
import type {ControllerClient} from './client.ts';
import {isActive, isOwnedBy, isRunning, ownedBy} from './objects.ts';
import type {Pod, PodTemplate, Workload} from './objects.ts';

export const podsOf = ({server}: ControllerClient, owner: Workload): readonly Pod[] =>
	([...server.all('Pod')] as unknown as Pod[]).filter(pod => isOwnedBy(pod, owner.metadata) && isActive(pod));

/** A Pod as its controller sends it. */
export const podFrom = (owner: Workload, {metadata = {}, spec}: PodTemplate, named: {readonly name: string} | {readonly generateName: string}, labels: Readonly<Record<string, string>> = {}) => ({
	apiVersion: 'v1',
	kind: 'Pod',
	metadata: {...named, labels: {...metadata.labels, ...labels}, ...(metadata.annotations && {annotations: metadata.annotations}), ...ownedBy(owner)},
	spec,
});

/**
 * Creates Pods in batches of 1, 2, 4 …, as kube-controller-manager does, so that a webhook that rejects them all is not called
 * for each. Every failure becomes an Event.
 *
 * @throws the first failure of a batch; no further batch is tried.
 */
export const createPods = async (client: ControllerClient, owner: Workload, pods: readonly object[]): Promise<void> => {
	for (let done = 0, size = 1; done < pods.length; done += size, size *= 2) {
		const results = await Promise.allSettled(pods.slice(done, done + size).map(async pod => {
			try {
				await client.create(`/api/v1/namespaces/${owner.metadata.namespace}/pods`, pod);
			} catch (error) {
				await client.event(owner, 'Warning', 'FailedCreate', `Error creating: ${messageOf(error)}`);
				throw error;
			}
		}));
		const failed = results.find(result => result.status === 'rejected');
		if (failed) {
			throw failed.reason;
		}
	}
};

/** The counts that every workload reports. Written only if they differ, so that a controller does not wake itself for ever. */
export const reportStatus = async (client: ControllerClient, owner: Workload, pods: readonly Pod[], more: object = {}): Promise<void> => {
	const ready = pods.filter(pod => isRunning(pod)).length;
	await client.patch(owner, {status: {replicas: pods.length, readyReplicas: ready, availableReplicas: ready, ...more}});
};
