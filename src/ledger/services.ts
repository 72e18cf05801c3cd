/** NodePorts of Services: kube-proxy takes them on every node, so nobody may be given one. */
import type {Protocol} from '../ports/demand.ts';
import type {HostPortUse} from '../ports/host-port-use.ts';
import type {ApiClient} from '../kubernetes/api-client.ts';

type ServiceList = {
	readonly metadata: {readonly continue?: string};
	readonly items: ReadonlyArray<{
		readonly metadata: {readonly namespace: string; readonly name: string; readonly uid: string};
		readonly spec: {
			readonly ports?: ReadonlyArray<{readonly name?: string; readonly port: number; readonly protocol?: Protocol; readonly nodePort?: number}>;
			readonly healthCheckNodePort?: number;
		};
	}>;
};

const pageSize = 500;

/** All NodePorts, as of a moment after the call began. Throws like any request. */
export const listNodePorts = async (api: Pick<ApiClient, 'get'>, signal: AbortSignal): Promise<HostPortUse[]> => {
	const uses: HostPortUse[] = [];
	let token = '';
	do {
		const page = await api.get<ServiceList>(`/api/v1/services?limit=${pageSize}${token && `&continue=${encodeURIComponent(token)}`}`, {signal});
		for (const {metadata: {namespace, name, uid}, spec: {ports = [], healthCheckNodePort}} of page.items) {
			const common = {pod: `Service ${namespace}/${name}`, uid, node: undefined, managed: false};
			uses.push(
				...ports.flatMap(({nodePort, protocol = 'TCP', port, name: portName}) =>
					nodePort ? [{...common, port: nodePort, protocol, portName: portName ?? String(port)}] : []),
				...(healthCheckNodePort ? [{...common, port: healthCheckNodePort, protocol: 'TCP' as const, portName: 'health-check'}] : []),
			);
		}

		token = page.metadata.continue ?? '';
	} while (token);

	return uses;
};
