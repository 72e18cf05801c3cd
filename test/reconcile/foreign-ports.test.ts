/** Ports of Pods and Services that came without the operator are in the ledger before the next pass. */
import test from 'ava';
import {ForeignPorts} from '../../src/reconcile/foreign-ports.ts';
import {gate} from '../helpers/api-in-memory.ts';
import type {Stored} from '../../harness/in-memory-api/kinds.ts';
import {storedPod} from '../helpers/cluster-in-memory.ts';
import {demandFor, entryWith, pageObject} from '../helpers/ledger-builders.ts';
import {never, silent} from '../helpers/no-ops.ts';
import {startLedger} from '../helpers/start-ledger.ts';

const pods = '/api/v1/pods';
const services = '/api/v1/services';

const setUp = async () => {
	const ledger = await startLedger({'30558.tcp': entryWith()});
	const foreignPorts = new ForeignPorts({...ledger, logger: silent});
	const put = (kind: 'Pod' | 'Service', manifest: Parameters<typeof ledger.cluster.put>[1]): Stored => ledger.cluster.put(kind, manifest);
	return {
		...ledger,
		put,
		foreignPorts,
		/** Another replica creates the page of 31000-31499, and lists it in the index. */
		createPage: (mark: Readonly<Record<string, string>> = {}) => {
			const page = pageObject({first: 31_000, annotations: mark});
			if (mark['hostport.io/mark']) {
				ledger.cluster.put('ConfigMap', page);
			} else {
				ledger.cluster.putOpened(page);
			}

			ledger.cluster.patch('ConfigMap', {name: 'hostport-ledger'}, {data: {pages: '30500 31000'}});
		},
		/** The watch tells of this object. */
		notice: async (path: string, object: Stored, type: 'ADDED' | 'MODIFIED' | 'DELETED' = 'ADDED') => {
			foreignPorts.noticed(path, {type, object}, never);
			await ledger.clock.settle();
		},
		states: () => Object.fromEntries(Object.entries(ledger.entries()).map(([key, {state}]) => [key, state])),
	};
};

const daemonPod = (name: string, revision: string) => ({
	metadata: {name, namespace: 'game', labels: {'controller-revision-hash': revision}, ownerReferences: [{apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'agent', uid: 'uid-agent', controller: true}]},
	spec: {containers: [{name: 'agent', image: 'agent'}]},
});

const owned = (name: string, kind: string) => ({name, namespace: 'game', ownerReferences: [{apiVersion: 'v1', kind, name: 'owner', uid: 'uid-owner', controller: true}]});

const service = (nodePort?: number) => ({metadata: {name: 'web', namespace: 'game'}, spec: {ports: [{port: 80, ...(nodePort && {nodePort})}]}});

test('a port of a new Pod without the operator is not given any more', async t => {
	const {put, notice, states, clock, reservations} = await setUp();
	await notice(pods, put('Pod', storedPod('agent', 30_600, {managed: false})));
	t.deepEqual(states(), {'30558.tcp': 'bound', '30600.tcp': 'foreign'});
	t.deepEqual(await clock.until(reservations.reserve(demandFor(['grpc'], {basePort: 30_600}), never)), [30_601]);
});

test('so is one on a page that another replica has created meanwhile', async t => {
	const {put, notice, states, createPage, metrics} = await setUp();
	createPage();
	await notice(pods, put('Pod', storedPod('agent', 31_000, {managed: false})));
	t.is(states()['31000.tcp'], 'foreign');
	t.like(await metrics.repairs.get(), {values: [{labels: {reason: 'foreign'}, value: 1}]});
});

const quarantine = {'hostport.io/mark': 'quarantine'};

test('so is one on a page that another replica is about to open', async t => {
	const {put, notice, states, createPage, clock, api, foreignPorts, cluster} = await setUp();
	createPage(quarantine);
	await notice(pods, put('Pod', storedPod('agent', 31_000, {managed: false})));
	foreignPorts.noticed(pods, {type: 'ADDED', object: put('Pod', storedPod('other', 31_001, {managed: false}))}, never);
	await clock.advance(200);
	t.deepEqual(Object.keys(states()), ['30558.tcp']);
	// The list from which the page is opened began before these Pods were stored.
	cluster.putOpened(pageObject({first: 31_000}));
	await clock.advance(250);
	t.deepEqual(states(), {'30558.tcp': 'bound', '31000.tcp': 'foreign', '31001.tcp': 'foreign'});
	const before = api.requests.length;
	await clock.advance(5000);
	t.is(api.requests.length, before);
});

test('a page that stays in quarantine is not asked for long', async t => {
	const {put, notice, states, createPage, clock, api} = await setUp();
	createPage(quarantine);
	await notice(pods, put('Pod', storedPod('agent', 31_000, {managed: false})));
	await clock.advance(15_000);
	const before = api.requests.length;
	await clock.advance(60_000);
	t.is(api.requests.length, before);
	t.deepEqual(Object.keys(states()), ['30558.tcp']);
	await notice(pods, put('Pod', storedPod('other', 31_001, {managed: false})));
	await clock.advance(1000);
	t.true(api.requests.length > before + 3, 'It may be opened now.');
});

test('so is a NodePort, also one that a Service gets later', async t => {
	const {put, notice, states} = await setUp();
	await notice(services, put('Service', service()));
	t.deepEqual(Object.keys(states()), ['30558.tcp']);
	await notice(services, put('Service', service(30_700)), 'MODIFIED');
	t.is(states()['30700.tcp'], 'foreign');
});

test('an entry stays as it is, and so do Pods with ports from the operator, deleted Pods and pages that do not exist', async t => {
	const {put, notice, states, api} = await setUp();
	await notice(pods, put('Pod', storedPod('thief', 30_558, {managed: false})));
	await notice(pods, put('Pod', storedPod('far', 20_000, {managed: false})));
	const before = api.requests.length;
	await notice(pods, put('Pod', storedPod('ours', 30_601)));
	await notice(pods, put('Pod', storedPod('gone', 30_602, {managed: false})), 'DELETED');
	await notice(pods, put('Pod', storedPod('known', 30_603, {managed: false})), 'MODIFIED');
	t.is(api.requests.length, before, 'None of these is read.');
	t.deepEqual(states(), {'30558.tcp': 'bound'});
});

test('of the Pods of one template without host ports, one is read', async t => {
	const {put, notice, api} = await setUp();
	for (const [name, revision] of [['a', '1'], ['b', '1'], ['c', '2'], ['d', '2'], ['e', '1']] as const) {
		await notice(pods, put('Pod', daemonPod(name, revision)));
	}

	t.deepEqual(api.requests.filter(request => /^GET [a-e]$/.test(request)), ['GET a', 'GET c']);
});

test('the last thousand templates are remembered, and an older one is read again', async t => {
	const {put, notice, api} = await setUp();
	const countReads = async (from: number, to: number) => {
		const before = api.requests.length;
		for (let revision = from; revision <= to; revision++) {
			await notice(pods, put('Pod', daemonPod('agent', String(revision))));
		}

		return api.requests.length - before;
	};
	t.is(await countReads(1, 1000), 1000);
	t.is(await countReads(1, 1000), 0);
	t.is(await countReads(1001, 1001), 1);
	t.is(await countReads(1, 1), 1);
});

test('of thousands of new objects, twenty are read at a time, and a thousand wait', async t => {
	const {put, foreignPorts, api, clock} = await setUp();
	const reads = () => api.requests.filter(request => request.startsWith('GET agent-')).length;
	const gates = [gate(), gate()];
	api.after = async () => gates[reads() > 1 ? 1 : 0]!.opened;
	for (let index = 0; index < 1500; index++) {
		foreignPorts.noticed(pods, {type: 'ADDED', object: put('Pod', storedPod(`agent-${index}`, 8080, {managed: false}))}, never);
	}

	await clock.settle();
	t.is(reads(), 1, 'The first one is not kept waiting for others.');
	gates[0]!.open();
	await clock.settle();
	t.is(reads(), 21);
	gates[1]!.open();
	await clock.settle();
	t.is(reads(), 1001);
});

test('a controller whose Pods may differ is asked each time, and so is an owned Service', async t => {
	const {put, notice, states} = await setUp();
	await notice(pods, put('Pod', {metadata: owned('step-1', 'Workflow'), spec: {containers: [{name: 'main', image: 'none'}]}}));
	await notice(pods, put('Pod', {...storedPod('step-2', 30_600, {managed: false}), metadata: owned('step-2', 'Workflow')}));
	await notice(services, put('Service', {...service(), metadata: owned('web', 'ReplicaSet')}));
	await notice(services, put('Service', {...service(30_700), metadata: owned('web', 'ReplicaSet')}), 'MODIFIED');
	t.deepEqual(states(), {'30558.tcp': 'bound', '30600.tcp': 'foreign', '30700.tcp': 'foreign'});
});

test('a failed read is left to the next pass', async t => {
	const {put, notice, states, api} = await setUp();
	api.before = request => {
		if (request === 'GET agent') {
			throw new Error('no answer');
		}
	};
	await notice(pods, put('Pod', storedPod('agent', 30_600, {managed: false})));
	t.deepEqual(Object.keys(states()), ['30558.tcp']);
	await notice(pods, put('Pod', storedPod('other', 30_601, {managed: false})));
	t.is(states()['30601.tcp'], 'foreign');
});
