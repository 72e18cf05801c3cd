/** The ports of a Pod: which of them get a number from us, what they are called, and which must share a number. Pure. */
import {DenialError} from '../errors.ts';
import type {Protocol} from '../ports/demand.ts';
import {optionAnnotations} from './annotations.ts';
import {containerLists, containerPath, isLasting, portPath} from './containers.ts';
import type {ContainerPort, Pod} from './pod.ts';
import {quote, quoteList} from './quote.ts';

/** A port of a Pod and its place in the Pod. */
export type PodPort = {
	/** JSON pointer: `/spec/containers/0/ports/1`. */
	readonly path: string;
	/** JSON pointer of its container. */
	readonly containerPath: string;
	readonly containerName: string;
	readonly isInit: boolean;
	/** Whether its container runs as long as the Pod does. */
	readonly isLasting: boolean;
	/** The name in its annotation, its variable and its ledger entry. */
	readonly name: string;
	readonly protocol: Protocol;
	readonly port: ContainerPort;
};

/** Every port of every container: those of `containers` first, then those of `initContainers`. */
export const portsOf = ({spec}: Pod): PodPort[] => containerLists.flatMap(list =>
	(spec[list] ?? []).flatMap((container, index) => {
		const path = containerPath(list, index);
		return (container.ports ?? []).map((port, portIndex) => ({
			path: portPath(path, portIndex),
			containerPath: path,
			containerName: container.name,
			isInit: list === 'initContainers',
			isLasting: isLasting(list, container),
			name: nameOf(port),
			protocol: port.protocol ?? 'TCP',
			port,
		}));
	}));

/** A port without a name is called by the number that the Pod's author gave it. */
const nameOf = ({name, containerPort}: ContainerPort): string => name || String(containerPort);

/**
 * Separates the ports that get a number from those that stay as written. Ports of ordinary init containers are never
 * managed: they are closed before the Pod is ready.
 *
 * @param names From the annotation `hostport.io/ports`; undefined means all ports.
 * @throws {DenialError} 400 if the annotation names a port that the Pod does not have.
 */
export const splitPorts = (
	ports: readonly PodPort[],
	names: readonly string[] | undefined,
): {readonly managed: readonly PodPort[]; readonly unmanaged: readonly PodPort[]} => {
	const wanted = names && new Set(names);
	const isManaged = ({name, isLasting}: PodPort): boolean => isLasting && (wanted?.has(name) ?? true);
	const managed = ports.filter(port => isManaged(port));
	const found = new Set(managed.map(({name}) => name));
	const missing = names?.find(name => !found.has(name));
	if (missing !== undefined) {
		const existing = new Set(ports.filter(({isLasting}) => isLasting).map(({name}) => name));
		throw new DenialError(400, `${optionAnnotations.ports} names ${quote(missing)}, which no container or sidecar of the Pod has: ${existing.size > 0 ? `choose from ${quoteList(existing)}` : 'none of them has any port'}`);
	}

	return {managed, unmanaged: ports.filter(port => !isManaged(port))};
};

/**
 * Groups ports that must get the same number: those with the same containerPort and different protocols (53/TCP and
 * 53/UDP). If several containers have the same port, the ports of one container stay together.
 */
export const groupByNumber = (ports: readonly PodPort[]): PodPort[][] => {
	const perContainer = joinGroups(ports.map(port => [port]), ({containerPath, port}) => `${containerPath}:${port.containerPort}`);
	return joinGroups(perContainer, ({port}) => String(port.containerPort));
};

/**
 * Joins each group to a group with the same key and other protocols: the nth TCP port to the nth UDP port. Linear, as a
 * hostile Pod may have a hundred thousand ports.
 */
const joinGroups = (groups: readonly PodPort[][], keyOf: (port: PodPort) => string): PodPort[][] => {
	const result = new Map<string, PodPort[]>();
	const count = new Map<string, number>();
	for (const group of groups) {
		const [key = ''] = group.map(port => keyOf(port));
		const counted = group.map(({protocol}) => `${key}/${protocol}`);
		// From this index on, no group with this key has these protocols yet.
		const index = Math.max(...counted.map(protocol => count.get(protocol) ?? 0));
		const together = result.get(`${key}#${index}`) ?? [];
		together.push(...group);
		result.set(`${key}#${index}`, together);
		for (const protocol of counted) {
			count.set(protocol, index + 1);
		}
	}

	return [...result.values()];
};
