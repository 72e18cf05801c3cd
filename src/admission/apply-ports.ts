/** Writes the allocated numbers into a Pod. Pure. */
import {allocatedAnnotation, hostIpVariable, managedLabel, portVariable} from './annotations.ts';
import {isLasting, portPath, withEachContainer} from './containers.ts';
import {withItems, withMembers} from './copy-on-write.ts';
import type {AllocationPlan} from './pod-plan.ts';
import type {Container, Pod} from './pod.ts';
import {portFollowers, withProbePorts} from './probe-ports.ts';

/**
 * A copy of the Pod with the number in every managed port and in the annotations, variables, probes and hooks that depend
 * on it. What does not change is shared with `pod`.
 *
 * @param pod The Pod that `plan` was made for.
 * @param numbers One for each of `plan.demand.numbers`, in their order.
 * @throws {RangeError} when there are fewer numbers, which is a bug in the caller.
 */
export const applyPorts = (pod: Pod, plan: AllocationPlan, numbers: readonly number[]): Pod => {
	const {options: {hostNetwork}, assignments} = plan;
	const byPath = new Map(assignments.map(({path, numberIndex}) => [path, numberAt(numbers, numberIndex)]));
	const byName = new Map(assignments.map(({name, numberIndex}) => [name, numberAt(numbers, numberIndex)]));
	const variables = variablesOf(byName);
	const followerOf = hostNetwork ? portFollowers(pod, byPath) : undefined;
	const spec = withEachContainer(pod.spec, (container, list, path) => {
		const numbered = withNumbers(withVariables(container, variables), path, byPath, hostNetwork);
		return followerOf && isLasting(list, container) ? withProbePorts(numbered, followerOf(path)) : numbered;
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
		throw new RangeError(`The plan needs a number at index ${index}, but there are only ${numbers.length} numbers`);
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

/** The operator's variables come first, because a variable may refer only to earlier ones. A variable that the user defines is kept. */
const withVariables = (container: Container, variables: Variables): Container => {
	const defined = new Set(container.env?.map(({name}) => name));
	const missing = variables.filter(({name}) => !defined.has(name));
	return missing.length === 0 ? container : withMembers(container, {env: [...missing, ...container.env ?? []]});
};

/** On the host network `hostPort` and `containerPort` must be equal. On the Pod network the program listens on `containerPort`, so it stays. */
const withNumbers = (container: Container, path: string, byPath: ReadonlyMap<string, number>, hostNetwork: boolean): Container =>
	withMembers(container, {
		ports: withItems(container.ports, (port, index) => {
			const number = byPath.get(portPath(path, index));
			return number === undefined
				? port
				: withMembers(port, {hostPort: number, containerPort: hostNetwork ? number : port.containerPort});
		}),
	});

/** With `ClusterFirst`, which is also the default, a Pod on the host network would lose the cluster's DNS. Other policies are the user's choice. */
const hostNetworkDnsPolicy = (dnsPolicy: string | null | undefined): string =>
	!dnsPolicy || dnsPolicy === 'ClusterFirst' ? 'ClusterFirstWithHostNet' : dnsPolicy;
