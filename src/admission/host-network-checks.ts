/**
 * Rejects Pods that can't be on the host network, before a number is reserved. On the Pod network, Kubernetes would accept
 * them. The rules are those of the API server (`pkg/apis/core/validation/validation.go`), which checks the Pod after us, and
 * of the nodes. Pure.
 */
import {DenialError} from '../errors.ts';
import {optionAnnotations} from './annotations.ts';
import type {PodPort} from './pod-ports.ts';
import type {Pod} from './pod.ts';
import {quote} from './quote.ts';
import {signOfWindows} from './windows.ts';

/** @throws {DenialError} 400, which names the field, its value and the way out. */
export const checkHostNetwork = (pod: Pod, managed: readonly PodPort[], unmanaged: readonly PodPort[]): void => {
	const wayOut = `set ${optionAnnotations.hostNetwork}: "false"${pod.spec.hostNetwork ? ' and remove spec.hostNetwork' : ''}`;
	checkFields(pod, wayOut);
	checkUnmanagedPorts(unmanaged, wayOut);
	checkListeners(managed, wayOut);
};

const checkFields = ({spec}: Pod, wayOut: string): void => {
	const sysctls = spec.securityContext?.sysctls ?? [];
	const index = sysctls.findIndex(({name}) => isNetworkSysctl(name));
	if (index !== -1) {
		throw new DenialError(400, `The Pod's spec.securityContext.sysctls[${index}].name is ${quote(sysctls[index]?.name)}, which Kubernetes does not allow on the host network: remove it, or ${wayOut}`);
	}

	if (spec.hostUsers === false) {
		throw new DenialError(400, `The Pod's spec.hostUsers is false, which Kubernetes does not allow on the host network: remove it, or ${wayOut}`);
	}

	if (typeof spec.hostnameOverride === 'string') {
		throw new DenialError(400, `The Pod's spec.hostnameOverride is ${quote(spec.hostnameOverride)}, which Kubernetes does not allow on the host network: remove it, or ${wayOut}`);
	}

	const windows = signOfWindows(spec);
	if (windows) {
		throw new DenialError(400, `The Pod's ${windows}, and Windows nodes have no host network for Pods: ${wayOut}`);
	}
};

/** In the other notation, `net/ipv4/tcp_syncookies`, the slashes are the separators (`sysctl.NormalizeName`). */
const isNetworkSysctl = (name: string): boolean => /^net[./]/.test(name);

/** On the host network, the API server gives each port without `hostPort` its `containerPort` as `hostPort`. */
const checkUnmanagedPorts = (unmanaged: readonly PodPort[], wayOut: string): void => {
	const mismatch = unmanaged.find(({isInit, port: {hostPort, containerPort}}) => !isInit && hostPort && hostPort !== containerPort);
	if (mismatch) {
		const {name, containerName, port: {hostPort, containerPort}} = mismatch;
		throw new DenialError(400, `Port ${quote(name)} of container ${quote(containerName)} has hostPort ${hostPort} and containerPort ${containerPort}, which must be equal on the host network: make them so, name the port in ${optionAnnotations.ports}, or ${wayOut}`);
	}

	// Init containers run one after the other, so Kubernetes compares only the ports of one with each other.
	const same = firstPair(unmanaged, ({isInit, containerPath, protocol, port: {hostPort, containerPort, hostIP}}) =>
		`${isInit ? containerPath : ''} ${protocol} ${hostIP ?? ''} ${hostPort || containerPort}`);
	if (same) {
		const [, {isLasting, protocol, port: {hostPort, containerPort}}] = same;
		throw new DenialError(400, `${subjectOf(same)} would both be host port ${hostPort || containerPort}/${protocol} on the host network, which Kubernetes does not allow: remove one of them, ${isLasting ? `name one of them in ${optionAnnotations.ports}, ` : ''}or ${wayOut}`);
	}
};

/**
 * Two names for one containerPort mean one listener, and the host network has no forwarding from two numbers to it. Ports of
 * several containers are not compared: each container may have a program of its own.
 */
const checkListeners = (managed: readonly PodPort[], wayOut: string): void => {
	const same = firstPair(managed, ({containerPath, protocol, port: {containerPort}}) => `${containerPath} ${protocol} ${containerPort}`);
	if (same) {
		const [, {protocol, port: {containerPort}}] = same;
		throw new DenialError(400, `${subjectOf(same)} have the same containerPort ${containerPort}/${protocol}. On the host network they would get two numbers, and a program that listens on one port can't listen on both: remove one of them, leave it out of ${optionAnnotations.ports} (it stays ${containerPort} then), give them different containerPorts if the program listens on two, or ${wayOut}`);
	}
};

type Pair = readonly [PodPort, PodPort];

/** The first two ports with the same key. */
const firstPair = (ports: readonly PodPort[], keyOf: (port: PodPort) => string): Pair | undefined => {
	const seen = new Map<string, PodPort>();
	for (const port of ports) {
		const key = keyOf(port);
		const first = seen.get(key);
		if (first) {
			return [first, port];
		}

		seen.set(key, port);
	}

	return undefined;
};

const subjectOf = ([a, b]: Pair): string => {
	if (a.containerPath !== b.containerPath) {
		return `Port ${quote(a.name)} of container ${quote(a.containerName)} and port ${quote(b.name)} of container ${quote(b.containerName)}`;
	}

	const ports = a.name === b.name ? `Two ports ${quote(a.name)}` : `Ports ${quote(a.name)} and ${quote(b.name)}`;
	return `${ports} of container ${quote(a.containerName)}`;
};
