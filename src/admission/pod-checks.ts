/**
 * Rejects Pods that can't work with host ports. That happens before a number is reserved: a controller creates a rejected
 * Pod again and again, and each time would leak a reservation. Pure. Every check throws a `DenialError` or returns nothing.
 */
import {DenialError} from '../errors.ts';
import {countNumbers} from '../ports/port-range.ts';
import {allocatedAnnotation, hostIpVariable, optionAnnotations, portVariable} from './annotations.ts';
import {containerLists} from './containers.ts';
import type {AllocationOptions} from './options.ts';
import type {PodPort} from './pod-ports.ts';
import type {Pod} from './pod.ts';
import {quote} from './quote.ts';

/** The Pod's network must be the one that its annotation names. */
export const checkNetwork = ({spec}: Pod, {hostNetwork}: AllocationOptions): void => {
	if (!hostNetwork && spec.hostNetwork) {
		throw new DenialError(400, `${optionAnnotations.hostNetwork} is "false", but the Pod's spec.hostNetwork is true: change one of them`);
	}
};

/** Each port name must stand for one number, and each variable for one port name. */
export const checkNames = (numbers: readonly PodPort[][]): void => {
	const byName = new Map<string, {readonly numberIndex: number; readonly port: PodPort}>();
	const byVariable = new Map<string, PodPort>();
	for (const [numberIndex, ports] of numbers.entries()) {
		for (const port of ports) {
			const {name, containerName, containerPath} = port;
			const same = byName.get(name) ?? {numberIndex, port};
			if (same.numberIndex !== numberIndex) {
				const owners = same.port.containerPath === containerPath
					? `Container ${quote(containerName)} has two ports ${quote(name)} that need a number each`
					: `Container ${quote(same.port.containerName)} and container ${quote(containerName)} each have a port ${quote(name)} that needs a number of its own`;
				throw new DenialError(400, `${owners}, but the annotation ${allocatedAnnotation(name)} holds one: give the ports distinct names`);
			}

			const variable = portVariable(name);
			if (variable === hostIpVariable) {
				throw new DenialError(400, `Container ${quote(containerName)} has a port ${quote(name)}, whose variable ${hostIpVariable} holds the address of the host: give the port another name`);
			}

			const other = byVariable.get(variable) ?? port;
			if (other.name !== name) {
				throw new DenialError(400, `Ports ${quote(other.name)} and ${quote(name)} would both be the variable ${variable}: give one of them another name`);
			}

			byName.set(name, same);
			byVariable.set(variable, other);
		}
	}
};

/** How many numbers one Pod may take bounds what a Pod that is rejected after us holds for the hold time, at each attempt of its controller. */
export const checkCount = (managed: number, own: number, maximum: number): void => {
	if (managed + own > maximum) {
		const [count, remedy] = own > 0
			? [`${managed + own} port numbers, ${own} of them for host ports that stay as written`, 'give it fewer ports']
			: [`${managed} port numbers`, `manage fewer ports with ${optionAnnotations.ports}`];
		throw new DenialError(403, `The Pod needs ${count}, and one Pod gets at most ${maximum}: ${remedy}, or ask the administrator of hostport-operator to raise --max-ports-per-pod`, {reason: 'too_many_ports'});
	}
};

/**
 * A Pod with more variables can't be stored: each takes about 40 bytes, and etcd accepts 1.5 MiB. Without a limit a Pod
 * with a hundred thousand containers and as many ports would exhaust our memory.
 */
const maximumVariables = 30_000;

/** `ValidateAnnotationsSize` of Kubernetes: the bytes of all names and values. */
const maximumAnnotationBytes = 256 * 1024;

/** The range must have enough numbers for the Pod, and the Pod must be small enough to get them all as variables and annotations. */
export const checkSize = ({metadata, spec}: Pod, {basePort, maxPort, excluded = []}: AllocationOptions, numbers: readonly PodPort[][]): void => {
	const size = maxPort - basePort + 1;
	if (numbers.length > size) {
		throw new DenialError(400, `The Pod needs ${numbers.length} port numbers, but ${basePort}-${maxPort} has only ${size}: manage fewer ports with ${optionAnnotations.ports}, or widen ${optionAnnotations.basePort} and ${optionAnnotations.maxPort}`);
	}

	const excludedCount = countNumbers(excluded);
	if (numbers.length > size - excludedCount) {
		throw new DenialError(403, `The Pod needs ${numbers.length} port ${numbers.length === 1 ? 'number' : 'numbers'}, but the administrator excludes ${excludedCount} of the numbers ${basePort}-${maxPort} (--exclude-ports), because programs on the nodes use them: choose another ${optionAnnotations.basePort}, or raise ${optionAnnotations.maxPort}`);
	}

	const containers = containerLists.flatMap(list => spec[list] ?? []).length;
	const ports = numbers.flat().length;
	if (ports * containers > maximumVariables) {
		throw new DenialError(400, `The Pod has ${ports} managed ports and ${containers} containers, and each container gets one variable for each port; a Pod gets at most ${maximumVariables} variables: manage fewer ports with ${optionAnnotations.ports}`);
	}

	const names = new Set(numbers.flat().map(({name}) => allocatedAnnotation(name)));
	// A hostile annotation `__proto__` may be no string: schemas do not look at it.
	const others = Object.entries(metadata.annotations ?? {}).flat().filter(text => typeof text === 'string');
	const bytes = [...names, ...others].reduce((sum, text) => sum + Buffer.byteLength(text), 0) + names.size * String(maxPort).length;
	if (bytes > maximumAnnotationBytes) {
		throw new DenialError(400, `The Pod's annotations would have ${bytes} bytes, with one annotation for each of ${names.size} ports, and Kubernetes allows ${maximumAnnotationBytes}: manage fewer ports with ${optionAnnotations.ports}, or shorten the Pod's other annotations`);
	}
};
