/**
 * Removes the numbers that a manifest brings along when it was copied from a running Pod. They belong to that Pod; the new
 * Pod gets its own. Pure.
 */
import {allocatedAnnotationPrefix} from '../ports/host-port-use.ts';
import {isPort} from '../ports/port-range.ts';
import {portVariable} from './annotations.ts';
import {isLasting, withEachContainer} from './containers.ts';
import {withItems, withMembers} from './copy-on-write.ts';
import {portsOf} from './pod-ports.ts';
import type {Container, ContainerPort, Pod} from './pod.ts';
import {withProbePorts} from './probe-ports.ts';

/**
 * The Pod without what an earlier allocation left in it: annotations, the variables that hold their values, and, on the
 * host network, the numbers of unnamed ports. An unnamed port is called by the number that the Pod's author gave it, which
 * we replaced: it gets that number back, and so do the probes and hooks that followed it. Named ports and their probes keep
 * the stale number, which planning treats like any other.
 */
export const withoutStaleAllocation = (pod: Pod): Pod => {
	const annotations = Object.entries(pod.metadata.annotations ?? {});
	const stale = new Map(annotations
		.filter(([name]) => isStale(name))
		.map(([name, value]) => [name.slice(allocatedAnnotationPrefix.length), value]));
	if (stale.size === 0) {
		return pod;
	}

	const variables = new Map([...stale].map(([portName, value]) => [portVariable(portName), value]));
	const originals = pod.spec.hostNetwork ? originalNumbers(pod, stale) : new Map<number, undefined>();
	return {
		...pod,
		metadata: {...pod.metadata, annotations: Object.fromEntries(annotations.filter(([name]) => !isStale(name)))},
		spec: withEachContainer(pod.spec, (container, list) => {
			const cleaned = withoutVariables(container, variables);
			return isLasting(list, container) ? withOriginalNumbers(cleaned, originals, stale) : cleaned;
		}),
	};
};

const isStale = (name: string): boolean => name.startsWith(allocatedAnnotationPrefix);

/** By the number of an unnamed port: the number that the Pod's author wrote, if it was given this one. */
const originalNumbers = (pod: Pod, stale: ReadonlyMap<string, string>): Map<number, number | undefined> => {
	const byValue = new Map(stale.entries()
		.filter(([portName]) => /^\d{1,5}$/.test(portName) && isPort(Number(portName)))
		.map(([portName, value]) => [value, Number(portName)]));
	return new Map(portsOf(pod)
		.filter(({isLasting, port}) => isLasting && !port.name)
		.map(({port: {containerPort}}) => [containerPort, byValue.get(String(containerPort))]));
};

/** A variable whose value differs from the annotation's is the user's own. */
const withoutVariables = (container: Container, stale: ReadonlyMap<string, string>): Container => {
	const env = container.env?.filter(({name, value}) => value === undefined || value === null || stale.get(name) !== value);
	return env?.length === container.env?.length ? container : withMembers(container, {env});
};

const withOriginalNumbers = (container: Container, originals: ReadonlyMap<number, number | undefined>, stale: ReadonlyMap<string, string>): Container => {
	const restored = withMembers(container, {ports: withItems(container.ports, port => withOriginalNumber(port, originals, stale))});
	return withProbePorts(restored, port => originals.get(port) ?? port);
};

/** A named port that shared its number with an unnamed one (53/TCP and 53/UDP) is restored with it, so that they share the next number too. */
const withOriginalNumber = (port: ContainerPort, originals: ReadonlyMap<number, number | undefined>, stale: ReadonlyMap<string, string>): ContainerPort => {
	const original = originals.get(port.containerPort);
	const isAllocated = !port.name || stale.get(port.name) === String(port.containerPort);
	return original !== undefined && isAllocated ? {...port, containerPort: original, hostPort: original} : port;
};
