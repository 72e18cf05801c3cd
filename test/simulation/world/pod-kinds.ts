/** The Pods that a run creates: those that ask the operator for ports, and those that take host ports without it. */
import type {PodPort} from '../../../harness/in-memory-api/pod-spec.ts';
import type {PodManifest} from './pod-manifest.ts';
import type {Random} from './random.ts';

/** The numbers that the Pods of a run compete for, both ends included. */
export type ContestedRange = {
	readonly first: number;
	readonly last: number;
	/** The share of Pods that have a port with a fixed number, which the operator does not manage. */
	readonly own?: number;
};

export const podNamespace = 'game';

/** All its Pods are rejected after their admission. */
export const rejectedNamespace = 'tenant';

const portShapes: ReadonlyArray<readonly PodPort[]> = [
	[{name: 'grpc', containerPort: 9000}],
	[{name: 'grpc', containerPort: 9000}],
	[{name: 'grpc', containerPort: 9000}, {name: 'health', containerPort: 9001}],
	[{name: 'dns', containerPort: 53, protocol: 'UDP'}, {name: 'dns-tcp', containerPort: 53}],
	[{containerPort: 7777, protocol: 'UDP'}],
	[{name: 'a', containerPort: 9000}, {name: 'b', containerPort: 9001, protocol: 'UDP'}, {name: 'c', containerPort: 9002}],
];

/** The name of the ports that Pods of a run do not let the operator manage. */
export const ownPortName = 'own';

/** A Pod whose annotations ask for ports. Some have another port, whose number is written in them. */
export const annotatedPod = (random: Random, contested: ContestedRange, metadata: Partial<PodManifest['metadata']>): PodManifest => {
	const onHostNetwork = random.chance(0.2);
	const {first, last} = contested;
	const middle = Math.floor((first + last) / 2);
	const forwards = !onHostNetwork && random.chance(0.2);
	const ports = random.pick(portShapes);
	const own = contested.own && random.chance(contested.own) ? ownPort(random, contested, forwards) : undefined;
	return {
		metadata: {
			namespace: podNamespace,
			...metadata,
			annotations: {
				'hostport.io/enabled': 'true',
				'hostport.io/base-port': String(random.chance(0.8) ? first : middle),
				'hostport.io/max-port': String(last),
				...(random.chance(0.3) && {'hostport.io/strategy': 'Random'}),
				...(forwards && {'hostport.io/host-network': 'false'}),
				...(own && {'hostport.io/ports': ports.map(({name, containerPort}) => name ?? String(containerPort)).join(',')}),
				...metadata.annotations,
			},
		},
		spec: {
			...(onHostNetwork && {hostNetwork: true}),
			containers: [{name: 'server', ports: [...ports, ...(own ? [own] : [])]}],
		},
	};
};

/** Its number is among the contested ones, or on a page below them that no managed port needs. */
const ownPort = (random: Random, {first, last}: ContestedRange, forwards: boolean): PodPort => {
	const containerPort = random.integer(first - 40, last);
	return {name: ownPortName, containerPort, ...(forwards && {hostPort: containerPort})};
};

export const ownedBy = (kind: string, name: string) => [{kind, name, controller: true}];

/** A Pod that sets its own host port; some have forged annotations that say the operator gave it. */
export const foreignPod = (random: Random, {first, last}: ContestedRange, name: string): PodManifest => {
	const port = random.integer(first, last);
	return {
		metadata: {
			name,
			namespace: podNamespace,
			...(random.chance(0.4) && {
				labels: {'hostport.io/managed': 'true'},
				annotations: {'hostport.io/allocated-grpc': String(port)},
			}),
		},
		spec: {containers: [{name: 'server', ports: [{name: 'grpc', containerPort: port, hostPort: port}]}]},
	};
};
