import test from 'ava';
import fc from 'fast-check';
import {planPod, reasonToSkip} from '../../src/admission/pod-plan.ts';
import type {AllocationPlan} from '../../src/admission/pod-plan.ts';
import {decodePod} from '../../src/admission/pod.ts';
import type {Pod} from '../../src/admission/pod.ts';
import {decodeReview} from '../../src/admission/review.ts';
import type {AdmissionRequest} from '../../src/admission/review.ts';
import {DenialError} from '../../src/errors.ts';
import {reserve} from '../../src/ports/entry-states.ts';
import {formatEntry} from '../../src/ports/ledger-entry.ts';
import {denialOf} from '../helpers/denials.ts';
import {replicaSetReview, statefulSetReview} from '../helpers/fixtures.ts';
import {defaultRanges, podWith, requestFor} from '../helpers/pods.ts';

const plan = (pod: Pod, changes: Partial<AdmissionRequest> = {}) => planPod(requestFor(pod, changes), pod, defaultRanges);

const allocation = (pod: Pod, changes: Partial<AdmissionRequest> = {}): AllocationPlan => {
	const planned = plan(pod, changes);
	if (planned.kind !== 'allocate') {
		throw new TypeError(planned.reason);
	}

	return planned;
};

/** The names of the ports for each number, such as `53/TCP 53/UDP`. */
const numbersOf = (pod: Pod): string[] => allocation(pod).demand.numbers.map(({ports}) => ports.map(({name, protocol}) => `${name}/${protocol}`).join(' '));

// Skipping

test('a Pod that is not enabled is skipped', t => {
	t.deepEqual(plan(podWith({annotations: {'hostport.io/enabled': 'false'}})), {kind: 'skip', reason: 'not enabled', warnings: []});
	t.like(plan(decodePod({metadata: {annotations: null}, spec: {}})), {kind: 'skip', reason: 'not enabled'});
});

for (const changes of [
	{operation: 'UPDATE'},
	{operation: 'DELETE'},
	{operation: 'CONNECT'},
	{operation: 'create'},
	{subResource: 'eviction'},
	{kind: {group: '', version: 'v1', kind: 'Service'}},
	{kind: {group: 'apps', version: 'v1', kind: 'Pod'}},
	{kind: {group: '', version: 'v2', kind: 'Pod'}},
]) {
	test(`a request with ${JSON.stringify(changes)} is skipped`, t => {
		t.is(reasonToSkip(requestFor(podWith(), changes)), 'not the creation of a Pod');
	});
}

test('a Pod without ports is skipped with a warning', t => {
	for (const pod of [
		podWith({containers: []}),
		podWith({containers: [{name: 'app', ports: []}]}),
		podWith({spec: {containers: null}}),
		podWith({containers: [{name: 'app'}], initContainers: [{name: 'init', ports: [{containerPort: 80}]}]}),
	]) {
		t.deepEqual(plan(pod), {kind: 'skip', reason: 'no ports', warnings: ['hostport.io/enabled is "true", but no container or sidecar of the Pod has a port to give a number to']});
	}
});

test('an object that does not ask for ports is skipped whatever its shape', t => {
	for (const object of [null, undefined, 7, 'x', [], {metadata: null}, {metadata: 7}, {metadata: {annotations: 'x'}}, {metadata: {annotations: {'hostport.io/enabled': 'false'}}, spec: 7}, {metadata: {annotations: {'hostport.io/enabled': null}}}]) {
		t.is(reasonToSkip(requestFor(object)), 'not enabled');
	}

	for (const enabled of ['true', 'yes', '', 7, {}]) {
		t.is(reasonToSkip(requestFor({metadata: {annotations: {'hostport.io/enabled': enabled}}})), undefined);
	}
});

const mirror = (annotations: object, spec: unknown = {}) => ({metadata: {annotations: {'kubernetes.io/config.mirror': '0f5b', ...annotations}}, spec});

test('a mirror Pod that asks for ports is skipped whatever its shape', t => {
	t.is(reasonToSkip(requestFor(mirror({'hostport.io/enabled': 'true'}))), 'a mirror Pod');
	t.is(reasonToSkip(requestFor(mirror({'hostport.io/enabled': 'yes', 'hostport.io/base-port': 'x'}, 7))), 'a mirror Pod');
	t.is(reasonToSkip(requestFor(mirror({}))), 'not enabled');
});

// Which ports

test('ports of containers come first, then those of sidecars', t => {
	const pod = podWith({
		containers: [{name: 'a', ports: [{name: 'http', containerPort: 80}, {name: 'grpc', containerPort: 90}]}, {name: 'b', ports: [{name: 'admin', containerPort: 70}]}],
		initContainers: [{name: 'sidecar', restartPolicy: 'Always', ports: [{name: 'metrics', containerPort: 60}]}],
	});
	t.deepEqual(numbersOf(pod), ['http/TCP', 'grpc/TCP', 'admin/TCP', 'metrics/TCP']);
	t.deepEqual(allocation(pod).assignments, [
		{path: '/spec/containers/0/ports/0', name: 'http', numberIndex: 0},
		{path: '/spec/containers/0/ports/1', name: 'grpc', numberIndex: 1},
		{path: '/spec/containers/1/ports/0', name: 'admin', numberIndex: 2},
		{path: '/spec/initContainers/0/ports/0', name: 'metrics', numberIndex: 3},
	]);
});

test('ports of ordinary init containers are never managed', t => {
	t.deepEqual(numbersOf(podWith({initContainers: [{name: 'a', ports: [{containerPort: 80}]}, {name: 'b', restartPolicy: 'OnFailure', ports: [{containerPort: 81}]}]})), ['grpc/TCP']);
});

test('an unnamed port is called by its containerPort', t => {
	t.deepEqual(numbersOf(podWith({containers: [{name: 'a', ports: [{containerPort: 80}, {name: '', containerPort: 81, protocol: 'UDP'}]}]})), ['80/TCP', '81/UDP']);
});

const threePorts = [{name: 'a', ports: [{name: 'http', containerPort: 80}, {name: 'grpc', containerPort: 90}, {containerPort: 70}]}];

test('only the named ports are managed', t => {
	t.deepEqual(numbersOf(podWith({annotations: {'hostport.io/ports': 'grpc'}, containers: threePorts})), ['grpc/TCP']);
	t.deepEqual(numbersOf(podWith({annotations: {'hostport.io/ports': '70, http'}, containers: threePorts})), ['http/TCP', '70/TCP']);
});

test('an unknown port name is denied, and the message lists the known names', t => {
	const naming = (ports: string, shape: Parameters<typeof podWith>[0] = {containers: threePorts}) =>
		denialOf(t, 400, () => plan(podWith({...shape, annotations: {'hostport.io/ports': ports}})));
	t.is(naming('grpc,grcp'), 'hostport.io/ports names "grcp", which no container or sidecar of the Pod has: choose from "http", "grpc", "70"');
	t.is(naming('90'), 'hostport.io/ports names "90", which no container or sidecar of the Pod has: choose from "http", "grpc", "70"');
	t.is(naming('init', {containers: threePorts, initContainers: [{name: 'b', ports: [{name: 'init', containerPort: 1}]}]}), 'hostport.io/ports names "init", which no container or sidecar of the Pod has: choose from "http", "grpc", "70"');
	t.is(naming('grpc', {containers: []}), 'hostport.io/ports names "grpc", which no container or sidecar of the Pod has: none of them has any port');
	t.is(naming('x'.repeat(1_000_000)), `hostport.io/ports names "${'x'.repeat(59)}…", which no container or sidecar of the Pod has: choose from "http", "grpc", "70"`);
	const many = [{name: 'a', ports: Array.from({length: 500}, (_, index) => ({containerPort: index + 1}))}];
	t.regex(naming('grpc', {containers: many}), /choose from "1", "2", .*"10" and 490 more$/);
});

// Which number

const groups: ReadonlyArray<readonly [title: string, containers: unknown[], numbers: string[]]> = [
	['two protocols of one port share a number', [{name: 'a', ports: [{name: 'dns', containerPort: 53, protocol: 'UDP'}, {name: 'http', containerPort: 80}, {name: 'dns-tcp', containerPort: 53, protocol: 'TCP'}]}], ['dns/UDP dns-tcp/TCP', 'http/TCP']],
	['three protocols of one unnamed port share a number', [{name: 'a', ports: [{containerPort: 53, protocol: 'UDP'}, {containerPort: 53}, {containerPort: 53, protocol: 'SCTP'}]}], ['53/UDP 53/TCP 53/SCTP']],
	['two protocols of one port share a number across containers', [{name: 'a', ports: [{name: 'x', containerPort: 53, protocol: 'UDP'}]}, {name: 'b', ports: [{name: 'y', containerPort: 53}]}], ['x/UDP y/TCP']],
	['the same port twice gets two numbers', [{name: 'a', ports: [{name: 'x', containerPort: 80}]}, {name: 'b', ports: [{name: 'y', containerPort: 80}]}], ['x/TCP', 'y/TCP']],
	['two protocols of two containers share a number in each', [{name: 'a', ports: [{name: 'at', containerPort: 53}, {name: 'au', containerPort: 53, protocol: 'UDP'}]}, {name: 'b', ports: [{name: 'bu', containerPort: 53, protocol: 'UDP'}, {name: 'bt', containerPort: 53}]}], ['at/TCP au/UDP', 'bu/UDP bt/TCP']],
	['two protocols of one container belong together rather than to another container', [{name: 'a', ports: [{name: 'at', containerPort: 53}]}, {name: 'b', ports: [{name: 'bt', containerPort: 53}, {name: 'bu', containerPort: 53, protocol: 'UDP'}]}], ['at/TCP', 'bt/TCP bu/UDP']],
	['one name may stand for both protocols of a port', [{name: 'a', ports: [{name: 'dns', containerPort: 53}]}, {name: 'b', ports: [{name: 'dns', containerPort: 53, protocol: 'UDP'}]}], ['dns/TCP dns/UDP']],
];

for (const [title, containers, numbers] of groups) {
	test(title, t => {
		t.deepEqual(numbersOf(podWith({containers})), numbers);
	});
}

test('on the Pod network two ports of one container may lead to one containerPort', t => {
	t.deepEqual(numbersOf(podWith({annotations: {'hostport.io/host-network': 'false'}, containers: [{name: 'a', ports: [{name: 'x', containerPort: 80}, {name: 'y', containerPort: 80}]}]})), ['x/TCP', 'y/TCP']);
});

// Names

test('one name for two numbers is denied', t => {
	t.is(denialOf(t, 400, () => plan(podWith({containers: [{name: 'a', ports: [{name: 'http', containerPort: 80}]}, {name: 'b', ports: [{name: 'http', containerPort: 81}]}]}))), 'Container "a" and container "b" each have a port "http" that needs a number of its own, but the annotation hostport.io/allocated-http holds one: give the ports distinct names');
	t.regex(denialOf(t, 400, () => plan(podWith({containers: [{name: 'a', ports: [{containerPort: 80}]}, {name: 'b', ports: [{containerPort: 80}]}]}))), /^Container "a" and container "b" each have a port "80" /);
	t.is(denialOf(t, 400, () => plan(podWith({annotations: {'hostport.io/host-network': 'false'}, containers: [{name: 'web', ports: [{containerPort: 4443, hostPort: 443}, {containerPort: 4443, hostPort: 4443}]}]}))), 'Container "web" has two ports "4443" that need a number each, but the annotation hostport.io/allocated-4443 holds one: give the ports distinct names');
});

test('one name for two numbers is accepted if only one of them is managed', t => {
	t.deepEqual(numbersOf(podWith({initContainers: [{name: 'init', ports: [{name: 'grpc', containerPort: 1}]}]})), ['grpc/TCP']);
});

test('a port whose variable would replace HOSTPORT_HOST_IP is denied', t => {
	t.is(denialOf(t, 400, () => plan(podWith({containers: [{name: 'a', ports: [{name: 'host-ip', containerPort: 80}]}]}))), 'Container "a" has a port "host-ip", whose variable HOSTPORT_HOST_IP holds the address of the host: give the port another name');
});

test('two names for one variable are denied', t => {
	t.is(denialOf(t, 400, () => plan(podWith({containers: [{name: 'a', ports: [{name: 'a-b', containerPort: 80}, {name: 'a.b', containerPort: 81}]}]}))), 'Ports "a-b" and "a.b" would both be the variable HOSTPORT_A_B: give one of them another name');
});

// Network

test('an annotation that contradicts the Pod\'s network is denied', t => {
	t.is(denialOf(t, 400, () => plan(podWith({annotations: {'hostport.io/host-network': 'false'}, spec: {hostNetwork: true}}))), 'hostport.io/host-network is "false", but the Pod\'s spec.hostNetwork is true: change one of them');
});

test('an unmanaged port must be one that Kubernetes accepts on the host network', t => {
	const shape = {containers: [{name: 'a', ports: [{name: 'x', containerPort: 80, hostPort: 8080}, {name: 'y', containerPort: 81}]}]};
	t.is(denialOf(t, 400, () => plan(podWith({...shape, annotations: {'hostport.io/ports': 'y'}}))), 'Port "x" of container "a" has hostPort 8080 and containerPort 80, which must be equal on the host network: make them so, name the port in hostport.io/ports, or set hostport.io/host-network: "false"');
	t.deepEqual(numbersOf(podWith({...shape, annotations: {'hostport.io/ports': 'y', 'hostport.io/host-network': 'false'}})), ['y/TCP']);
	t.deepEqual(numbersOf(podWith(shape)), ['x/TCP', 'y/TCP']);
});

const unmanagedPorts = {
	containers: [{name: 'a', ports: [{name: 'x', containerPort: 80}, {name: 'y', containerPort: 81, protocol: 'UDP'}, {name: 'z', containerPort: 82, hostPort: 82}, {name: 'again', containerPort: 81, hostPort: 0, hostIP: '10.1.0.1', protocol: 'UDP'}]}],
	initContainers: [{name: 'i', ports: [{containerPort: 83, hostPort: 8083}]}, {name: 's', restartPolicy: 'Always', ports: [{name: 's', containerPort: 84}]}],
};

test('on the host network every unmanaged port is the Pod\'s own', t => {
	t.deepEqual(allocation(podWith({...unmanagedPorts, annotations: {'hostport.io/ports': 'x'}})).demand.ownPorts, [
		{name: 'y', port: 81, protocol: 'UDP'},
		{name: 'z', port: 82, protocol: 'TCP'},
		{name: '83', port: 8083, protocol: 'TCP'},
		{name: 's', port: 84, protocol: 'TCP'},
	]);
});

test('on the Pod network only unmanaged host ports are the Pod\'s own', t => {
	t.deepEqual(allocation(podWith({...unmanagedPorts, annotations: {'hostport.io/ports': 'x', 'hostport.io/host-network': 'false'}})).demand.ownPorts, [
		{name: 'z', port: 82, protocol: 'TCP'},
		{name: '83', port: 8083, protocol: 'TCP'},
	]);
});

test('unmanaged host ports count as numbers of the Pod, and cause a warning', t => {
	const pod = podWith({...unmanagedPorts, annotations: {'hostport.io/ports': 'x'}});
	t.is(denialOf(t, 403, () => planPod(requestFor(pod), pod, defaultRanges, 4)), 'The Pod needs 5 port numbers, 4 of them for host ports that stay as written, and one Pod gets at most 4: give it fewer ports, or ask the administrator of hostport-operator to raise --max-ports-per-pod');
	t.deepEqual(allocation(pod).warnings, ['hostport.io: unmanaged ports are host ports too, and no other Pod can have their numbers: 81, 82, 8083, 84']);
});

test('a managed port is not one of the Pod\'s own ports', t => {
	t.deepEqual(allocation(podWith({containers: [{name: 'a', ports: [{containerPort: 80, hostPort: 80}]}]})).demand.ownPorts, []);
});

// Size

test('a Pod that needs more numbers than its range has is denied', t => {
	const containers = [{name: 'a', ports: [{containerPort: 1}, {containerPort: 2}, {containerPort: 2, protocol: 'UDP'}, {containerPort: 3}]}];
	const podUpTo = (maxPort: string) => podWith({containers, annotations: {'hostport.io/base-port': '2000', 'hostport.io/max-port': maxPort}});
	t.is(denialOf(t, 400, () => plan(podUpTo('2001'))), 'The Pod needs 3 port numbers, but 2000-2001 has only 2: manage fewer ports with hostport.io/ports, or widen hostport.io/base-port and hostport.io/max-port');
	t.is(allocation(podUpTo('2002')).demand.numbers.length, 3);
});

test('a Pod that is too large to store with all its variables is denied', t => {
	const containers = Array.from({length: 1000}, (_, index) => ({name: `c${index}`, ports: index === 0 ? Array.from({length: 100}, (_, port) => ({containerPort: port + 1})) : []}));
	t.is(denialOf(t, 400, () => plan(podWith({containers}))), 'The Pod has 100 managed ports and 1000 containers, and each container gets one variable for each port; a Pod gets at most 30000 variables: manage fewer ports with hostport.io/ports');
});

const podWithPorts = (count: number, note = '') => podWith({
	annotations: {'hostport.io/base-port': '1024', note},
	containers: [{name: 'media', ports: Array.from({length: count}, (_, index) => ({name: `rtp-udp-${10_000 + index}`, containerPort: 10_000 + index, protocol: 'UDP'}))}],
});

test('a Pod whose annotations would be too large to store is denied', t => {
	// `hostport.io/allocated-rtp-udp-10000` and a number of five digits have 40 bytes.
	const own = 'hostport.io/enabledtruehostport.io/base-port1024note'.length;
	const fits = Math.floor((262_144 - own) / 40);
	t.is(allocation(podWithPorts(fits)).demand.numbers.length, fits);
	const note = 'é'.repeat((262_144 - own - 40 * fits) / 2);
	t.notThrows(() => plan(podWithPorts(fits, note)));
	t.throws(() => plan(podWithPorts(fits, `${note}é`)), {instanceOf: DenialError});
	t.is(denialOf(t, 400, () => plan(podWithPorts(10_001))), `The Pod's annotations would have ${own + 40 * 10_001} bytes, with one annotation for each of 10001 ports, and Kubernetes allows 262144: manage fewer ports with hostport.io/ports, or shorten the Pod's other annotations`);
});

test('an annotation __proto__ that is no string does no harm', t => {
	const annotations = JSON.parse('{"__proto__": []}') as Record<string, unknown>;
	t.is(allocation(podWith({annotations})).demand.numbers.length, 1);
});

test('ports of one name share an annotation', t => {
	const ports = ['TCP', 'UDP'].map(protocol => ({name: 'dns', containerPort: 53, protocol}));
	const note = 'x'.repeat(262_144 - 'hostport.io/enabledtruenotehostport.io/allocated-dns32767'.length);
	t.notThrows(() => plan(podWith({annotations: {note}, containers: [{name: 'a', ports}]})));
	t.throws(() => plan(podWith({annotations: {note: `${note}x`}, containers: [{name: 'a', ports}]})), {instanceOf: DenialError});
});

test('a hundred thousand equal ports are denied quickly', t => {
	const ports = Array.from({length: 100_000}, (_, index) => ({name: `p${index}`, containerPort: 80}));
	t.regex(denialOf(t, 400, () => plan(podWith({annotations: {'hostport.io/host-network': 'false'}, containers: [{name: 'a', ports}]}))), /^The Pod needs 100000 port numbers, but 30558-32767 has only 2210/);
});

const podOfPorts = (count: number) => podWith({containers: [{name: 'a', ports: Array.from({length: count}, (_, index) => ({containerPort: index + 1}))}]});

const planUpTo = (maximum: number, pod: Pod) => planPod(requestFor(pod), pod, defaultRanges, maximum);

test('a Pod that needs more numbers than one Pod may get is denied, whatever its range', t => {
	t.is(denialOf(t, 403, () => planUpTo(128, podOfPorts(10_001))), 'The Pod needs 10001 port numbers, and one Pod gets at most 128: manage fewer ports with hostport.io/ports, or ask the administrator of hostport-operator to raise --max-ports-per-pod');
	denialOf(t, 403, () => planUpTo(128, podOfPorts(129)));
	t.is(planUpTo(128, podOfPorts(128)).kind, 'allocate');
	const shared = podWith({containers: [{name: 'a', ports: [{containerPort: 53}, {containerPort: 53, protocol: 'UDP'}]}]});
	t.is(planUpTo(1, shared).kind, 'allocate', 'Ports that share a number count once.');
});

test('a Pod whose base port is excluded gets higher numbers and a warning', t => {
	const ranges = [{first: 1024, last: 32_767, excluded: [{first: 10_248, last: 10_250}]}];
	const pod = podWith({annotations: {'hostport.io/base-port': '10250'}});
	const planned = planPod(requestFor(pod), pod, ranges);
	t.like(planned, {kind: 'allocate', warnings: ['hostport.io/base-port is 10250, which the administrator excludes (--exclude-ports): the Pod gets higher numbers']});
	t.deepEqual(planned.kind === 'allocate' && planned.demand.excluded, [{first: 10_250, last: 10_250}]);
	const other = podWith({annotations: {'hostport.io/base-port': '10247'}});
	t.like(planPod(requestFor(other), other, ranges), {kind: 'allocate', warnings: []});
});

test('a Pod whose range has too few numbers that are not excluded is denied', t => {
	const ranges = [{first: 1024, last: 32_767, excluded: [{first: 10_248, last: 10_250}]}];
	const only = podWith({annotations: {'hostport.io/base-port': '10250', 'hostport.io/max-port': '10250'}});
	t.is(denialOf(t, 403, () => planPod(requestFor(only), only, ranges)), 'The Pod needs 1 port number, but the administrator excludes 1 of the numbers 10250-10250 (--exclude-ports), because programs on the nodes use them: choose another hostport.io/base-port, or raise hostport.io/max-port');
	const more = podWith({annotations: {'hostport.io/base-port': '10250', 'hostport.io/max-port': '10251'}});
	t.is(planPod(requestFor(more), more, ranges).kind, 'allocate');
});

// Identity

const owner = (kind: string, name: string, controller: boolean | null = true) => ({kind, name, ...(controller !== null && {controller})});

const identities: ReadonlyArray<readonly [title: string, metadata: object, changes: Partial<AdmissionRequest>, pod: string, hasFixedName: boolean]> = [
	['a Pod with a name', {}, {}, 'game/server-0', true],
	['a Pod in whose object another namespace is written', {namespace: 'other'}, {}, 'game/server-0', true],
	['a Pod that has its name in the request only', {name: null}, {name: 'server-1'}, 'game/server-1', true],
	['a Pod with both names', {generateName: 'server-'}, {name: 'server-1'}, 'game/server-0', true],
	['a Pod of a ReplicaSet', {name: '', generateName: 'server-7d9f-', ownerReferences: [owner('Game', 'x', false), owner('ReplicaSet', 'server-7d9f')]}, {}, 'game/server-7d9f- (ReplicaSet server-7d9f)', false],
	['a Pod whose owner does not control it', {name: '', generateName: 'server-', ownerReferences: [owner('Game', 'x', null)]}, {}, 'game/server- (no controller)', false],
	['a Pod whose generated name begins like another\'s whole name', {name: '', generateName: 'server'}, {}, 'game/server (no controller)', false],
	['a Pod without any name', {name: null}, {}, 'game/ (no controller)', false],
	['a Pod with huge names', {name: '', generateName: 'g'.repeat(1_000_000), ownerReferences: [owner('k'.repeat(1_000_000), 'n'.repeat(1_000_000))]}, {}, `game/${'g'.repeat(55)}... (${'k'.repeat(27)}... ${'n'.repeat(55)}...)`, false],
	['a Pod with names that Kubernetes would reject', {name: '', generateName: 'ser ver-', ownerReferences: [owner('Replica\nSet', 'sérver')]}, {}, 'game/? (? ?)', false],
	['a Pod whose controller is no namespaced object', {name: '', generateName: 'server-', ownerReferences: [owner('Node', 'system:node_1')]}, {}, 'game/server- (Node system:node_1)', false],
];

for (const [title, metadata, changes, pod, hasFixedName] of identities) {
	test(`${title} is called ${pod.slice(0, 40)}`, t => {
		t.like(allocation(podWith({metadata}), changes).demand, {pod, hasFixedName});
	});
}

for (const name of ['Server-0', 'server-7d9f- (ReplicaSet server-7d9f)', '-a', 'a-', 'a/b', ' ', 'a'.repeat(254), 'a'.repeat(1_000_000)]) {
	test(`the name "${name.slice(0, 40)}" (${name.length} characters) is denied`, t => {
		t.regex(denialOf(t, 400, () => plan(podWith({metadata: {name}}))), /^The Pod's name is ".*": use at most 253 lower case letters/);
		t.regex(denialOf(t, 400, () => plan(podWith({metadata: {name: ''}}), {name})), /^The Pod's name is "/);
	});
}

// The size of entries

/** Bytes of the text of an entry that an admission makes for this Pod. */
const entryBytes = (pod: Pod): number => {
	const {demand: {pod: name, numbers}} = allocation(pod, {namespace: 'n'.repeat(63)});
	return Buffer.byteLength(formatEntry(reserve(name, numbers[0]!.ports[0]!.name, 'c'.repeat(16), '2026-11-22T10:00:00Z')));
};

const portWith = (name: string) => [{name: 'app', ports: [{name, containerPort: 9000}]}];

/** A ConfigMap holds 1 MiB of values, and a page has 500 numbers with three protocols. */
const fitsPage = (bytes: number): boolean => 1500 * bytes <= 1024 * 1024;

test('an entry of a Pod with hostile names is small', t => {
	for (const hostile of ['\u0001', '"', '\\', 'é', '\u{1F600}', '…']) {
		const text = hostile.repeat(253);
		// 2,443 bytes when such names were only shortened: 430 of these entries filled a page for all Pods.
		t.true(entryBytes(podWith({metadata: {name: '', generateName: text, ownerReferences: [owner(text, text)]}, containers: portWith('p'.repeat(53))})) <= 250);
	}
});

test('the largest entries fit into a page, all of them', t => {
	const unnamed = entryBytes(podWith({metadata: {name: '', generateName: 'g'.repeat(253), ownerReferences: [owner('K'.repeat(253), 'n'.repeat(253))]}, containers: portWith('p'.repeat(53))}));
	t.true(unnamed <= 370, `${unnamed} bytes`);
	const named = entryBytes(podWith({metadata: {name: 'n'.repeat(253)}, containers: portWith('p'.repeat(53))}));
	t.true(named <= 470, `${named} bytes`);
	t.true(fitsPage(named));
	t.false(fitsPage(2443));
});

// Ordinal

const index = (value: string) => ({'apps.kubernetes.io/pod-index': value});
const completion = (value: string) => ({'batch.kubernetes.io/job-completion-index': value});

const ordinals: ReadonlyArray<readonly [title: string, metadata: object, annotations: Record<string, string>, ordinal: number | undefined]> = [
	['of a bare Pod is none', {}, {}, undefined],
	['is the label', {labels: index('3'), ownerReferences: [owner('StatefulSet', 'server')]}, {}, 3],
	['is the label of whatever controller', {labels: index('3'), ownerReferences: [owner('CloneSet', 'server')]}, {}, 3],
	['of a StatefulSet\'s Pod without the label is its suffix', {name: 'server-12', ownerReferences: [owner('StatefulSet', 'server')]}, {}, 12],
	['of a StatefulSet\'s Pod with a senseless label is its suffix', {name: 'server-12', labels: index('-1'), ownerReferences: [owner('StatefulSet', 'server')]}, {}, 12],
	['of a StatefulSet\'s Pod without a suffix is none', {name: 'server', ownerReferences: [owner('StatefulSet', 'server')]}, {}, undefined],
	['of a Pod that a StatefulSet owns but does not control is none', {name: 'server-12', ownerReferences: [owner('StatefulSet', 'server', false)]}, {}, undefined],
	['of a ReplicaSet\'s Pod is none', {name: 'server-12', ownerReferences: [owner('ReplicaSet', 'server')]}, {}, undefined],
	['of an indexed Job\'s Pod is its completion index', {name: '', generateName: 'train-0-', ownerReferences: [owner('Job', 'train')]}, completion('7'), 7],
	['of a bare Pod with a completion index is none', {}, completion('7'), undefined],
	['of a StatefulSet\'s Pod is not its completion index', {name: 'server', ownerReferences: [owner('StatefulSet', 'server')]}, completion('7'), undefined],
	['is no fraction', {labels: index('1.5')}, {}, undefined],
	['is no hexadecimal number', {labels: index('0x1')}, {}, undefined],
	['is not empty', {labels: index('')}, {}, undefined],
	['is no unsafe integer', {labels: index('9007199254740993')}, {}, undefined],
	['is not huge', {labels: index('9'.repeat(1_000_000))}, {}, undefined],
	['may be the largest safe integer', {labels: index('9007199254740991')}, {}, Number.MAX_SAFE_INTEGER],
];

for (const [title, metadata, annotations, ordinal] of ordinals) {
	test(`the ordinal ${title}`, t => {
		const {demand} = allocation(podWith({metadata, annotations}));
		t.is(demand.ordinal, ordinal);
		t.is('ordinal' in demand, ordinal !== undefined);
	});
}

// The whole

test('a StatefulSet\'s Pod asks for its ports', t => {
	const request = decodeReview(statefulSetReview());
	t.like(planPod(request, decodePod(request.object), defaultRanges), {
		kind: 'allocate',
		options: {basePort: 30_600, maxPort: 32_767, strategy: 'Sequential', hostNetwork: true},
		demand: {
			pod: 'game/game-server-2',
			hasFixedName: true,
			numbers: [
				{ports: [{name: 'game', protocol: 'UDP'}, {name: 'game-tcp', protocol: 'TCP'}]},
				{ports: [{name: 'grpc', protocol: 'TCP'}]},
				{ports: [{name: 'metrics', protocol: 'TCP'}]},
			],
			basePort: 30_600,
			maxPort: 32_767,
			strategy: 'Sequential',
			ordinal: 2,
			ownPorts: [],
		},
		warnings: [],
	});
});

test('a ReplicaSet\'s Pod on the host network asks for the ports that it names', t => {
	const request = decodeReview(replicaSetReview());
	t.like(planPod(request, decodePod(request.object), defaultRanges), {
		kind: 'allocate',
		demand: {
			pod: 'media/turn-7d9f8c6b5- (ReplicaSet turn-7d9f8c6b5)',
			hasFixedName: false,
			numbers: [
				{ports: [{name: 'turn-udp', protocol: 'UDP'}, {name: 'turn-tcp', protocol: 'TCP'}]},
				{ports: [{name: '9641', protocol: 'TCP'}]},
			],
			strategy: 'Random',
			ordinal: undefined,
			ownPorts: [{name: 'admin', port: 5766, protocol: 'TCP'}],
		},
	});
});

test('a plan carries warnings about annotations', t => {
	t.deepEqual(allocation(podWith({annotations: {'hostport.io/baseport': '2000'}})).warnings, ['unknown annotation hostport.io/baseport is ignored; the nearest known is hostport.io/base-port']);
});

test('planning does not change the Pod', t => {
	const pod = podWith();
	const before = structuredClone(pod);
	plan(pod);
	t.deepEqual(pod, before);
});

test('with any annotations and labels, planning throws nothing but a denial', t => {
	const text = fc.oneof(fc.string(), fc.string({unit: 'binary'}), fc.constantFrom('true', 'grpc', '9000,', 'Random'), fc.integer().map(String));
	const name = fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', 'apps.kubernetes.io/pod-index', 'batch.kubernetes.io/job-completion-index'), fc.constantFrom('enabled', 'ports', 'base-port', 'max-port', 'strategy', 'scope', 'host-network', 'allocated-grpc', 'allocated-', 'x').map(name => `hostport.io/${name}`));
	fc.assert(fc.property(fc.dictionary(name, text), fc.dictionary(name, text), (annotations, labels) => {
		try {
			plan(podWith({annotations, metadata: {labels}}));
			return true;
		} catch (error) {
			return error instanceof DenialError && error.message.length < 800;
		}
	}), {numRuns: 1000});
	t.pass();
});
