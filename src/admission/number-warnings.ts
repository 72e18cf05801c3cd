/** Warnings for the author of a Pod that depend on its numbers. Like those of warnings.ts, at most 120 characters each. Pure. */
import type {PodDemand} from '../ports/demand.ts';
import {formatPortRange, isPort, rangeContaining} from '../ports/port-range.ts';
import type {PortRange} from '../ports/port-range.ts';
import {hostIpVariable, portVariable} from './annotations.ts';
import {containerLists} from './containers.ts';
import type {AllocationPlan} from './pod-plan.ts';
import {portsOf} from './pod-ports.ts';
import type {Container, Pod} from './pod.ts';
import {quote, shorten} from './quote.ts';

/** Keeps all warnings within the 4,096 characters. The author sees the rest after correcting these. */
const maximumVariableWarnings = 5;

/**
 * Warns of variables `HOSTPORT_…` that tell a program another number than the Pod has, of numbers that are not consecutive,
 * as many programs take the next port without asking, and of numbers that a Service may get as its NodePort.
 *
 * @param pod without the variables of an earlier allocation: see `withoutStaleAllocation`.
 * @param numbers One for each of `plan.demand.numbers`, in their order.
 * @param nodePorts from which Services get NodePorts.
 */
export const warningsAboutNumbers = (pod: Pod, {assignments, demand}: AllocationPlan, numbers: readonly number[], nodePorts: readonly PortRange[]): string[] => {
	const byVariable = new Map(assignments.map(({name, numberIndex}) => [portVariable(name), String(numbers[numberIndex])]));
	const ownPorts = new Set([...numbers, ...portsOf(pod).flatMap(({port: {containerPort, hostPort}}) => [containerPort, hostPort])].map(String));
	const variables = [...byVariable.keys(), hostIpVariable];
	const containers = containerLists.flatMap(list => pod.spec[list] ?? []);
	const aboutVariables = [
		...containers.flatMap(container => variableWarnings(container, byVariable, ownPorts)),
		...containers.flatMap(container => envFromWarnings(container, variables)),
	];
	return [
		...runWarnings(demand, numbers),
		...nodePortWarnings(numbers, nodePorts),
		...aboutVariables.slice(0, maximumVariableWarnings).map(warning => shorten(warning, 120)),
	];
};

/** A Pod that keeps the numbers of its predecessor, or for which no run is free, gets single numbers. `Random` promises no run. */
const runWarnings = ({strategy}: PodDemand, numbers: readonly number[]): string[] =>
	strategy === 'Random' || numbers.every((number, index) => number === numbers[0]! + index)
		? []
		: [`hostport.io: the Pod's ports are not consecutive (${shorten(numbers.join(', '), 30)}): the next number may be another Pod's`];

/** The API server does not know the ports of Pods. kube-proxy takes the traffic of a NodePort on every node. */
const nodePortWarnings = (numbers: readonly number[], nodePorts: readonly PortRange[]): string[] => {
	const number = numbers.find(number => rangeContaining(nodePorts, number));
	return number === undefined
		? []
		: [`hostport.io: a Service may get ${number} as its NodePort: a hostport.io/base-port outside ${formatPortRange(rangeContaining(nodePorts, number)!)} avoids it`];
};

/** A variable that the user defines is kept. If its value is the number of another Pod, it came along with a copied manifest. */
const variableWarnings = ({name: container, env}: Container, byVariable: ReadonlyMap<string, string>, ownPorts: ReadonlySet<string>): string[] =>
	(env ?? []).flatMap(({name, value}) => {
		// What `$(OTHER)` expands to can't be seen here.
		if (typeof value !== 'string' || value.includes('$(') || !/^HOSTPORT_\w+$/.test(name)) {
			return [];
		}

		const number = byVariable.get(name);
		if (number !== undefined) {
			return value === number ? [] : [`${shorten(name, 40)} of container ${quote(shorten(container, 20))} is ${quote(shorten(value, 20))}, but the port is ${number}: remove the variable`];
		}

		return isPort(Number(value)) && !ownPorts.has(value)
			? [`${shorten(name, 40)} of container ${quote(shorten(container, 20))} is ${quote(value)}, which is not a port of this Pod`]
			: [];
	});

/** Kubernetes prefers `env` to `envFrom`. What is in the ConfigMap or Secret can't be seen here. */
const envFromWarnings = ({name, env, envFrom}: Container, variables: readonly string[]): string[] => {
	if (!envFrom?.length) {
		return [];
	}

	const defined = new Set(env?.map(({name}) => name));
	const prefixes = new Set(envFrom.map(({prefix}) => prefix ?? ''));
	// Looks each beginning of a name up: comparing each name with each prefix would take minutes for a hostile Pod.
	const hasPrefix = (variable: string): boolean => Array.from({length: variable.length}, (_, length) => variable.slice(0, length)).some(start => prefixes.has(start));
	const hidden = variables.filter(variable => !defined.has(variable) && hasPrefix(variable));
	return hidden.length === 0 ? [] : [`envFrom of container ${quote(shorten(name, 20))} can't set ${hidden[0]}${hidden.length > 1 ? ` and ${hidden.length - 1} more` : ''}: the operator sets them in env`];
};
