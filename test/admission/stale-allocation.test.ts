import test from 'ava';
import type {Pod} from '../../src/admission/pod.ts';
import {withoutStaleAllocation} from '../../src/admission/stale-allocation.ts';
import {numberedFrom, planFor} from '../helpers/planned.ts';
import {podWith} from '../helpers/pods.ts';

const container = (pod: Pod, index = 0) => pod.spec.containers?.[index];
const allocated = (annotations: Record<string, string>) => Object.fromEntries(Object.entries(annotations).map(([name, value]) => [`hostport.io/allocated-${name}`, value]));

test('a Pod without stale annotations is returned as it is', t => {
	const pod = podWith();
	t.is(withoutStaleAllocation(pod), pod);
});

test('stale annotations are removed whatever their values, and others stay', t => {
	const pod = podWith({annotations: {...allocated({grpc: '30558', '': '', x: 'nonsense', 9000: '-1'}), team: 'a'}});
	t.deepEqual(withoutStaleAllocation(pod).metadata.annotations, {'hostport.io/enabled': 'true', 'team': 'a'});
});

test('variables with the stale value are removed in every container, and others stay', t => {
	const env = [
		{name: 'HOSTPORT_GRPC', value: '30558'},
		{name: 'HOSTPORT_HTTP', value: '8080'},
		{name: 'HOSTPORT_OTHER', value: '30558'},
		{name: 'PORT', value: '30558'},
		{name: 'HOSTPORT_HOST_IP', valueFrom: {}},
	];
	const pod = podWith({annotations: allocated({grpc: '30558', http: '30559'}), containers: [{name: 'a', env}], initContainers: [{name: 'b', env}, {name: 'c'}, {name: 'd', env: env.slice(1)}]});
	const {spec} = withoutStaleAllocation(pod);
	t.deepEqual(spec.containers?.[0]?.env, env.slice(1));
	t.deepEqual(spec.initContainers?.[0]?.env, env.slice(1));
	t.is(spec.initContainers?.[1], pod.spec.initContainers?.[1]);
	t.is(spec.initContainers?.[2], pod.spec.initContainers?.[2], 'Without a stale variable, no change for the patch.');
});

test('an unnamed port on the host network gets its original number back, and so do its probes', t => {
	const pod = podWith({
		annotations: allocated({9000: '30558'}),
		containers: [
			{name: 'a', ports: [{containerPort: 30_558, hostPort: 30_558}], livenessProbe: {tcpSocket: {port: 30_558}}},
			{name: 'b', lifecycle: {preStop: {httpGet: {port: 30_558}}}, readinessProbe: {httpGet: {port: 30_558, host: 'example.com'}}},
		],
		spec: {hostNetwork: true},
	});
	t.deepEqual<unknown, unknown>(withoutStaleAllocation(pod).spec.containers, [
		{name: 'a', ports: [{containerPort: 9000, hostPort: 9000}], livenessProbe: {tcpSocket: {port: 9000}}},
		{name: 'b', lifecycle: {preStop: {httpGet: {port: 9000}}}, readinessProbe: {httpGet: {port: 30_558, host: 'example.com'}}},
	]);
});

test('unnamed ports that were given each other\'s numbers get their original numbers back', t => {
	const pod = podWith({
		annotations: allocated({30558: '30559', 30559: '30558'}),
		containers: [{name: 'a', ports: [{containerPort: 30_559}, {containerPort: 30_558}], livenessProbe: {tcpSocket: {port: 30_559}}}],
		spec: {hostNetwork: true},
	});
	const restored = container(withoutStaleAllocation(pod));
	t.deepEqual(restored?.ports?.map(({containerPort}) => containerPort), [30_558, 30_559]);
	t.is(restored?.livenessProbe?.tcpSocket?.port, 30_558);
});

test('a named port is restored with the unnamed port that shared its number', t => {
	const pod = podWith({containers: [{name: 'a', ports: [{containerPort: 53}, {name: 'dns-udp', containerPort: 53, protocol: 'UDP'}]}]});
	const copy = numberedFrom(30_558, pod);
	t.deepEqual(planFor(withoutStaleAllocation(copy)).demand, planFor(pod).demand);
});

test('a containerPort that only looks like a stale number stays', t => {
	const ports = [{containerPort: 30_558}, {name: 'http', containerPort: 30_559}];
	const annotations = allocated({9000: '30558', 9001: '30559', 70000: '30558'});
	const onPodNetwork = podWith({annotations: {...annotations, 'hostport.io/host-network': 'false'}, containers: [{name: 'a', ports}]});
	t.is(container(withoutStaleAllocation(onPodNetwork)), container(onPodNetwork));
	const named = podWith({annotations, containers: [{name: 'a', ports: ports.slice(1)}], spec: {hostNetwork: true}});
	t.is(container(withoutStaleAllocation(named)), container(named));
	const shared = podWith({annotations, containers: [{name: 'a', ports: [{containerPort: 30_558}, {name: 'x', containerPort: 30_558, protocol: 'UDP'}]}], spec: {hostNetwork: true}});
	t.is(container(withoutStaleAllocation(shared))?.ports?.[1], container(shared)?.ports?.[1]);
	const senseless = podWith({annotations: allocated({70000: '30558', 0: '30558', x: '30558'}), containers: [{name: 'a', ports}], spec: {hostNetwork: true}});
	t.is(container(withoutStaleAllocation(senseless)), container(senseless));
});

test('a probe of a named port that only looks stale stays', t => {
	const container = {name: 'a', ports: [{name: 'http', containerPort: 30_559}], livenessProbe: {tcpSocket: {port: 30_559}}};
	const pod = podWith({annotations: allocated({9001: '30559'}), containers: [container], spec: {hostNetwork: true}});
	t.deepEqual<unknown, unknown>(withoutStaleAllocation(pod).spec.containers, [container]);
});

test('a port of an ordinary init container stays, and changes no other', t => {
	const annotations = allocated({9000: '30558'});
	const init = {name: 'b', ports: [{containerPort: 30_558}]};
	const probed = {name: 'a', livenessProbe: {tcpSocket: {port: 30_558}}};
	const {spec: alone} = withoutStaleAllocation(podWith({annotations, containers: [probed], initContainers: [init], spec: {hostNetwork: true}}));
	t.deepEqual<unknown, unknown>([alone.containers, alone.initContainers], [[probed], [init]]);
	const {spec: beside} = withoutStaleAllocation(podWith({annotations, containers: [{name: 'a', ports: [{containerPort: 30_558}]}], initContainers: [init], spec: {hostNetwork: true}}));
	t.deepEqual<unknown, unknown>(beside.initContainers, [init]);
});

test('a copied manifest gets new numbers everywhere', t => {
	const pod = podWith({
		containers: [{
			name: 'a',
			ports: [{name: 'grpc', containerPort: 9000}, {containerPort: 9001}],
			env: [{name: 'PORT', value: '$(HOSTPORT_GRPC)'}],
			livenessProbe: {grpc: {port: 9000}},
			readinessProbe: {httpGet: {port: 9001}},
		}],
	});
	const original = numberedFrom(30_558, pod);
	t.true(JSON.stringify(original).includes('3055'));
	const copy = numberedFrom(31_000, original);
	t.false(JSON.stringify(copy).includes('3055'));
	t.deepEqual(copy, numberedFrom(31_000, pod));
});
