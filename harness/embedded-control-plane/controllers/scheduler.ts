/** Gives each Pod the node with the fewest Pods, among those that have its labels and its host ports free. */
import type {Stored} from '../../in-memory-api/kinds.ts';
import {containersOf} from '../../in-memory-api/pod-spec.ts';
import {now} from '../api/defaults.ts';
import type {ControllerClient} from './client.ts';
import {isActive} from './objects.ts';
import type {Pod} from './objects.ts';

/** Schedules one Pod. One that fits nowhere stays as it is, and its condition and an Event say why. */
export const schedule = async (client: ControllerClient, pod: Pod): Promise<void> => {
	if (pod.spec.nodeName || (pod.spec.schedulerName ?? defaultScheduler) !== defaultScheduler || !isActive(pod)) {
		return;
	}

	const others = ([...client.server.all('Pod')] as unknown as Pod[]).filter(other => other.spec.nodeName && isActive(other));
	const wanted = portKeysOf(pod);
	const nodes = [...client.server.all('Node')];
	const labelled = nodes.filter(node => hasLabels(node, pod));
	const fitting = labelled.filter(({metadata: {name}}) => !others.some(other => other.spec.nodeName === name && portKeysOf(other).some(key => wanted.includes(key))));
	const podsOn = ({metadata: {name}}: Stored) => others.filter(other => other.spec.nodeName === name).length;
	const [node] = fitting.toSorted((a, b) => podsOn(a) - podsOn(b));
	if (node) {
		// In one write: nothing else can take the node's ports meanwhile.
		await client.patch(pod, {spec: {nodeName: node.metadata.name}, status: {conditions: [{type: 'PodScheduled', status: 'True', lastTransitionTime: now()}]}});
		await client.event(pod, 'Normal', 'Scheduled', `Successfully assigned ${pod.metadata.namespace}/${pod.metadata.name} to ${node.metadata.name}`);
		return;
	}

	const reasons = [
		[nodes.length - labelled.length, 'node(s) didn\'t match Pod\'s node affinity/selector'],
		[labelled.length, 'node(s) didn\'t have free ports for the requested pod ports'],
	].filter(([count]) => count !== 0).map(([count, reason]) => `${count} ${reason}`);
	const message = `0/${nodes.length} nodes are available: ${reasons.join(', ')}.`;
	await client.patch(pod, {status: {conditions: [{type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message}]}});
	await client.event(pod, 'Warning', 'FailedScheduling', message);
};

const defaultScheduler = 'default-scheduler';

const portKeysOf = ({spec}: Pod): readonly string[] =>
	containersOf(spec).flatMap(({ports = []}) => ports).filter(({hostPort}) => hostPort).map(({hostPort, protocol}) => `${hostPort}/${protocol}`);

const hasLabels = ({metadata: {labels = {}}}: Stored, {spec: {nodeSelector = {}}}: Pod): boolean =>
	Object.entries(nodeSelector).every(([name, value]) => labels[name] === value);
