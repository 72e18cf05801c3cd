/** The Pod with its numbers. Pure. */
import {allocatedAnnotation, hostIpVariable, managedLabel, portVariable} from './annotations.ts';
import {isLasting, portPath, withEachContainer} from './containers.ts';
import {withHandlerPorts} from './handler-ports.ts';
import {withItems, withMembers} from './copy-on-write.ts';
import type {AllocationPlan} from './pod-plan.ts';
import type {Container, Pod} from './pod.ts';
import {portFollowers} from './port-followers.ts';

/**
 * A new Pod in which every managed port has its number, and whoever needs to know it is told. What does not change is
 * shared with `pod`.
 *
 * @param pod The one that was planned for.
 * @param numbers One for each of `plan.demand.numbers`, in their order.
 * @throws {RangeError} when there are fewer: a defect of the caller.
 */
export const withPorts = (pod: Pod, plan: AllocationPlan, numbers: readonly number[]): Pod => {
	const {options: {hostNetwork}, assignments} = plan;
	const byPath = new Map(assignments.map(({path, number}) => [path, numberAt(numbers, number)]));
	const byName = new Map(assignments.map(({name, number}) => [name, numberAt(numbers, number)]));
	const variables = variablesOf(byName);
	const followerIn = hostNetwork ? portFollowers(pod, byPath) : undefined;
	const spec = withEachContainer(pod.spec, (container, list, path) => {
		const told = withVariables(container, variables);
		const numbered = withNumbers(told, path, byPath, hostNetwork);
		return followerIn && isLasting(list, container) ? withHandlerPorts(numbered, followerIn(path)) : numbered;
	});
	return {
		...pod,
		metadata: withMembers(pod.metadata, {
			labels: withMembers(pod.metadata.labels ?? {}, {[managedLabel]: 'true'}),
			annotations: withMembers(pod.metadata.annotations ?? {}, annotationsOf(byName)),
		}),
		spec: hostNetwork ? withMembers(spec, {hostNetwork, dnsPolicy: hostNetworkDnsPolicy(spec.dnsPolicy)}) : spec,
	};
};

const numberAt = (numbers: readonly number[], index: number): number => {
	const number = numbers[index];
	if (number === undefined) {
		throw new RangeError(`The plan asks for the number at index ${index}, but ${numbers.length} were given`);
	}

	return number;
};

const annotationsOf = (byName: ReadonlyMap<string, number>): Record<string, string> =>
	Object.fromEntries(byName.entries().map(([name, number]) => [allocatedAnnotation(name), String(number)]));

type Variables = NonNullable<Container['env']>;

const variablesOf = (byName: ReadonlyMap<string, number>): Variables => [
	...byName.entries().map(([name, number]) => ({name: portVariable(name), value: String(number)})),
	{name: hostIpVariable, valueFrom: {fieldRef: {fieldPath: 'status.hostIP'}}},
];

/** Ours come first, as a variable may refer only to those before it; what the user defines stands. */
const withVariables = (container: Container, variables: Variables): Container => {
	const defined = new Set(container.env?.map(({name}) => name));
	const missing = variables.filter(({name}) => !defined.has(name));
	return missing.length === 0 ? container : withMembers(container, {env: [...missing, ...container.env ?? []]});
};

/** On the host network a port's two numbers must be equal; otherwise the containerPort is where the program listens, and stays. */
const withNumbers = (container: Container, path: string, byPath: ReadonlyMap<string, number>, hostNetwork: boolean): Container =>
	withMembers(container, {
		ports: withItems(container.ports, (port, index) => {
			const number = byPath.get(portPath(path, index));
			return number === undefined
				? port
				: withMembers(port, {hostPort: number, containerPort: hostNetwork ? number : port.containerPort});
		}),
	});

/** With `ClusterFirst`, also the default, a Pod on the host network would lose the cluster's DNS. Any other policy was chosen. */
const hostNetworkDnsPolicy = (dnsPolicy: string | null | undefined): string =>
	!dnsPolicy || dnsPolicy === 'ClusterFirst' ? 'ClusterFirstWithHostNet' : dnsPolicy;
