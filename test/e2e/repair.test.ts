/** The ledger follows the cluster: entries are bound, released, freed and adopted, and ports of live Pods are never freed. */
import test from 'ava';
import type {ExecutionContext} from 'ava';
import {parseEntry} from '../../src/ports/ledger-entry.ts';
import type {LedgerEntry} from '../../src/ports/ledger-entry.ts';
import {createBurst} from '../../harness/burst.ts';
import {readManifests} from '../../harness/manifests.ts';
import {duplicates, hostPorts, ledgerEntries, missingFromLedger} from '../../harness/observe.ts';
import {useCluster} from './helpers/cluster.ts';
import {enabled, hostPortsOf, podsPath} from './helpers/pods.ts';
import type {Pod} from './helpers/pods.ts';
import {untilFound, untilTrue} from './helpers/until.ts';

/** Short, so that a test can wait for its end. */
const holdMs = 4000;

const cluster = useCluster(test, {workloads: true, replicas: 2, flags: ['--port-range', '1024-32767', '--hold-time', `${holdMs}ms`, '--api-request-timeout', '1s', '--lease-duration', '1s']});

const clusterRolePath = '/apis/rbac.authorization.k8s.io/v1/clusterroles/hostport-operator';
const mergePatch = 'application/merge-patch+json';

/** A Pod that is never scheduled, and asks for exactly this port. */
const podAt = (name: string, port: number, {metadata, spec}: {metadata?: object; spec?: object} = {}) => ({
	apiVersion: 'v1',
	kind: 'Pod',
	metadata: {name, annotations: {...enabled, 'hostport.io/base-port': String(port), 'hostport.io/max-port': String(port)}, ...metadata},
	spec: {schedulerName: 'none', ...spec, containers: [{name: 'main', image: 'none', ports: [{name: 'game', containerPort: 7777}]}]},
});

const create = async (namespace: string, body: unknown) => cluster().client.request<Pod>('POST', podsPath(namespace), body);

const entryAt = async (port: number): Promise<LedgerEntry | undefined> => {
	const text = (await ledgerEntries(cluster().client)).get(`${port}.tcp`);
	return text === undefined ? undefined : parseEntry(text) as LedgerEntry;
};

const untilState = async (port: number, state: LedgerEntry['state'] | 'free') =>
	untilTrue(async () => ((await entryAt(port))?.state ?? 'free') === state, `${port} to be ${state}`);

const deleteNow = async (namespace: string, name: string) => {
	await cluster().client.request('DELETE', `${podsPath(namespace)}/${name}?gracePeriodSeconds=0`);
};

/** Expects that the port is given to another Pod, and not before the hold time has passed since `sinceMs`. */
const assertHeldThenGiven = async (t: ExecutionContext, port: number, sinceMs: number) => {
	const heldMs = await untilFound(async () => {
		const {status} = await cluster().client.send('POST', podsPath('default'), podAt(`heir-of-${port}`, port));
		return status === 201 ? performance.now() - sinceMs : undefined;
	}, `${port} to be given again`);
	t.log(`${port} was given again after ${(heldMs / 1000).toFixed(1)} s; the hold time is ${holdMs / 1000} s`);
	t.true(heldMs >= holdMs);
};

test('an entry is bound to its Pod, and the port of a deleted Pod is held, then given again', async t => {
	const pod = await create('default', podAt('short', 2000));
	await untilState(2000, 'bound');
	t.like(await entryAt(2000), {pod: 'default/short', portName: 'game', uid: pod.metadata.uid});
	const deletedAt = performance.now();
	await deleteNow('default', 'short');
	await assertHeldThenGiven(t, 2000, deletedAt);
});

test('the port of a Pod that has Succeeded is held, then given again', async t => {
	const {client} = cluster();
	await create('default', podAt('done', 2001));
	await untilState(2001, 'bound');
	const doneAt = performance.now();
	await client.request('PATCH', `${podsPath('default')}/done/status`, {status: {phase: 'Succeeded'}}, mergePatch);
	await assertHeldThenGiven(t, 2001, doneAt);
});

test('a Terminating Pod keeps its port until it is gone', async t => {
	const {client} = cluster();
	await create('default', podAt('slow', 2002, {metadata: {finalizers: ['example.com/wait']}, spec: {nodeName: 'worker-1'}}));
	await untilState(2002, 'bound');
	await client.request('DELETE', `${podsPath('default')}/slow?gracePeriodSeconds=600`);
	// Until another Pod's entry is freed, at least two passes have run.
	await create('default', podAt('other', 2003));
	await deleteNow('default', 'other');
	await untilState(2003, 'free');
	t.is((await entryAt(2002))?.state, 'bound');
	await client.request('PATCH', `${podsPath('default')}/slow`, {metadata: {finalizers: null}}, mergePatch);
	await untilState(2002, 'free');
});

test('entries of Pods that quota rejects are freed after the hold time', async t => {
	const {client, createNamespace} = cluster();
	await createNamespace('poor');
	await client.request('POST', '/api/v1/namespaces/poor/resourcequotas', {apiVersion: 'v1', kind: 'ResourceQuota', metadata: {name: 'none'}, spec: {hard: {pods: '0'}}});
	await untilFound(async () => {
		const {status} = await client.request<{status?: {hard?: object}}>('GET', '/api/v1/namespaces/poor/resourcequotas/none');
		return status?.hard;
	}, 'the quota to be in force');
	for (let port = 2010; port < 2015; port++) {
		const {status, body} = await client.send<{message: string}>('POST', podsPath('poor'), podAt(`refused-${port}`, port));
		t.is(status, 403, body.message);
	}

	t.is((await entryAt(2010))?.state, 'pending');
	await Promise.all([2010, 2011, 2012, 2013, 2014].map(async port => untilState(port, 'free')));
});

test('a Pod whose label a user removes keeps its entry', async t => {
	const {client} = cluster();
	await create('default', podAt('bald', 2020));
	await client.request('PATCH', `${podsPath('default')}/bald`, {metadata: {labels: {'hostport.io/managed': null}}}, mergePatch);
	await untilState(2020, 'bound');
	await create('default', podAt('passer-by', 2021));
	await deleteNow('default', 'passer-by');
	await untilState(2021, 'free');
	t.is((await entryAt(2020))?.state, 'bound');
});

test('a live Pod keeps its port when its name is created again', async t => {
	const {client} = cluster();
	const pod = await create('default', podAt('twin', 2030));
	await untilState(2030, 'bound');
	for (let times = 0; times < 5; times++) {
		t.is((await client.send('POST', podsPath('default'), podAt('twin', 2030))).status, 409);
	}

	t.is((await client.send('POST', podsPath('default'), podAt('rival', 2030))).status, 403);
	await untilState(2030, 'bound');
	t.like(await entryAt(2030), {pod: 'default/twin', uid: pod.metadata.uid});
});

test('a bare Pod that is created again gets its port back at once', async t => {
	await create('default', {...podAt('phoenix', 2040), metadata: {name: 'phoenix', annotations: {...enabled, 'hostport.io/base-port': '2040'}}});
	const [port] = (await hostPorts(cluster().client)).filter(({pod}) => pod === 'default/phoenix').map(use => use.port);
	await untilState(port!, 'bound');
	await deleteNow('default', 'phoenix');
	await untilState(port!, 'released');
	const again = await create('default', {...podAt('phoenix', 2040), metadata: {name: 'phoenix', annotations: {...enabled, 'hostport.io/base-port': '2040'}}});
	t.is(hostPortsOf(again)[0], port);
});

test('host ports of unmanaged Pods and NodePorts of Services are never given', async t => {
	const {client, createNamespace} = cluster();
	await createNamespace('others');
	const given: number[] = [];
	// Creates the page, so that the reconciler enters them. A new page would enter them itself.
	await create('default', podAt('opener', 30_100));
	await Promise.all(Array.from({length: 10}, async (_, index) => {
		await create('others', {
			...podAt(`daemon-${index}`, 0), metadata: {name: `daemon-${index}`},
			spec: {schedulerName: 'none', containers: [{name: 'main', image: 'none', ports: [{containerPort: 80, hostPort: 30_110 + index}]}]},
		});
		await client.request('POST', '/api/v1/namespaces/others/services', {
			apiVersion: 'v1', kind: 'Service', metadata: {name: `service-${index}`},
			spec: {type: 'NodePort', selector: {app: 'none'}, ports: [{port: 80, nodePort: 30_120 + index}]},
		});
	}));
	await Promise.all(Array.from({length: 20}, async (_, index) => untilState(30_110 + index, 'foreign')));
	for (let index = 0; index < 15; index++) {
		const pod = await create('default', {...podAt(`guest-${index}`, 0), metadata: {name: `guest-${index}`, annotations: {...enabled, 'hostport.io/base-port': '30100'}}});
		given.push(...hostPortsOf(pod).map(Number));
	}

	t.deepEqual(given.filter(port => port >= 30_110 && port < 30_130), []);
	await client.request('DELETE', '/api/v1/namespaces/others/services/service-0');
	await untilState(30_120, 'free');
});

test('live Pods with the same port get an Event each, and none is evicted', async t => {
	const {client, installation, logs} = cluster();
	// The webhook is not called for the operator's own namespace, so the annotation can be forged there.
	const forged = {'hostport.io/allocated-game': '2050'};
	const spec = {schedulerName: 'none', containers: [{name: 'main', image: 'none', ports: [{name: 'game', containerPort: 2050, hostPort: 2050}]}]};
	for (const name of ['double-a', 'double-b']) {
		await create('operators', {apiVersion: 'v1', kind: 'Pod', metadata: {name, annotations: forged}, spec});
	}

	const events = await untilFound(async () => {
		const {items} = await client.request<{items: Array<{reason: string; message: string; involvedObject: {name: string}}>}>('GET', '/api/v1/namespaces/operators/events');
		const found = items.filter(({reason}) => reason === 'DuplicateHostPort');
		return found.length >= 2 ? found : undefined;
	}, 'two Events');
	t.deepEqual(events.map(({involvedObject}) => involvedObject.name).toSorted(), ['double-a', 'double-b']);
	t.regex(events.find(({involvedObject}) => involvedObject.name === 'double-a')?.message ?? '', /2050\.tcp.*operators\/double-b/);
	await untilTrue(async () => logs.some(({msg, level}) => level === 'error' && msg.includes('same host port')), 'the error in the log');
	t.is((await client.send('GET', `${podsPath('operators')}/double-a`)).status, 200);
	const scraped = await Promise.all(installation.replicas().map(async ({metricsPort}) => (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()));
	t.true(scraped.some(text => /^hostport_duplicate_ports\{kind="Pod"\} 1$/m.test(text)));
	await deleteNow('operators', 'double-a');
	await deleteNow('operators', 'double-b');
});

for (const level of ['baseline', 'restricted']) {
	test(`a Pod in a namespace that enforces PodSecurity ${level} is denied by the API server, and the port stays reserved for the hold time`, async t => {
		const {client} = cluster();
		await client.request('POST', '/api/v1/namespaces', {apiVersion: 'v1', kind: 'Namespace', metadata: {name: level, labels: {'pod-security.kubernetes.io/enforce': level}}});
		const port = level === 'baseline' ? 2060 : 2061;
		const {status, body} = await client.send<{message: string}>('POST', podsPath(level), podAt('strict', port));
		t.is(status, 403);
		t.regex(body.message, new RegExp(`violates PodSecurity "${level}:`));
		t.is((await entryAt(port))?.state, 'pending');
	});
}

test.serial('a page that is deleted comes back with the entries of its 200 live Pods', async t => {
	const {client, createNamespace} = cluster();
	await createNamespace('many');
	const burst = await createBurst({client, count: 200, concurrency: 20, namespaces: ['many'], basePort: 10_000});
	t.deepEqual(burst.failures, []);
	await client.request('DELETE', '/api/v1/namespaces/operators/configmaps/hostport-ledger-10000');
	const more = createBurst({client, count: 50, concurrency: 10, namespaces: ['many'], basePort: 10_000, attempts: 50});
	const ports = await hostPorts(client);
	await untilTrue(async () => (await missingFromLedger(client, ports)).length === 0, 'the entries of all Pods');
	await more;
	t.deepEqual(duplicates(await hostPorts(client)), []);
});

test.serial('no watch of Pods or Services has failed so far', t => {
	t.deepEqual(cluster().logs.filter(({msg}) => msg.includes('the watch of /api')), []);
});

test.serial('a port is freed after an outage, and not while Pods can\'t be listed', async t => {
	const {client, installation} = cluster();
	await create('default', podAt('orphan', 2070));
	await untilState(2070, 'bound');
	const {rules} = await client.request<{rules: Array<{resources: string[]}>}>('GET', clusterRolePath);
	await client.request('PATCH', clusterRolePath, {rules: rules.filter(({resources}) => !resources.includes('pods'))}, mergePatch);
	await deleteNow('default', 'orphan');
	await untilTrue(() => cluster().logs.some(({msg}) => msg.includes('could not be compared')), 'a pass that fails');
	t.is((await entryAt(2070))?.state, 'bound');
	await Promise.all(installation.replicas().map(async replica => installation.removeReplica(replica, 'SIGKILL')));
	await client.request('PATCH', clusterRolePath, {rules}, mergePatch);
	await installation.addReplica('again');
	await untilState(2070, 'free');
});

test.serial('a StatefulSet keeps its ports through a rolling restart', async t => {
	const {client, createNamespace} = cluster();
	await createNamespace('sticky');
	const [statefulSet] = await readManifests(new URL('../../deploy/samples/statefulset-example.yaml', import.meta.url));
	await client.apply(statefulSet!, 'sticky');
	const portsOf = async () => {
		const uses = (await hostPorts(client)).filter(({pod}) => pod.startsWith('sticky/'));
		return uses.length === 4 ? uses.map(({pod, port}) => `${pod} ${port}`).toSorted() : undefined;
	};

	const uids = async () => new Set((await client.request<{items: Pod[]}>('GET', podsPath('sticky'))).items.map(({metadata}) => metadata.uid));
	const before = await untilFound(portsOf, 'two Pods');
	const first = await uids();
	await client.request('PATCH', '/apis/apps/v1/namespaces/sticky/statefulsets/game-server', {spec: {template: {metadata: {annotations: {restarted: 'yes'}}}}}, mergePatch);
	await untilTrue(async () => (await uids()).intersection(first).size === 0, 'new Pods');
	t.deepEqual(await untilFound(portsOf, 'two Pods again'), before);
});
