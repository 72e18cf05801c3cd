import test from 'ava';
import {applyPorts} from '../../src/admission/apply-ports.ts';
import {decodePod} from '../../src/admission/pod.ts';
import type {Container, Pod} from '../../src/admission/pod.ts';
import {decodeReview} from '../../src/admission/review.ts';
import {statefulSetReview} from '../helpers/fixtures.ts';
import {numberedFrom, planFor} from '../helpers/planned.ts';
import {podWith} from '../helpers/pods.ts';

const onPodNetwork = {'hostport.io/host-network': 'false'};
const hostIp = {name: 'HOSTPORT_HOST_IP', valueFrom: {fieldRef: {fieldPath: 'status.hostIP'}}};

const containerOf = (pod: Pod, index = 0): Container => {
	const container = [...pod.spec.containers ?? [], ...pod.spec.initContainers ?? []][index];
	if (!container) {
		throw new RangeError(`no container ${index}`);
	}

	return container;
};

test('a StatefulSet\'s Pod gets numbers, label, annotations, variables, probes and hooks', t => {
	const pod = decodePod(decodeReview(statefulSetReview()).object);
	const after = numberedFrom(30_606, pod);
	const variables = [
		{name: 'HOSTPORT_GAME', value: '30606'},
		{name: 'HOSTPORT_GAME_TCP', value: '30606'},
		{name: 'HOSTPORT_GRPC', value: '30607'},
		{name: 'HOSTPORT_METRICS', value: '30608'},
		hostIp,
	];
	t.deepEqual(after.metadata, {
		...pod.metadata,
		labels: {...pod.metadata.labels, 'hostport.io/managed': 'true'},
		annotations: {
			...pod.metadata.annotations,
			'hostport.io/allocated-game': '30606',
			'hostport.io/allocated-game-tcp': '30606',
			'hostport.io/allocated-grpc': '30607',
			'hostport.io/allocated-metrics': '30608',
		},
	});
	const [fetchMaps, metrics] = pod.spec.initContainers ?? [];
	const server = containerOf(pod);
	t.deepEqual<unknown, unknown>(after.spec, {
		...pod.spec,
		hostNetwork: true,
		dnsPolicy: 'ClusterFirstWithHostNet',
		containers: [{
			...server,
			ports: [
				{name: 'game', containerPort: 30_606, hostPort: 30_606, protocol: 'UDP'},
				{name: 'game-tcp', containerPort: 30_606, hostPort: 30_606, protocol: 'TCP'},
				{name: 'grpc', containerPort: 30_607, hostPort: 30_607, protocol: 'TCP'},
			],
			env: [...variables, ...server.env ?? []],
			livenessProbe: {...server.livenessProbe, tcpSocket: {port: 30_606}},
			readinessProbe: {...server.readinessProbe, grpc: {port: 30_607, service: ''}},
			lifecycle: {preStop: {httpGet: {path: '/drain', port: 30_608, scheme: 'HTTP'}}},
		}],
		initContainers: [
			{...fetchMaps, env: variables},
			{
				...metrics,
				ports: [{name: 'metrics', containerPort: 30_608, hostPort: 30_608, protocol: 'TCP'}],
				env: variables,
				startupProbe: {...metrics?.startupProbe, httpGet: {path: '/metrics', port: 30_608, scheme: 'HTTP'}},
			},
		],
	});
});

// Ports and network

test('on the host network a port gets the number twice', t => {
	t.deepEqual(containerOf(numberedFrom(30_558, podWith())).ports, [{name: 'grpc', containerPort: 30_558, hostPort: 30_558}]);
});

test('on the Pod network a port keeps its containerPort, and the Pod its network', t => {
	const after = numberedFrom(30_558, podWith({annotations: onPodNetwork, spec: {dnsPolicy: 'ClusterFirst'}}));
	t.deepEqual(containerOf(after).ports, [{name: 'grpc', containerPort: 9000, hostPort: 30_558}]);
	t.is(after.spec.hostNetwork, undefined);
	t.is(after.spec.dnsPolicy, 'ClusterFirst');
});

test('a port keeps its hostIP, and its hostPort is replaced', t => {
	const ports = [{containerPort: 9000, hostPort: 9000, hostIP: '10.0.0.1', protocol: 'UDP'}];
	t.deepEqual<unknown, unknown>(containerOf(numberedFrom(30_558, podWith({containers: [{name: 'a', ports}]}))).ports, [{containerPort: 30_558, hostPort: 30_558, hostIP: '10.0.0.1', protocol: 'UDP'}]);
});

test('unmanaged ports stay as written', t => {
	const pod = podWith({
		annotations: {'hostport.io/ports': 'x'},
		containers: [{name: 'a', ports: [{name: 'x', containerPort: 80}, {name: 'y', containerPort: 81}]}],
		initContainers: [{name: 'b', ports: [{name: 'x', containerPort: 80}]}],
	});
	const after = numberedFrom(30_558, pod);
	t.is(containerOf(after).ports?.[1], containerOf(pod).ports?.[1]);
	t.is(containerOf(after, 1).ports, containerOf(pod, 1).ports);
	t.deepEqual(Object.keys(after.metadata.annotations ?? {}).filter(name => name.includes('allocated')), ['hostport.io/allocated-x']);
});

for (const [before, after] of [['ClusterFirst', 'ClusterFirstWithHostNet'], [undefined, 'ClusterFirstWithHostNet'], [null, 'ClusterFirstWithHostNet'], ['ClusterFirstWithHostNet', 'ClusterFirstWithHostNet'], ['Default', 'Default'], ['None', 'None']] as const) {
	test(`on the host network the dnsPolicy ${before} becomes ${after}`, t => {
		t.is(numberedFrom(30_558, podWith({spec: {dnsPolicy: before}})).spec.dnsPolicy, after);
	});
}

// Names

test('an unnamed port is called by its original containerPort', t => {
	const after = numberedFrom(30_558, podWith({containers: [{name: 'a', ports: [{containerPort: 9000}]}]}));
	t.is(after.metadata.annotations?.['hostport.io/allocated-9000'], '30558');
	t.deepEqual(containerOf(after).env?.[0], {name: 'HOSTPORT_9000', value: '30558'});
});

test('a variable has its port\'s name in upper case and with underscores', t => {
	const after = numberedFrom(30_558, podWith({containers: [{name: 'a', ports: [{name: 'my-rtp.v2', containerPort: 9000}]}]}));
	t.deepEqual(containerOf(after).env?.[0], {name: 'HOSTPORT_MY_RTP_V2', value: '30558'});
});

test('two protocols with one name share a variable and an annotation', t => {
	const after = numberedFrom(30_558, podWith({containers: [{name: 'a', ports: [{containerPort: 53}, {containerPort: 53, protocol: 'UDP'}]}]}));
	t.deepEqual(containerOf(after).env, [{name: 'HOSTPORT_53', value: '30558'}, hostIp]);
});

test('labels that were null are added', t => {
	const after = numberedFrom(30_558, podWith({metadata: {labels: null}}));
	t.deepEqual(after.metadata.labels, {'hostport.io/managed': 'true'});
});

test('a wrong managed label is corrected', t => {
	t.is(numberedFrom(30_558, podWith({metadata: {labels: {'hostport.io/managed': 'false'}}})).metadata.labels?.['hostport.io/managed'], 'true');
});

// Variables

test('our variables come first in every container, and the user\'s own are kept', t => {
	const pod = podWith({
		containers: [
			{name: 'a', ports: [{name: 'x', containerPort: 80}], env: [{name: 'URL', value: '$(HOSTPORT_X)'}, {name: 'HOSTPORT_X', value: '1'}]},
			{name: 'b', ports: [{name: 'y', containerPort: 81}], env: null},
		],
		initContainers: [{name: 'c', env: [{name: 'HOSTPORT_HOST_IP', value: '127.0.0.1'}]}],
	});
	const after = numberedFrom(30_558, pod);
	const x = {name: 'HOSTPORT_X', value: '30558'};
	const y = {name: 'HOSTPORT_Y', value: '30559'};
	t.deepEqual(containerOf(after, 0).env, [y, hostIp, ...containerOf(pod, 0).env ?? []]);
	t.deepEqual(containerOf(after, 1).env, [x, y, hostIp]);
	t.deepEqual(containerOf(after, 2).env, [x, y, ...containerOf(pod, 2).env ?? []]);
});

test('a container that defines every variable itself is not changed', t => {
	const pod = podWith({initContainers: [{name: 'b', env: [{name: 'HOSTPORT_HOST_IP', value: ''}, {name: 'HOSTPORT_GRPC'}]}]});
	t.is(containerOf(numberedFrom(30_558, pod), 1), containerOf(pod, 1));
});

// Probes and hooks

const twoContainers = (probe: object, more: object = {}) => podWith({
	containers: [
		{name: 'a', ports: [{name: 'x', containerPort: 80}, {name: 'udp', containerPort: 70, protocol: 'UDP'}], livenessProbe: probe, ...more},
		{name: 'b', ports: [{name: 'y', containerPort: 81}, {name: 'z', containerPort: 80}]},
		{name: 'c', ports: [{name: 'w', containerPort: 80}]},
	],
});

const follows = test.macro((t, probe: object, expected: object) => {
	t.deepEqual<unknown, unknown>(containerOf(numberedFrom(30_000, twoContainers(probe))).livenessProbe, expected);
});

test('an HTTP probe follows its port', follows, {httpGet: {path: '/', port: 80}, periodSeconds: 5}, {httpGet: {path: '/', port: 30_000}, periodSeconds: 5});
test('a TCP probe follows its port', follows, {tcpSocket: {port: 80}}, {tcpSocket: {port: 30_000}});
test('a grpc probe follows its port', follows, {grpc: {port: 80, service: 'x'}}, {grpc: {port: 30_000, service: 'x'}});
test('a probe follows a port that is declared for UDP only', follows, {tcpSocket: {port: 70}}, {tcpSocket: {port: 30_001}});
test('a probe follows a port that only one other container has', follows, {tcpSocket: {port: 81}}, {tcpSocket: {port: 30_002}});
test('a probe of a port that no container has is not changed', follows, {tcpSocket: {port: 8080}}, {tcpSocket: {port: 8080}});
test('a probe that uses a port name is not changed', follows, {httpGet: {port: 'x'}}, {httpGet: {port: 'x'}});
test('a probe whose port name is digits is not changed', follows, {httpGet: {port: '80'}}, {httpGet: {port: '80'}});
test('a probe that runs a command is not changed', follows, {exec: {command: ['curl', 'localhost:80']}}, {exec: {command: ['curl', 'localhost:80']}});
test('a probe of another host is not changed', follows, {httpGet: {port: 80, host: 'example.com'}}, {httpGet: {port: 80, host: 'example.com'}});

for (const host of ['', 'localhost', '127.0.0.1', '::1', null]) {
	test(`a probe of the host ${JSON.stringify(host)} follows its port`, follows, {tcpSocket: {port: 80, host}}, {tcpSocket: {port: 30_000, host}});
}

test('readiness and startup probes and both hooks follow too', t => {
	const after = containerOf(numberedFrom(30_000, twoContainers({}, {
		readinessProbe: {tcpSocket: {port: 80}},
		startupProbe: {grpc: {port: 81}},
		lifecycle: {postStart: {httpGet: {port: 80}}, preStop: {tcpSocket: {port: 81}}, stopSignal: 'SIGUSR1'},
	})));
	t.deepEqual<unknown, unknown>(
		{readinessProbe: after.readinessProbe, startupProbe: after.startupProbe, lifecycle: after.lifecycle},
		{readinessProbe: {tcpSocket: {port: 30_000}}, startupProbe: {grpc: {port: 30_002}}, lifecycle: {postStart: {httpGet: {port: 30_000}}, preStop: {tcpSocket: {port: 30_002}}, stopSignal: 'SIGUSR1'}},
	);
});

test('a probe of a number that may mean several ports is not changed', t => {
	const pod = podWith({containers: [
		{name: 'a', livenessProbe: {tcpSocket: {port: 80}}},
		{name: 'b', ports: [{name: 'x', containerPort: 80}]},
		{name: 'c', ports: [{name: 'y', containerPort: 80}]},
	]});
	t.is(containerOf(numberedFrom(30_000, pod)).livenessProbe, containerOf(pod).livenessProbe);
});

test('a probe follows a number whose ports in several containers get one new number', t => {
	const pod = podWith({containers: [
		{name: 'a', livenessProbe: {tcpSocket: {port: 53}}},
		{name: 'b', ports: [{name: 'x', containerPort: 53, protocol: 'UDP'}]},
		{name: 'c', ports: [{name: 'y', containerPort: 53, protocol: 'SCTP'}]},
	]});
	t.is(containerOf(numberedFrom(30_000, pod)).livenessProbe?.tcpSocket?.port, 30_000);
});

test('a probe of an unmanaged port of its own container is not changed', t => {
	const pod = podWith({
		annotations: {'hostport.io/ports': 'y'},
		containers: [{name: 'a', ports: [{name: 'x', containerPort: 80}], livenessProbe: {tcpSocket: {port: 80}}}, {name: 'b', ports: [{name: 'y', containerPort: 80}]}],
	});
	t.is(containerOf(numberedFrom(30_000, pod)).livenessProbe, containerOf(pod).livenessProbe);
});

test('a probe means the TCP port if another protocol has the same number', t => {
	const pod = podWith({
		annotations: {'hostport.io/ports': 'udp'},
		containers: [{name: 'a', ports: [{name: 'udp', containerPort: 80, protocol: 'UDP'}, {name: 'tcp', containerPort: 80}], livenessProbe: {tcpSocket: {port: 80}}}],
	});
	t.is(containerOf(numberedFrom(30_000, pod)).livenessProbe, containerOf(pod).livenessProbe);
});

test('a probe does not follow a port of an ordinary init container', t => {
	const pod = podWith({
		containers: [{name: 'a', ports: [{name: 'x', containerPort: 80}], livenessProbe: {tcpSocket: {port: 82}}}],
		initContainers: [{name: 'b', ports: [{containerPort: 82}]}],
	});
	t.is(containerOf(numberedFrom(30_000, pod)).livenessProbe, containerOf(pod).livenessProbe);
});

test('a port of an ordinary init container does not make a number ambiguous', t => {
	const pod = podWith({
		containers: [{name: 'a', livenessProbe: {tcpSocket: {port: 80}}}, {name: 'b', ports: [{name: 'x', containerPort: 80}]}],
		initContainers: [{name: 'c', ports: [{containerPort: 80}]}],
	});
	t.is(containerOf(numberedFrom(30_000, pod)).livenessProbe?.tcpSocket?.port, 30_000);
});

test('on the Pod network probes and hooks are not changed', t => {
	const pod = podWith({annotations: onPodNetwork, containers: [{name: 'a', ports: [{containerPort: 80}], livenessProbe: {tcpSocket: {port: 80}}, lifecycle: {preStop: {httpGet: {port: 80}}}}]});
	const after = containerOf(numberedFrom(30_000, pod));
	t.is(after.livenessProbe, containerOf(pod).livenessProbe);
	t.is(after.lifecycle, containerOf(pod).lifecycle);
});

// Misuse

test('too few numbers are an error of the caller', t => {
	const pod = podWith();
	t.throws(() => applyPorts(pod, planFor(pod), []), {instanceOf: RangeError, message: 'The plan needs a number at index 0, but there are only 0 numbers'});
});
