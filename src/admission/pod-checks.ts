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

/** The Pod's network must be the one that its annotation names, and Kubernetes must accept the unmanaged ports. */
export const checkNetwork = ({spec}: Pod, {hostNetwork}: AllocationOptions, unmanaged: readonly PodPort[]): void => {
	if (!hostNetwork && spec.hostNetwork) {
		throw new DenialError(400, `${optionAnnotations.hostNetwork} is "false", but the Pod's spec.hostNetwork is true: change one of them`);
	}

	const mismatch = unmanaged.find(({isInit, port: {hostPort, containerPort}}) => !isInit && hostPort && hostPort !== containerPort);
	if (hostNetwork && mismatch) {
		const {name, containerName, port: {hostPort, containerPort}} = mismatch;
		throw new DenialError(400, `Port ${quote(name)} of container ${quote(containerName)} has hostPort ${hostPort} and containerPort ${containerPort}, which must be equal on the host network: make them so, name the port in ${optionAnnotations.ports}, or set ${optionAnnotations.hostNetwork} to "false"`);
	}
};

/** Each port name must stand for one number, and each variable for one port name. */
export const checkNames = (numbers: readonly PodPort[][]): void => {
	const byName = new Map<string, {readonly numberIndex: number; readonly port: PodPort}>();
	const byVariable = new Map<string, PodPort>();
	for (const [numberIndex, ports] of numbers.entries()) {
		for (const port of ports) {
			const {name, containerName} = port;
			const same = byName.get(name) ?? {numberIndex, port};
			if (same.numberIndex !== numberIndex) {
				throw new DenialError(400, `Container ${quote(same.port.containerName)} and container ${quote(containerName)} each have a port ${quote(name)} that needs a number of its own, but the annotation ${allocatedAnnotation(name)} holds one: give the ports distinct names`);
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

/** How many numbers one Pod may get bounds what a Pod that is rejected after us holds for the hold time, at each attempt of its controller. */
export const checkCount = (count: number, maximum: number): void => {
	if (count > maximum) {
		throw new DenialError(403, `The Pod needs ${count} port numbers, and one Pod gets at most ${maximum}: manage fewer ports with ${optionAnnotations.ports}, or ask the administrator of hostport-operator to raise --max-ports-per-pod`);
	}
};

/**
 * A Pod with more variables can't be stored: each takes about 40 bytes, and etcd accepts 1.5 MiB. Without a limit a Pod
 * with a hundred thousand containers and as many ports would exhaust our memory.
 */
const maximumVariables = 30_000;

/** The range must have enough numbers for the Pod, and the Pod must be small enough to get them all as variables. */
export const checkSize = ({spec}: Pod, {basePort, maxPort, excluded = []}: AllocationOptions, numbers: readonly PodPort[][]): void => {
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
};

const enforceLabel = 'pod-security.kubernetes.io/enforce';

/**
 * The PodSecurity levels `baseline` and `restricted` forbid host ports and the host network, so the API server would reject
 * the Pod after us.
 *
 * @throws {DenialError} 403, which names the namespace, its level and the way out.
 */
export const checkPodSecurity = (namespace: string, labels: Readonly<Record<string, string>>): void => {
	const level = labels[enforceLabel];
	if (level === 'baseline' || level === 'restricted') {
		throw new DenialError(403, `the namespace ${namespace} enforces the PodSecurity level "${level}", which forbids host ports: create the Pod in another namespace, or set the label ${enforceLabel} of this one to "privileged"`);
	}
};
