/** Consistent lists of the host ports that Pods and Services use. Every decision that frees a port, or lifts a quarantine, rests on one. */
import type {ApiClient} from '../kubernetes/api-client.ts';
import {hostPortsOf, lacksPorts} from '../ports/host-port-use.ts';
import type {HostPortUse, PodWithoutPorts, StoredPod} from '../ports/host-port-use.ts';
import type {Protocol} from '../ports/demand.ts';

/** A Pod is 5–10 KB and a Service about 2 KB, so an answer is usually at most about 1 MB. */
const podsPerPage = 100;
const servicesPerPage = 500;

/** The members of a stored Service that say which NodePorts it has. */
export type StoredService = {
	readonly metadata: {readonly namespace: string; readonly name: string; readonly uid: string};
	readonly spec: {
		readonly ports?: ReadonlyArray<{readonly name?: string; readonly port: number; readonly protocol?: Protocol; readonly nodePort?: number}>;
		readonly healthCheckNodePort?: number;
	};
};

export type HostPortSurvey = {
	/** The host ports of all live Pods, and the NodePorts of all Services. */
	readonly uses: readonly HostPortUse[];
	readonly podsWithoutPorts: readonly PodWithoutPorts[];
};

/**
 * What Pods and Services use, as of a moment after the call began.
 *
 * @throws like `ApiClient.list`.
 */
export const surveyHostPorts = async (api: Pick<ApiClient, 'list'>, signal: AbortSignal): Promise<HostPortSurvey> => {
	// One after the other: only one long answer is in memory at a time.
	const nodePorts = await api.list('/api/v1/services', {pageSize: servicesPerPage, select: nodePortsOf, signal});
	const pods = await listFromPods(api, pod => lacksPorts(pod) ? [...hostPortsOf(pod), withoutPorts(pod)] : hostPortsOf(pod), signal);
	return {
		uses: [...nodePorts, ...pods.filter((found): found is HostPortUse => 'port' in found)],
		podsWithoutPorts: pods.filter((found): found is PodWithoutPorts => !('port' in found)),
	};
};

/** The `uses` of a survey. */
export const listHostPortsInUse = async (api: Pick<ApiClient, 'list'>, signal: AbortSignal): Promise<readonly HostPortUse[]> =>
	(await surveyHostPorts(api, signal)).uses;

/** What `select` finds in the Pods of all namespaces. The list has no label selector, because a user may remove a label. */
export const listFromPods = async <T>(api: Pick<ApiClient, 'list'>, select: (pod: StoredPod) => readonly T[], signal: AbortSignal): Promise<T[]> =>
	api.list('/api/v1/pods', {pageSize: podsPerPage, select, signal});

const withoutPorts = ({metadata: {namespace, name, uid}}: StoredPod): PodWithoutPorts => ({pod: `${namespace}/${name}`, uid});

/** kube-proxy takes a NodePort on every node, so no Pod may be given one. */
export const nodePortsOf = ({metadata: {namespace, name, uid}, spec: {ports = [], healthCheckNodePort}}: StoredService): HostPortUse[] => {
	const common = {pod: `Service ${namespace}/${name}`, uid, node: undefined, managed: false, given: false};
	return [
		...ports.flatMap(({nodePort, protocol = 'TCP', port, name: portName}) =>
			nodePort ? [{...common, port: nodePort, protocol, portName: portName ?? String(port)}] : []),
		...(healthCheckNodePort ? [{...common, port: healthCheckNodePort, protocol: 'TCP' as const, portName: 'health-check'}] : []),
	];
};
