/** The ledger follows the cluster: binding, releasing, expiring, adopting, and what must never be freed. */
import test from 'ava';
import type {ExecutionContext} from 'ava';
import type {LedgerEntry} from '../../src/ports/ledger-entry.ts';
import {createBurst} from '../../harness/burst.ts';
import {readManifests} from '../../harness/manifests.ts';
import {duplicates, hostPorts, ledgerEntries, missingFromLedger} from '../../harness/observe.ts';
import {untilFound, useCluster} from './helpers/cluster.ts';

/** Short, so that a test can see it pass. */
const holdMs = 4000;

const cluster = useCluster(test, {workloads: true, replicas: 2, flags: ['--port-range', '1024-32767', '--hold-time', `${holdMs}ms`, '--api-request-timeout', '1s', '--lease-duration', '1s']});

type Pod = {
	metadata: {name: string; namespace: string; uid: string; labels?: Record<string, string>};
	spec: {containers: Array<{ports?: Array<{hostPort?: number}>}>};
};

const podsPath = (namespace: string) => `/api/v1/namespaces/${namespace}/pods`;
const clusterRolePath = '/apis/rbac.authorization.k8s.io/v1/clusterroles/hostport-operator';
const mergePatch = 'application/merge-patch+json';

/** A Pod that nobody runs, with one port at `port` if that is free. */
const podAt = (name: string, port: number, {metadata, spec}: {metadata?: object; spec?: object} = {}) => ({
	apiVersion: 'v1',
	kind: 'Pod',
	metadata: {name, annotations: {'hostport.io/enabled': 'true', 'hostport.io/base-port': String(port), 'hostport.io/max-port': String(port)}, ...metadata},
	spec: {schedulerName: 'none', ...spec, containers: [{name: 'main', image: 'none', ports: [{name: 'game', containerPort: 7777}]}]},
});

const create = async (namespace: string, body: unknown) => cluster().client.request<Pod>('POST', podsPath(namespace), body);

const entryAt = async (port: number): Promise<LedgerEntry | undefined> => {
	const text = (await ledgerEntries(cluster().client)).get(`${port}.tcp`);
	return text === undefined ? undefined : JSON.parse(text) as LedgerEntry;
};

const untilState = async (port: number, state: LedgerEntry['state'] | 'free') =>
	untilFound(async () => ((await entryAt(port))?.state ?? 'free') === state ? true : undefined, `${port} to be ${state}`);

const deleteNow = async (namespace: string, name: string) => {
	await cluster().client.request('DELETE', `${podsPath(namespace)}/${name}?gracePeriodSeconds=0`);
};

/** Nobody may have the port before it has been held, and somebody may afterwards. */
const assertHeldThenGiven = async (t: ExecutionContext, port: number, sinceMs: number) => {
	const heldMs = await untilFound(async () => {
		const {status} = await cluster().client.send('POST', podsPath('default'), podAt(`heir-of-${port}`, port));
		return status === 201 ? performance.now() - sinceMs : undefined;
	}, `${port} to be given again`);
	t.log(`${port} was given again after ${(heldMs / 1000).toFixed(1)} s; the hold time is ${holdMs / 1000} s`);
	t.true(heldMs >= holdMs);
};

test('a Pod\'s entry is bound to it, with UID and node, and its port is given again after the hold time, not before', async t => {
	const pod = await create('default', podAt('short', 2000));
	await untilState(2000, 'bound');
	t.like(await entryAt(2000), {pod: 'default/short', port: 'game', uid: pod.metadata.uid});
	const deletedAt = performance.now();
	await deleteNow('default', 'short');
	await assertHeldThenGiven(t, 2000, deletedAt);
});

test('a Pod that has Succeeded gives its port up in the same way', async t => {
	const {client} = cluster();
	await create('default', podAt('done', 2001));
	await untilState(2001, 'bound');
	const doneAt = performance.now();
	await client.request('PATCH', `${podsPath('default')}/done/status`, {status: {phase: 'Succeeded'}}, mergePatch);
	await assertHeldThenGiven(t, 2001, doneAt);
});

test('a Pod that is Terminating keeps its port until it is gone', async t => {
	const {client} = cluster();
	await create('default', podAt('slow', 2002, {metadata: {finalizers: ['example.com/wait']}, spec: {nodeName: 'worker-1'}}));
	await untilState(2002, 'bound');
	await client.request('DELETE', `${podsPath('default')}/slow?gracePeriodSeconds=600`);
	// Two passes at least: the entry of another Pod, which comes and goes, is held.
	await create('default', podAt('other', 2003));
	await deleteNow('default', 'other');
	await untilState(2003, 'free');
	t.is((await entryAt(2002))?.state, 'bound');
	await client.request('PATCH', `${podsPath('default')}/slow`, {metadata: {finalizers: null}}, mergePatch);
	await untilState(2002, 'free');
});

test('what quota refuses leaves entries that are gone after the hold time', async t => {
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

test('a label that a user takes off changes nothing', async t => {
	const {client} = cluster();
	await create('default', podAt('bald', 2020));
	await client.request('PATCH', `${podsPath('default')}/bald`, {metadata: {labels: {'hostport.io/managed': null}}}, mergePatch);
	await untilState(2020, 'bound');
	await create('default', podAt('passer-by', 2021));
	await deleteNow('default', 'passer-by');
	await untilState(2021, 'free');
	t.is((await entryAt(2020))?.state, 'bound');
});

test('a second CREATE of a name whose Pod lives is refused, and the first keeps its port', async t => {
	const {client} = cluster();
	const pod = await create('default', podAt('twin', 2030));
	await untilState(2030, 'bound');
	for (let times = 0; times < 5; times++) {
		t.is((await client.send('POST', podsPath('default'), podAt('twin', 2030))).status, 409);
	}

	t.is((await client.send('POST', podsPath('default'), podAt('rival', 2030))).status, 503);
	await untilState(2030, 'bound');
	t.like(await entryAt(2030), {pod: 'default/twin', uid: pod.metadata.uid});
});

test('a bare Pod that is created again has its port back at once', async t => {
	await create('default', {...podAt('phoenix', 2040), metadata: {name: 'phoenix', annotations: {'hostport.io/enabled': 'true', 'hostport.io/base-port': '2040'}}});
	const [port] = (await hostPorts(cluster().client)).filter(({pod}) => pod === 'default/phoenix').map(use => use.port);
	await untilState(port!, 'bound');
	await deleteNow('default', 'phoenix');
	await untilState(port!, 'released');
	const again = await create('default', {...podAt('phoenix', 2040), metadata: {name: 'phoenix', annotations: {'hostport.io/enabled': 'true', 'hostport.io/base-port': '2040'}}});
	t.is(again.spec.containers[0]?.ports?.[0]?.hostPort, port);
});

test('host ports of Pods that are not ours and NodePorts of Services are never given', async t => {
	const {client, createNamespace} = cluster();
	await createNamespace('others');
	const given: number[] = [];
	// A page must exist for the reconciler to note them; a new one notes them when it is opened.
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
		const pod = await create('default', {...podAt(`guest-${index}`, 0), metadata: {name: `guest-${index}`, annotations: {'hostport.io/enabled': 'true', 'hostport.io/base-port': '30100'}}});
		given.push(...(pod.spec.containers[0]?.ports ?? []).map(({hostPort}) => hostPort ?? 0));
	}

	t.deepEqual(given.filter(port => port >= 30_110 && port < 30_130), []);
	await client.request('DELETE', '/api/v1/namespaces/others/services/service-0');
	await untilState(30_120, 'free');
});

test('a port that several live Pods have is reported by an Event on each, and nobody is evicted', async t => {
	const {client, installation, logs} = cluster();
	// The operator's own namespace is left out by the webhook: there anybody may write what he likes.
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
	t.true(logs.some(({msg, level}) => level === 'error' && msg.includes('same host port')));
	t.is((await client.send('GET', `${podsPath('operators')}/double-a`)).status, 200);
	const scraped = await Promise.all(installation.replicas().map(async ({metricsPort}) => (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()));
	t.true(scraped.some(text => /^hostport_duplicate_ports 1$/m.test(text)));
	await deleteNow('operators', 'double-a');
	await deleteNow('operators', 'double-b');
});

for (const level of ['baseline', 'restricted']) {
	test(`a namespace that enforces PodSecurity ${level} refuses before anything is reserved`, async t => {
		const {client} = cluster();
		await client.request('POST', '/api/v1/namespaces', {apiVersion: 'v1', kind: 'Namespace', metadata: {name: level, labels: {'pod-security.kubernetes.io/enforce': level}}});
		const port = level === 'baseline' ? 2060 : 2061;
		const {status, body} = await client.send<{message: string}>('POST', podsPath(level), podAt('strict', port));
		t.is(status, 403);
		t.regex(body.message, new RegExp(`${level}.*forbids host ports.*privileged`));
		t.is(await entryAt(port), undefined);
	});
}

test.serial('a page that is deleted while 200 Pods live comes back with their entries', async t => {
	const {client, createNamespace} = cluster();
	await createNamespace('many');
	const burst = await createBurst({client, count: 200, concurrency: 20, namespaces: ['many'], basePort: 10_000});
	t.deepEqual(burst.failures, []);
	await client.request('DELETE', '/api/v1/namespaces/operators/configmaps/hostport-ledger-10000');
	const more = createBurst({client, count: 50, concurrency: 10, namespaces: ['many'], basePort: 10_000, attempts: 50});
	const ports = await hostPorts(client);
	await untilFound(async () => (await missingFromLedger(client, ports)).length === 0 ? true : undefined, 'the entries of all Pods');
	await more;
	t.deepEqual(duplicates(await hostPorts(client)), []);
});

test.serial('the watches of Pods and Services hold', t => {
	t.deepEqual(cluster().logs.filter(({msg}) => msg.includes('the watch of /api')), []);
});

test.serial('Pods that go while all replicas are down are found gone; while Pods can\'t be listed, nothing is freed', async t => {
	const {client, installation} = cluster();
	await create('default', podAt('orphan', 2070));
	await untilState(2070, 'bound');
	await Promise.all(installation.replicas().map(async replica => installation.removeReplica(replica, 'SIGKILL')));
	await deleteNow('default', 'orphan');
	const {rules} = await client.request<{rules: Array<{resources: string[]}>}>('GET', clusterRolePath);
	await client.request('PATCH', clusterRolePath, {rules: rules.filter(({resources}) => !resources.includes('pods'))}, mergePatch);
	const replica = await installation.addReplica('again');
	await untilFound(async () => cluster().logs.some(({identity, msg}) => identity === replica.identity && msg.includes('could not be compared')) ? true : undefined, 'a pass that fails');
	t.is((await entryAt(2070))?.state, 'bound');
	await client.request('PATCH', clusterRolePath, {rules}, mergePatch);
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
	await untilFound(async () => (await uids()).intersection(first).size === 0 ? true : undefined, 'new Pods');
	t.deepEqual(await untilFound(portsOf, 'two Pods again'), before);
});
