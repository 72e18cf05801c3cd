/** Ports of Pods and Services that came without the operator are in the ledger before the next pass. */
import test from 'ava';
import {ForeignPorts} from '../../src/reconcile/foreign-ports.ts';
import type {Stored} from '../../harness/in-memory-api/kinds.ts';
import {storedPod} from '../helpers/cluster-in-memory.ts';
import {demandFor, entryWith} from '../helpers/ledger-builders.ts';
import {never, silent} from '../helpers/no-ops.ts';
import {startLedger} from '../helpers/start-ledger.ts';

const pods = '/api/v1/pods';
const services = '/api/v1/services';

const setUp = async () => {
	const ledger = await startLedger({'30558.tcp': entryWith()});
	const foreignPorts = new ForeignPorts({...ledger, hasPage: first => ledger.ledger.cache.index.pageStarts.includes(first), logger: silent});
	const put = (kind: 'Pod' | 'Service', manifest: Parameters<typeof ledger.cluster.put>[1]): Stored => ledger.cluster.put(kind, manifest);
	return {
		...ledger,
		put,
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
	for (const [name, revision] of [['a', '1'], ['b', '1'], ['c', '2'], ['d', '2']] as const) {
		await notice(pods, put('Pod', daemonPod(name, revision)));
	}

	t.deepEqual(api.requests.filter(request => /^GET [a-d]$/.test(request)), ['GET a', 'GET c']);
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
