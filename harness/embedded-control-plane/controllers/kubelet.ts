/** Stands for the kubelets of all nodes: a Pod that has a node runs at once, and no program is started. */
import type {Stored} from '../../in-memory-api/kinds.ts';
import {now} from '../api/defaults.ts';
import type {ControllerClient} from './client.ts';
import type {Pod} from './objects.ts';

type Node = Stored & {readonly status: {readonly addresses?: ReadonlyArray<{readonly type: string; readonly address: string}>}};

export const runPod = async (client: ControllerClient, pod: Pod): Promise<void> => {
	const node = client.server.find('Node', pod.spec.nodeName ?? '') as Node | undefined;
	if (!node || pod.status?.phase !== 'Pending') {
		return;
	}

	const at = now();
	const hostIP = node.status.addresses?.find(({type}) => type === 'InternalIP')?.address;
	const podIP = pod.spec.hostNetwork ? hostIP : podAddress(pod);
	await client.patch(pod, {
		status: {
			phase: 'Running',
			conditions: ['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady', 'PodScheduled'].map(type => ({type, status: 'True', lastTransitionTime: at})),
			hostIP,
			hostIPs: [{ip: hostIP}],
			podIP,
			podIPs: [{ip: podIP}],
			startTime: at,
			containerStatuses: (pod.spec.containers as ReadonlyArray<{readonly name?: string; readonly image?: string}>).map(({name, image}) => ({
				name, image, imageID: '', ready: true, started: true, restartCount: 0, state: {running: {startedAt: at}}, lastState: {},
			})),
		},
	});
};

/** An address in 10.244.0.0/16, the range of kubeadm's examples. It comes from the Pod's UID, whose last digits count up. */
const podAddress = ({metadata: {uid}}: Pod): string => {
	const number = Number.parseInt(uid.slice(-12), 10) % 65_536;
	return `10.244.${number >> 8}.${number & 255}`;
};
