/** Pods for planning: some built by hand, some arbitrary (fast-check). */
import fc from 'fast-check';
import {decodePod} from '../../src/admission/pod.ts';
import type {Pod} from '../../src/admission/pod.ts';
import type {AdmissionRequest} from '../../src/admission/review.ts';

/** The default of `--port-range`. */
export const defaultRanges = [{first: 1024, last: 32_767}];

type Shape = {
	annotations?: Record<string, unknown>;
	metadata?: object;
	spec?: object;
	containers?: unknown[];
	initContainers?: unknown[];
};

/** A Pod `game/server-0` that asks for host ports. */
export const podWith = ({annotations, metadata, spec, containers = [{name: 'app', ports: [{name: 'grpc', containerPort: 9000}]}], initContainers}: Shape = {}): Pod =>
	decodePod({
		apiVersion: 'v1',
		kind: 'Pod',
		metadata: {name: 'server-0', namespace: 'game', ...metadata, annotations: {'hostport.io/enabled': 'true', ...annotations}},
		spec: {containers, ...(initContainers && {initContainers}), ...spec},
	});

export const requestFor = (object: unknown, changes: Partial<AdmissionRequest> = {}): AdmissionRequest => ({
	uid: 'a7c3',
	namespace: 'game',
	name: '',
	dryRun: false,
	operation: 'CREATE',
	kind: {group: '', version: 'v1', kind: 'Pod'},
	object,
	...changes,
});

const containerPort = fc.integer({min: 1, max: 65_535});
const fewPorts = fc.constantFrom(53, 80, 443, 7777, 9000);
const protocol = fc.constantFrom('TCP', 'UDP', 'SCTP');
const variable = fc.record({
	name: fc.constantFrom('PORT', 'HOSTPORT_HOST_IP', 'HOSTPORT_P0', 'HOSTPORT_80', 'ADDRESS'),
	value: fc.constantFrom('mine', '$(HOSTPORT_P0)', ''),
});

/** A container whose probe and hook refer to one of its ports by number. */
const container = fc.record({
	ports: fc.array(fc.record({isNamed: fc.boolean(), containerPort: fc.oneof(fewPorts, containerPort), protocol}), {maxLength: 4}),
	env: fc.option(fc.uniqueArray(variable, {selector: ({name}) => name}), {nil: undefined}),
	probed: fc.nat({max: 4}),
	restartPolicy: fc.constantFrom('Always', undefined),
});

type ArbitraryContainer = typeof container extends fc.Arbitrary<infer Value> ? Value : never;

const build = (prefix: string, containers: readonly ArbitraryContainer[]) => containers.map(({ports, env, probed, restartPolicy}, index) => ({
	name: `${prefix}${index}`,
	ports: ports.map(({isNamed, ...port}, portIndex) => isNamed ? {...port, name: `${prefix}${index}-${portIndex}`} : port),
	...(env && {env}),
	...(ports[probed] && {livenessProbe: {tcpSocket: {port: ports[probed].containerPort}}, lifecycle: {preStop: {httpGet: {port: ports[probed].containerPort, path: '/'}}}}),
	...(prefix === 'i' && restartPolicy && {restartPolicy}),
}));

/** Pods that ask for host ports, with containers, init containers and sidecars. Some must be denied because two ports have the same name. */
export const arbitraryPod: fc.Arbitrary<Pod> = fc.record({
	containers: fc.array(container, {minLength: 1, maxLength: 3}),
	initContainers: fc.option(fc.array(container, {maxLength: 2}), {nil: undefined}),
	hostNetwork: fc.boolean(),
	isHostNetworkAlready: fc.boolean(),
	dnsPolicy: fc.constantFrom('ClusterFirst', 'Default', undefined),
	labels: fc.constantFrom({app: 'game'}, {'hostport.io/managed': 'true'}, null, undefined),
	ports: fc.constantFrom('p0-0', 'p0-0,p1-1', undefined, undefined, undefined, undefined),
}).map(({containers, initContainers, hostNetwork, isHostNetworkAlready, dnsPolicy, labels, ports}) => podWith({
	metadata: {...(labels !== undefined && {labels})},
	annotations: {
		...(!hostNetwork && {'hostport.io/host-network': 'false'}),
		...(ports && {'hostport.io/ports': ports}),
	},
	containers: build('p', containers),
	...(initContainers && {initContainers: build('i', initContainers)}),
	spec: {
		...(hostNetwork && isHostNetworkAlready && {hostNetwork: true}),
		...(dnsPolicy && {dnsPolicy}),
	},
}));
