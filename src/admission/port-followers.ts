/** Where a port number in a probe or lifecycle hook leads once the ports have their numbers. Pure. */
import {portsOf} from './pod-ports.ts';
import type {PodPort} from './pod-ports.ts';
import type {Pod} from './pod.ts';

/**
 * For each container, by its path, a function from the number that a handler names to the one that it must name.
 *
 * The number means a port of the handler's own container. Where that has none, it means one of another container, as
 * all share the network, unless it could be several: then it stays, like a number that no port has.
 *
 * @param numbers The new number of each managed port, by its path.
 */
export const portFollowers = (
	pod: Pod,
	numbers: ReadonlyMap<string, number>,
): ((containerPath: string) => (port: number) => number) => {
	const ports = portsOf(pod).filter(({isLasting}) => isLasting);
	const ofContainer = Map.groupBy(ports, ({containerPath, port}) => `${containerPath}:${port.containerPort}`);
	const ofPod = new Map([...Map.groupBy(ports, ({port}) => port.containerPort)]
		.map(([number, same]) => [number, onlyTarget(same, numbers)]));
	return containerPath => number => {
		const own = ofContainer.get(`${containerPath}:${number}`);
		return (own ? firstTarget(own, numbers) : ofPod.get(number)) ?? number;
	};
};

const firstTarget = (ports: readonly PodPort[], numbers: ReadonlyMap<string, number>): number | undefined =>
	connectable(ports).map(({path}) => numbers.get(path)).find(number => number !== undefined);

const onlyTarget = (ports: readonly PodPort[], numbers: ReadonlyMap<string, number>): number | undefined => {
	const targets = new Set(connectable(ports).map(({path}) => numbers.get(path)));
	return targets.size === 1 ? [...targets][0] : undefined;
};

/** Handlers speak TCP. Where a port is declared for UDP only, its program may well listen on both. */
const connectable = (ports: readonly PodPort[]): readonly PodPort[] => {
	const tcp = ports.filter(({protocol}) => protocol === 'TCP');
	return tcp.length > 0 ? tcp : ports;
};
