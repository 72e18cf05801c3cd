/** What Pods may take from others, on a real API server: numbers that are written in them, and numbers of Pods that are never stored. */
import test from 'ava';
import {useCluster} from './helpers/cluster.ts';
import {enabled, hostPortsOf, podsPath} from './helpers/pods.ts';
import type {Pod, Port} from './helpers/pods.ts';

const most = 300;
const cluster = useCluster(test, {workloads: false, replicas: 2, flags: ['--max-held-ports-per-namespace', String(most)]});

const podOf = (name: string, ports: readonly Port[], annotations: Readonly<Record<string, string>> = {}) =>
	({apiVersion: 'v1', kind: 'Pod', metadata: {name, annotations: {...enabled, ...annotations}}, spec: {containers: [{name: 'main', image: 'none', ports}]}});

const send = async (namespace: string, body: unknown) => cluster().client.send<Pod & {message: string}>('POST', podsPath(namespace), body);

const ports = (count: number) => Array.from({length: count}, (_, index) => ({name: `p${index}`, containerPort: 1000 + index}));

const grpc: Port = {name: 'grpc', containerPort: 9000};

test.serial('of three Pods with managed and unmanaged ports, no two get one number', async t => {
	await cluster().createNamespace('written');
	t.deepEqual(hostPortsOf((await send('written', podOf('a', [grpc]))).body), [30_558]);
	const withOwn = (...numbers: number[]) => podOf('b', [grpc, ...numbers.map(containerPort => ({name: `own-${containerPort}`, containerPort}))], {'hostport.io/ports': 'grpc'});
	const {status, body: {message}} = await send('written', withOwn(30_558, 30_700));
	t.is(status, 403);
	t.regex(message, /Port "own-30558" of the Pod stays as written, 30558\/TCP, and that number is .*written\/a/);
	t.deepEqual(hostPortsOf((await send('written', withOwn(30_700, 8080))).body), [30_559, 30_700, 8080]);
	t.deepEqual(hostPortsOf((await send('written', podOf('c', [grpc], {'hostport.io/base-port': '30700'}))).body), [30_701]);
	t.is((await send('written', podOf('d', [grpc, {name: 'http', containerPort: 8080}], {'hostport.io/ports': 'grpc'}))).status, 403);
});

test.serial('a Pod with a fixed name that is created again keeps its written numbers', async t => {
	const {client} = cluster();
	await client.request('DELETE', `${podsPath('written')}/b`, {gracePeriodSeconds: 0});
	const {status, body} = await send('written', podOf('b', [grpc, {name: 'http', containerPort: 8080}], {'hostport.io/ports': 'grpc'}));
	t.is(status, 201, body.message);
	t.deepEqual(hostPortsOf(body), [30_559, 8080]);
});

test.serial('while a namespace sends Pods that a quota rejects, another one is served and numbers stay', async t => {
	const {client, createNamespace} = cluster();
	await Promise.all([createNamespace('tenant'), createNamespace('honest')]);
	const quotas = '/api/v1/namespaces/tenant/resourcequotas';
	await client.request('POST', quotas, {apiVersion: 'v1', kind: 'ResourceQuota', metadata: {name: 'none'}, spec: {hard: {pods: '0'}}});
	// Admission needs the quota's status, which the controller manager would fill in; this control plane runs without one.
	await client.request('PATCH', `${quotas}/none/status`, {status: {hard: {pods: '0'}, used: {pods: '0'}}}, 'application/merge-patch+json');
	const range = {'hostport.io/base-port': '10000', 'hostport.io/max-port': '10999'};
	const rejected: string[] = [];
	const tenant = async (count: number) => {
		for (let round = 0; round < 15; round++) {
			const {status, body: {message}} = await send('tenant', podOf(`p-${count}-${round}`, ports(count), range));
			t.is(status, 403, message);
			rejected.push(message);
		}
	};
	const honest = async () => {
		for (let round = 0; round < 20; round++) {
			const {status, body} = await send('honest', podOf(`p-${round}`, ports(2), range));
			t.is(status, 201, body.message);
		}
	};
	await Promise.all([tenant(1), tenant(100), tenant(100), tenant(3000), honest()]);
	t.true(rejected.some(message => message.includes('The namespace tenant holds ') && message.includes(`may hold at most ${most} (--max-held-ports-per-namespace)`)));
	const {items} = await client.request<{items: ReadonlyArray<{data?: Record<string, string>}>}>('GET', '/api/v1/namespaces/operators/configmaps?labelSelector=hostport.io/ledger=page');
	const held = items.flatMap(({data = {}}) => Object.values(data)).filter(text => text.includes('"pod":"tenant/')).length;
	t.log(`${held} numbers are held`);
	t.true(held > 100 && held <= most + 100);
});
