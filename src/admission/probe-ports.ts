/** The port numbers in probes and lifecycle hooks: how they follow the ports of the Pod. Pure. */
import {withMembers} from './copy-on-write.ts';
import {portsOf} from './pod-ports.ts';
import type {PodPort} from './pod-ports.ts';
import type {Container, Handler, Pod} from './pod.ts';

/** From the port number that a probe or hook names to the one that it must name. */
type FollowPort = (port: number) => number;
type Optional<Value> = Value | null | undefined;

/**
 * How the probes and hooks of each container, by its path, follow the ports of the Pod.
 *
 * A number means a port of the same container. If the container has no such port, it means that port of another container,
 * as all share the network. If it could be several ports, or none, the number stays.
 *
 * @param numbers The new number of each managed port, by its path.
 */
export const portFollowers = (pod: Pod, numbers: ReadonlyMap<string, number>): ((containerPath: string) => FollowPort) => {
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

/** Probes speak TCP. If a port is declared for UDP only, its program may still listen on TCP too. */
const connectable = (ports: readonly PodPort[]): readonly PodPort[] => {
	const tcp = ports.filter(({protocol}) => protocol === 'TCP');
	return tcp.length > 0 ? tcp : ports;
};

/** If a handler names no host, the kubelet speaks to the Pod's own address; on the host network that is the node's. */
const ownHosts = new Set<unknown>([undefined, null, '', 'localhost', '127.0.0.1', '::1']);

/**
 * The container with every port number in its probes and hooks replaced. Port names stay, as they follow by themselves,
 * and so does a handler that speaks to another host. What does not change is shared with `container`.
 */
export const withProbePorts = (container: Container, follow: FollowPort): Container => {
	const {livenessProbe, readinessProbe, startupProbe, lifecycle} = container;
	return withMembers(container, {
		livenessProbe: withHandlerPorts(livenessProbe, follow),
		readinessProbe: withHandlerPorts(readinessProbe, follow),
		startupProbe: withHandlerPorts(startupProbe, follow),
		lifecycle: lifecycle && withMembers(lifecycle, {
			postStart: withHandlerPorts(lifecycle.postStart, follow),
			preStop: withHandlerPorts(lifecycle.preStop, follow),
		}),
	});
};

const withHandlerPorts = (handler: Optional<Handler>, follow: FollowPort): Optional<Handler> => handler && withMembers(handler, {
	httpGet: withTargetPort(handler.httpGet, follow),
	tcpSocket: withTargetPort(handler.tcpSocket, follow),
	grpc: withTargetPort(handler.grpc, follow),
});

const withTargetPort = <Target extends {port: number | string; host?: unknown}>(target: Optional<Target>, follow: FollowPort): Optional<Target> => {
	if (!target || typeof target.port !== 'number' || !isOwnHost(target)) {
		return target;
	}

	const port = follow(target.port);
	return port === target.port ? target : {...target, port};
};

/** Whether a probe or hook calls the Pod itself. */
export const isOwnHost = ({host}: {readonly port: unknown; readonly host?: unknown}): boolean => ownHosts.has(host);

/** The probes and hooks of a container, with the names of their fields. */
export const handlersOf = ({livenessProbe, readinessProbe, startupProbe, lifecycle}: Container): Array<{readonly field: string; readonly handler: Handler}> =>
	Object.entries({livenessProbe, readinessProbe, startupProbe, postStart: lifecycle?.postStart, preStop: lifecycle?.preStop})
		.flatMap(([field, handler]) => handler ? [{field, handler}] : []);
