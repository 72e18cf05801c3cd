/** The nodes that kwok plays, and the wait for a cluster in which Pods can be created and scheduled. */
import {kwokVersion} from './binaries.ts';
import type {ApiClient} from './identity.ts';
import {until} from './until.ts';

/** Creates worker-1, worker-2, … with the addresses 10.1.0.1, 10.1.0.2, …; those that exist stay as they are. */
export const createNodes = async (client: ApiClient, count: number): Promise<void> => {
	await Promise.all(Array.from({length: count}, async (_, index) =>
		client.request('POST', '/api/v1/nodes', {body: describeNode(index + 1), tolerate: [409]})));
};

/** Waits for nodes that are Ready and without taints, and for the ServiceAccount without which no Pod can be created. */
export const untilSchedulable = async (client: ApiClient, count: number, signal?: AbortSignal): Promise<void> => {
	await until(async () => client.request('GET', '/api/v1/namespaces/default/serviceaccounts/default'), {
		what: 'the ServiceAccount "default"', budgetMs: 60_000, signal,
	});
	await until(async () => {
		const list = await client.request('GET', '/api/v1/nodes') as {readonly items: readonly Node[]};
		return list.items.filter(node => isSchedulable(node)).length >= count;
	}, {what: `${count} nodes to be Ready`, budgetMs: 60_000, signal});
};

type Node = {
	readonly spec: {readonly taints?: readonly unknown[]};
	readonly status: {readonly conditions?: ReadonlyArray<{readonly type: string; readonly status: string}>};
};

/** A new node is tainted as not ready until the controller manager has seen that it is. */
const isSchedulable = ({spec, status}: Node): boolean =>
	(spec.taints ?? []).length === 0 && (status.conditions ?? []).some(({type, status}) => type === 'Ready' && status === 'True');

const describeNode = (number: number) => {
	const name = `worker-${number}`;
	// So large that the scheduler never runs out of anything but host ports.
	const resources = {cpu: '1000', memory: '1Ti', pods: '100000'};
	return {
		apiVersion: 'v1',
		kind: 'Node',
		metadata: {
			name,
			labels: {'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64'},
		},
		status: {
			// As a kubelet does, with the creation: kwok gives Pods on the host network this address.
			addresses: [
				{type: 'InternalIP', address: `10.1.${number >> 8}.${number & 255}`},
				{type: 'Hostname', address: name},
			],
			capacity: resources,
			allocatable: resources,
			nodeInfo: {kubeletVersion: `kwok-${kwokVersion}`, operatingSystem: 'linux', architecture: 'amd64'},
		},
	};
};
