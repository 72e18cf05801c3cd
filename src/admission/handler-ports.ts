/** The port numbers in a container's probes and lifecycle hooks. Pure. */
import {withMembers} from './copy-on-write.ts';
import type {Container, Handler} from './pod.ts';

type Follow = (port: number) => number;
type Optional<Value> = Value | null | undefined;

/** Without a host, the kubelet speaks to the Pod's own address, which on the host network is the node's. */
const ownHosts = new Set<unknown>([undefined, null, '', 'localhost', '127.0.0.1', '::1']);

/**
 * The container with every port number that a handler names replaced by what `follow` makes of it. Names are left
 * alone, as they follow by themselves, and so is a handler that speaks to another machine. What does not change is
 * the very same object as before.
 */
export const withHandlerPorts = (container: Container, follow: Follow): Container => {
	const {livenessProbe, readinessProbe, startupProbe, lifecycle} = container;
	return withMembers(container, {
		livenessProbe: followedHandler(livenessProbe, follow),
		readinessProbe: followedHandler(readinessProbe, follow),
		startupProbe: followedHandler(startupProbe, follow),
		lifecycle: lifecycle && withMembers(lifecycle, {
			postStart: followedHandler(lifecycle.postStart, follow),
			preStop: followedHandler(lifecycle.preStop, follow),
		}),
	});
};

const followedHandler = (handler: Optional<Handler>, follow: Follow): Optional<Handler> => handler && withMembers(handler, {
	httpGet: followedTarget(handler.httpGet, follow),
	tcpSocket: followedTarget(handler.tcpSocket, follow),
	grpc: followedTarget(handler.grpc, follow),
});

const followedTarget = <Target extends {port: number | string; host?: unknown}>(target: Optional<Target>, follow: Follow): Optional<Target> => {
	if (!target || typeof target.port !== 'number' || !ownHosts.has(target.host)) {
		return target;
	}

	const port = follow(target.port);
	return port === target.port ? target : {...target, port};
};
