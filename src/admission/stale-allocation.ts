/**
 * A manifest copied from a running Pod carries that Pod's numbers. They belong to the other Pod: this one is new, and
 * gets its own. Pure.
 */
import {isPort} from '../ports/port-range.ts';
import {allocatedAnnotationPrefix} from '../ports/host-port-use.ts';
import {portVariable} from './annotations.ts';
import {isLasting, withEachContainer} from './containers.ts';
import {withHandlerPorts} from './handler-ports.ts';
import {withItems, withMembers} from './copy-on-write.ts';
import {portsOf} from './pod-ports.ts';
import type {Container, ContainerPort, Pod} from './pod.ts';

/**
 * The Pod without what an earlier allocation left in it: its annotations, the variables that hold their values, and on
 * the host network the numbers of unnamed ports. Such a port goes by the number that its author gave it, which we
 * replaced: it gets it back, and the probes and hooks that followed it go back too. Named ports keep the stale number,
 * and so do their probes: planning takes it for any other.
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
	const originals = pod.spec.hostNetwork ? originalNumbers(pod, stale) : new Map<number, number>();
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

/** From the numbers that unnamed ports were given to those that their author wrote. */
const originalNumbers = (pod: Pod, stale: ReadonlyMap<string, string>): Map<number, number> => {
	const byValue = new Map(stale.entries()
		.filter(([portName]) => /^\d{1,5}$/.test(portName) && isPort(Number(portName)))
		.map(([portName, value]) => [value, Number(portName)]));
	return new Map(portsOf(pod)
		.filter(({isLasting, port}) => isLasting && !port.name)
		.flatMap(({port: {containerPort}}) => {
			const original = byValue.get(String(containerPort));
			return original === undefined ? [] : [[containerPort, original]];
		}));
};

/** A variable that holds another value than the annotation is its user's own. */
const withoutVariables = (container: Container, stale: ReadonlyMap<string, string>): Container => {
	const env = container.env?.filter(({name, value}) => value === undefined || value === null || stale.get(name) !== value);
	return env?.length === container.env?.length ? container : withMembers(container, {env});
};

const withOriginalNumbers = (container: Container, originals: ReadonlyMap<number, number>, stale: ReadonlyMap<string, string>): Container => {
	if (originals.size === 0) {
		return container;
	}

	const restored = withMembers(container, {ports: withItems(container.ports, port => withOriginalNumber(port, originals, stale))});
	return withHandlerPorts(restored, port => originals.get(port) ?? port);
};

/** A named port goes back with the unnamed one whose number it shared (53/TCP and 53/UDP), so that they share the next one too. */
const withOriginalNumber = (port: ContainerPort, originals: ReadonlyMap<number, number>, stale: ReadonlyMap<string, string>): ContainerPort => {
	const original = originals.get(port.containerPort);
	const isAllocated = !port.name || stale.get(port.name) === String(port.containerPort);
	return original !== undefined && isAllocated ? {...port, containerPort: original, hostPort: original} : port;
};
