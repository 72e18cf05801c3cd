/** The nodes that kwok simulates, and the wait for a cluster in which Pods can be created and scheduled. */
import type {KubeClient} from '../kube-client.ts';
import {kwokVersion} from './binaries.ts';
import {until} from './until.ts';

/** Creates worker-1, worker-2, … with the addresses 10.1.0.1, 10.1.0.2, …; those that exist stay as they are. */
export const createNodes = async (client: KubeClient, count: number): Promise<void> => {
	await Promise.all(Array.from({length: count}, async (_, index) => {
		const {status, body} = await client.send<{message?: string}>('POST', '/api/v1/nodes', describeNode(index + 1, `kwok-${kwokVersion}`));
		if (status !== 201 && status !== 409) {
			throw new Error(`node ${index + 1} can't be created: ${status} ${body.message}`);
		}
	}));
};

/** Waits for nodes that are Ready and without taints, and for the ServiceAccount without which no Pod can be created. */
export const untilSchedulable = async (client: KubeClient, count: number, signal?: AbortSignal): Promise<void> => {
	await until(async () => client.request('GET', '/api/v1/namespaces/default/serviceaccounts/default'), {
		what: 'the ServiceAccount "default"', budgetMs: 60_000, signal,
	});
	await until(async () => {
		const {items} = await client.request<{readonly items: readonly Node[]}>('GET', '/api/v1/nodes');
		return items.filter(node => isSchedulable(node)).length >= count;
	}, {what: `${count} nodes to be Ready`, budgetMs: 60_000, signal});
};

type Node = {
	readonly spec: {readonly taints?: readonly unknown[]};
	readonly status: {readonly conditions?: ReadonlyArray<{readonly type: string; readonly status: string}>};
};

/** A new node has a taint until the controller manager has noticed that it is Ready. */
const isSchedulable = ({spec, status}: Node): boolean =>
	(spec.taints ?? []).length === 0 && (status.conditions ?? []).some(({type, status}) => type === 'Ready' && status === 'True');

/** The node `worker-<number>`, with resources for any number of Pods. */
export const describeNode = (number: number, kubeletVersion: string) => {
	const name = `worker-${number}`;
	// Large enough that the scheduler never runs out of anything but host ports.
	const resources = {cpu: '1000', memory: '1Ti', pods: '100000'};
	return {
		apiVersion: 'v1',
		kind: 'Node',
		metadata: {
			name,
			labels: {'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64'},
		},
		status: {
			// kwok gives Pods on the host network this address.
			addresses: [
				{type: 'InternalIP', address: `10.1.${number >> 8}.${number & 255}`},
				{type: 'Hostname', address: name},
			],
			capacity: resources,
			allocatable: resources,
			nodeInfo: {kubeletVersion, operatingSystem: 'linux', architecture: 'amd64'},
		},
	};
};
