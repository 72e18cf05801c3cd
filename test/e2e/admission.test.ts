/** What admitted Pods look like, on a real API server with real controllers. */
import test from 'ava';
import {readManifests} from '../../harness/manifests.ts';
import type {Manifest} from '../../harness/manifests.ts';
import {duplicates, hostPorts} from '../../harness/observe.ts';
import {useCluster} from './helpers/cluster.ts';
import {enabled, hostPortsOf, podsPath} from './helpers/pods.ts';
import type {Container, Pod, Port} from './helpers/pods.ts';
import {untilFound} from './helpers/until.ts';

const cluster = useCluster(test, {workloads: true, replicas: 3});

const pod = (name: string, annotations: Record<string, string>, spec: Record<string, unknown>) =>
	({apiVersion: 'v1', kind: 'Pod', metadata: {name, annotations}, spec});

const container = (ports: Port[], more: Record<string, unknown> = {}): Container => ({name: 'main', image: 'none', ports, ...more});

const create = async (namespace: string, body: unknown) => cluster().client.request<Pod>('POST', podsPath(namespace), body);

const createDenied = async (namespace: string, body: unknown) => {
	const {status, body: {message}} = await cluster().client.send<{message: string}>('POST', podsPath(namespace), body);
	return {status, message};
};

const allPods = async (namespace: string, count: number) => untilFound(async () => {
	const {items} = await cluster().client.request<{items: Pod[]}>('GET', podsPath(namespace));
	return items.length === count && items.every(({status}) => status.phase === 'Running') ? items : undefined;
}, `${count} running Pods in ${namespace}`);

const withReplicas = (manifest: Manifest, replicas: number): Manifest => ({...manifest, spec: {...manifest['spec'] as object, replicas}});

test.serial('the sample StatefulSet gets 30558 to 30561, two ports a Pod, and runs', async t => {
	const {client, createNamespace} = cluster();
	await createNamespace('game');
	const [statefulSet] = await readManifests(new URL('../../deploy/samples/statefulset-example.yaml', import.meta.url));
	await client.apply(statefulSet!, 'game');
	const pods = await allPods('game', 2);
	t.deepEqual(Object.fromEntries(pods.map(each => [each.metadata.name, hostPortsOf(each)])), {
		'game-server-0': [30_558, 30_559],
		'game-server-1': [30_560, 30_561],
	});
	const first = pods[0]!;
	t.is(first.spec.hostNetwork, true);
	t.is(first.spec.dnsPolicy, 'ClusterFirstWithHostNet');
	t.is(first.metadata.labels?.['hostport.io/managed'], 'true');
	t.is(first.metadata.annotations?.['hostport.io/allocated-grpc'], String(hostPortsOf(first)[0]));
	t.deepEqual(first.spec.containers[0]?.env?.map(({name}) => name), ['HOSTPORT_GRPC', 'HOSTPORT_HEALTH', 'HOSTPORT_HOST_IP']);
});

test.serial('a deleted Pod of a StatefulSet comes back with its ports', async t => {
	const {client} = cluster();
	const before = await client.request<Pod>('GET', `${podsPath('game')}/game-server-1`);
	await client.request('DELETE', `${podsPath('game')}/game-server-1`, {gracePeriodSeconds: 0});
	const after = await untilFound(async () => {
		const found = await client.request<Pod>('GET', `${podsPath('game')}/game-server-1`);
		return found.metadata.uid === before.metadata.uid ? undefined : found;
	}, 'the new game-server-1');
	t.deepEqual(hostPortsOf(after), [30_560, 30_561]);
});

test.serial('a Deployment of ten, whose Pods have no names at admission, gets 20 distinct ports', async t => {
	const {client, createNamespace} = cluster();
	await createNamespace('workers');
	const [deployment] = await readManifests(new URL('../../deploy/samples/deployment-example.yaml', import.meta.url));
	await client.apply(withReplicas(deployment!, 10), 'workers');
	const pods = await allPods('workers', 10);
	t.is(new Set(pods.flatMap(hostPortsOf)).size, 20);
	t.deepEqual(duplicates(await hostPorts(client)), []);
});

test('Pods with the same name in two namespaces get different ports', async t => {
	const {createNamespace} = cluster();
	await Promise.all([createNamespace('left'), createNamespace('right')]);
	const same = pod('twin', enabled, {containers: [container([{name: 'http', containerPort: 8080}])]});
	const [left, right] = await Promise.all([create('left', same), create('right', same)]);
	t.not(hostPortsOf(left)[0], hostPortsOf(right)[0]);
});

test('ports without names and a Pod that is already on the host network work', async t => {
	const created = await create('default', pod('unnamed', enabled, {hostNetwork: true, containers: [container([{containerPort: 8080}, {containerPort: 9090}])]}));
	const [first, second] = hostPortsOf(created);
	t.truthy(first);
	t.truthy(second);
	t.notDeepEqual([first, second], [8080, 9090]);
	t.deepEqual(created.spec.containers[0]?.ports?.map(({containerPort}) => containerPort), [first, second]);
	t.is(created.metadata.annotations?.['hostport.io/allocated-8080'], String(first));
	t.true(created.spec.containers[0]?.env?.some(({name, value}) => name === 'HOSTPORT_9090' && value === String(second)));
});

test('sidecars get ports, probes and hooks follow, the user\'s variables are kept', async t => {
	const created = await create('default', pod('whole', enabled, {
		dnsPolicy: 'Default',
		initContainers: [
			{name: 'setup', image: 'none'},
			{name: 'proxy', image: 'none', restartPolicy: 'Always', ports: [{name: 'admin', containerPort: 9901}], readinessProbe: {tcpSocket: {port: 9901}}},
		],
		containers: [container([{name: 'http', containerPort: 8080}], {
			env: [{name: 'HOSTPORT_ADMIN', value: 'mine'}, {name: 'URL', value: 'http://$(HOSTPORT_HOST_IP):$(HOSTPORT_HTTP)'}],
			livenessProbe: {httpGet: {path: '/', port: 8080}},
			readinessProbe: {httpGet: {path: '/', port: 'http'}},
			startupProbe: {grpc: {port: 8080}},
			lifecycle: {preStop: {httpGet: {path: '/stop', port: 8080}}},
		})],
	}));
	const [http, admin] = hostPortsOf(created);
	const [main] = created.spec.containers;
	const [setup, proxy] = created.spec.initContainers ?? [];
	t.like(main, {
		livenessProbe: {httpGet: {port: http}},
		readinessProbe: {httpGet: {port: 'http'}},
		startupProbe: {grpc: {port: http}},
		lifecycle: {preStop: {httpGet: {port: http}}},
	});
	t.like(proxy, {ports: [{hostPort: admin, containerPort: admin}], readinessProbe: {tcpSocket: {port: admin}}});
	t.is(created.spec.dnsPolicy, 'Default');
	t.deepEqual(main?.env?.map(({name, value}) => [name, value]), [
		['HOSTPORT_HTTP', String(http)],
		['HOSTPORT_HOST_IP', undefined],
		['HOSTPORT_ADMIN', 'mine'],
		['URL', 'http://$(HOSTPORT_HOST_IP):$(HOSTPORT_HTTP)'],
	]);
	t.deepEqual(setup?.env?.map(({name}) => name), ['HOSTPORT_HTTP', 'HOSTPORT_ADMIN', 'HOSTPORT_HOST_IP']);
});

test('TCP and UDP on one containerPort get one number', async t => {
	const created = await create('default', pod('dns', enabled, {containers: [container([
		{name: 'dns', containerPort: 53, protocol: 'UDP'}, {name: 'dns-tcp', containerPort: 53, protocol: 'TCP'},
	])]}));
	const [udp, tcp] = hostPortsOf(created);
	t.truthy(udp);
	t.is(udp, tcp);
});

test('hostport.io/ports picks ports, and host-network "false" keeps the Pod network', async t => {
	const created = await create('default', pod('bridged', {...enabled, 'hostport.io/ports': 'game', 'hostport.io/host-network': 'false'}, {
		containers: [container([{name: 'game', containerPort: 7777}, {name: 'metrics', containerPort: 9100}], {livenessProbe: {tcpSocket: {port: 7777}}})],
	}));
	const [game, metrics] = created.spec.containers[0]?.ports ?? [];
	t.is(created.spec.hostNetwork, undefined);
	t.is(created.spec.dnsPolicy, 'ClusterFirst');
	t.is(game?.containerPort, 7777);
	t.truthy(game?.hostPort);
	t.is(metrics?.hostPort, undefined);
	t.like(created.spec.containers[0], {livenessProbe: {tcpSocket: {port: 7777}}});
});

test('the strategy Random picks between base-port and max-port', async t => {
	const annotations = {...enabled, 'hostport.io/strategy': 'Random', 'hostport.io/base-port': '20000', 'hostport.io/max-port': '20999'};
	const created = await Promise.all(Array.from({length: 20}, async (_, index) =>
		create('default', pod(`random-${index}`, annotations, {containers: [container([{containerPort: 8080}])]}))));
	const numbers = created.flatMap(hostPortsOf).map(Number);
	t.is(new Set(numbers).size, 20);
	t.true(numbers.every(number => number >= 20_000 && number <= 20_999));
	// The chance that twenty uniform numbers are all among the first hundred of a thousand is 10^-20.
	t.true(numbers.some(number => number > 20_100));
});

test('a copy of a running Pod\'s manifest gets ports of its own', async t => {
	const original = await create('default', pod('original', enabled, {automountServiceAccountToken: false, containers: [container([{name: 'http', containerPort: 8080}, {containerPort: 9090}])]}));
	const copy = await create('default', {
		apiVersion: 'v1',
		kind: 'Pod',
		metadata: {name: 'copy', annotations: original.metadata.annotations, labels: original.metadata.labels},
		spec: {containers: original.spec.containers, hostNetwork: true, automountServiceAccountToken: false},
	});
	t.is(new Set([...hostPortsOf(original), ...hostPortsOf(copy)]).size, 4);
	t.deepEqual(
		copy.spec.containers[0]?.env?.filter(({name}) => name !== 'HOSTPORT_HOST_IP').map(({name, value}) => [name, value]),
		[['HOSTPORT_HTTP', String(hostPortsOf(copy)[0])], ['HOSTPORT_9090', String(hostPortsOf(copy)[1])]],
	);
});

test('a Pod that does not ask is left as it is', async t => {
	const plain = await create('default', pod('plain', {}, {containers: [container([{name: 'http', containerPort: 8080}])]}));
	const off = await create('default', pod('off', {'hostport.io/enabled': 'false'}, {containers: [container([{name: 'http', containerPort: 8080}])]}));
	for (const each of [plain, off]) {
		t.deepEqual(hostPortsOf(each), [undefined]);
		t.is(each.spec.hostNetwork, undefined);
	}
});

const denials: Array<[title: string, annotations: Record<string, string>, status: number, message: RegExp]> = [
	['enabled is neither true nor false', {'hostport.io/enabled': 'yes'}, 400, /hostport\.io\/enabled.*"yes".*"true"/],
	['base-port is not a number', {...enabled, 'hostport.io/base-port': 'low'}, 400, /hostport\.io\/base-port.*"low"/],
	['base-port is outside the administrator\'s range', {...enabled, 'hostport.io/base-port': '40000'}, 403, /40000.*1024-32767/],
	['max-port is below base-port', {...enabled, 'hostport.io/max-port': '2000'}, 400, /2000.*30558/],
	['strategy is unknown', {...enabled, 'hostport.io/strategy': 'sequential'}, 400, /"sequential".*Sequential/],
	['ports names a port that the Pod does not have', {...enabled, 'hostport.io/ports': 'grcp'}, 400, /grcp.*http/],
	['scope Node is not supported', {...enabled, 'hostport.io/scope': 'Node'}, 400, /scope.*Node/],
];

for (const [title, annotations, expected, pattern] of denials) {
	test(`denied with a clear message: ${title}`, async t => {
		const {status, message} = await createDenied('default', pod('denied', annotations, {containers: [container([{name: 'http', containerPort: 8080}])]}));
		t.is(status, expected);
		t.regex(message, pattern);
	});
}

test('a Pod that asks for the kubelet\'s port gets the next one', async t => {
	const annotations = {...enabled, 'hostport.io/base-port': '10250', 'hostport.io/max-port': '10260'};
	t.deepEqual(hostPortsOf(await create('default', pod('kubelet-port', annotations, {containers: [container([{containerPort: 8080}])]}))), [10_251]);
});

test('each replica warns at start that Pods may get NodePorts', t => {
	const warnings = cluster().logs.filter(({level, msg}) => level === 'warn' && msg.startsWith('Pods may get numbers of 30000-32767, from which Services get NodePorts'));
	t.is(warnings.length, 3);
});

test('a Pod for an exhausted range is denied, and the message proposes max-port', async t => {
	const annotations = {...enabled, 'hostport.io/base-port': '21000', 'hostport.io/max-port': '21001'};
	await create('default', pod('fits', annotations, {containers: [container([{containerPort: 8080}, {containerPort: 9090}])]}));
	const {status, message} = await createDenied('default', pod('fits-not', annotations, {containers: [container([{containerPort: 8080}])]}));
	t.is(status, 403);
	t.regex(message, /21000-21001 are free: .*max-port/);
});
