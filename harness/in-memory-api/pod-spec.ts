/** What the API server does with the ports of a Pod: it fills in defaults and checks host ports. */

export type PodPort = {name?: string; containerPort: number; hostPort?: number; protocol?: string};
export type PodContainer = {name?: string; ports?: PodPort[]};
export type PodSpec = {hostNetwork?: boolean; dnsPolicy?: string; nodeName?: string; containers: PodContainer[]; initContainers?: PodContainer[]};

export const containersOf = ({containers, initContainers = []}: PodSpec): PodContainer[] => [...containers, ...initContainers];

/** A Pod's spec with the API server's defaults. It applies them each time it decodes a Pod: before a webhook call and after it. */
export const defaultedPodSpec = (spec: PodSpec): PodSpec => {
	const defaulted = (container: PodContainer): PodContainer => container.ports ? {
		...container,
		ports: container.ports.map(port => ({
			...port,
			protocol: port.protocol ?? 'TCP',
			...(spec.hostNetwork && !port.hostPort && {hostPort: port.containerPort}),
		})),
	} : container;
	return {
		dnsPolicy: 'ClusterFirst',
		...spec,
		containers: spec.containers.map(container => defaulted(container)),
		...(spec.initContainers && {initContainers: spec.initContainers.map(container => defaulted(container))}),
	};
};

/** Why the API server refuses a Pod; undefined for a valid one. */
export const podProblem = (spec: PodSpec): string | undefined => {
	const {hostNetwork = false} = spec;
	const ports = containersOf(spec).flatMap(container => container.ports ?? []);
	const wrong = ports.find(({hostPort = 0, containerPort}) => hostNetwork && hostPort !== containerPort);
	if (wrong) {
		return `spec.containers[0].ports[0].hostPort: Invalid value: ${wrong.hostPort}: must match \`containerPort\` when \`hostNetwork\` is true`;
	}

	const hostPorts = spec.containers.flatMap(container => container.ports ?? []).filter(({hostPort}) => hostPort).map(({hostPort, protocol}) => `${hostPort}/${protocol}`);
	return new Set(hostPorts).size < hostPorts.length ? 'spec.containers[0].ports[1].hostPort: Duplicate value' : undefined;
};
