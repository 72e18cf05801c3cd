/**
 * Pods that can't work with host ports. Found before a number is reserved: a controller repeats what is refused, and each
 * time would leak what it was given. Pure; everything here throws a DenialError (400) or returns nothing.
 */
import {DenialError} from '../errors.ts';
import {allocatedAnnotation, hostIpVariable, optionAnnotations, portVariable} from './annotations.ts';
import {containerLists} from './containers.ts';
import type {AllocationOptions} from './options.ts';
import type {PodPort} from './pod-ports.ts';
import type {Pod} from './pod.ts';
import {shown} from './quote.ts';

/** The Pod's network must be the one that its annotation names, and Kubernetes must accept the ports that stay as written. */
export const checkNetwork = ({spec}: Pod, {hostNetwork}: AllocationOptions, unmanaged: readonly PodPort[]): void => {
	if (!hostNetwork && spec.hostNetwork) {
		throw new DenialError(400, `${optionAnnotations.hostNetwork} is "false", but the Pod's spec.hostNetwork is true: change one of them`);
	}

	const mismatch = unmanaged.find(({isInit, port: {hostPort, containerPort}}) => !isInit && hostPort && hostPort !== containerPort);
	if (hostNetwork && mismatch) {
		const {name, containerName, port: {hostPort, containerPort}} = mismatch;
		throw new DenialError(400, `Port ${shown(name)} of container ${shown(containerName)} has hostPort ${hostPort} and containerPort ${containerPort}, which must be equal on the host network: make them so, name the port in ${optionAnnotations.ports}, or set ${optionAnnotations.hostNetwork} to "false"`);
	}
};

/** Each name stands for one number, and each variable for one name. */
export const checkNames = (numbers: readonly PodPort[][]): void => {
	const byName = new Map<string, {readonly number: number; readonly port: PodPort}>();
	const byVariable = new Map<string, PodPort>();
	for (const [number, ports] of numbers.entries()) {
		for (const port of ports) {
			const {name, containerName} = port;
			const same = byName.get(name) ?? {number, port};
			if (same.number !== number) {
				throw new DenialError(400, `Container ${shown(same.port.containerName)} and container ${shown(containerName)} each have a port ${shown(name)} that needs a number of its own, but the annotation ${allocatedAnnotation(name)} holds one: give the ports distinct names`);
			}

			const variable = portVariable(name);
			if (variable === hostIpVariable) {
				throw new DenialError(400, `Container ${shown(containerName)} has a port ${shown(name)}, whose variable ${hostIpVariable} holds the address of the host: give the port another name`);
			}

			const other = byVariable.get(variable) ?? port;
			if (other.name !== name) {
				throw new DenialError(400, `Ports ${shown(other.name)} and ${shown(name)} would both be the variable ${variable}: give one of them another name`);
			}

			byName.set(name, same);
			byVariable.set(variable, other);
		}
	}
};

/**
 * A Pod that has more variables than this can't be stored: each takes about 40 bytes, and etcd takes 1.5 MiB. And a
 * hundred thousand containers with as many ports would end our process before anyone could refuse them.
 */
const mostVariables = 30_000;

/** The range must have room for the Pod's own ports, and the Pod for what it is given. */
export const checkSize = ({spec}: Pod, {basePort, maxPort}: AllocationOptions, numbers: readonly PodPort[][]): void => {
	const room = maxPort - basePort + 1;
	if (numbers.length > room) {
		throw new DenialError(400, `The Pod needs ${numbers.length} port numbers, but ${basePort}-${maxPort} has only ${room}: manage fewer ports with ${optionAnnotations.ports}, or widen ${optionAnnotations.basePort} and ${optionAnnotations.maxPort}`);
	}

	const containers = containerLists.flatMap(list => spec[list] ?? []).length;
	const ports = numbers.flat().length;
	if (ports * containers > mostVariables) {
		throw new DenialError(400, `The Pod has ${ports} managed ports and ${containers} containers, each of which gets all as variables; at most ${mostVariables} variables are given: manage fewer ports with ${optionAnnotations.ports}`);
	}
};
