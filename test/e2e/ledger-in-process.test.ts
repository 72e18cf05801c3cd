/**
 * The ledger's classes in the test's own process, without replicas, against a real API server: lost answers, writers without a
 * Lease, and objects that are edited by hand.
 */
import {randomUUID} from 'node:crypto';
import test from 'ava';
import type {ExecutionContext} from 'ava';
import {pino} from 'pino';
import {podTemplate} from '../../harness/pod-template.ts';
import type {ApiClient, CompareAndSwap, RequestOptions} from '../../src/kubernetes/api-client.ts';
import {HttpApiClient} from '../../src/kubernetes/http-api-client.ts';
import {systemClock} from '../../src/clock.ts';
import {connect} from '../../src/kubernetes/credentials.ts';
import {createLedger} from '../../src/ledger/create-ledger.ts';
import {createMetrics} from '../../src/metrics.ts';
import type {PodDemand} from '../../src/ports/demand.ts';
import {useControlPlane} from './helpers/control-plane.ts';
import {podsPath} from './helpers/pods.ts';
import {untilFound} from './helpers/until.ts';

const cluster = useControlPlane(test);

/** Opens the ledger of a namespace, with a connection of its own. */
const openLedger = async (t: ExecutionContext, {namespace, wrap = api => api, holdMs = 120_000}: {namespace: string; wrap?: (api: ApiClient) => ApiClient; holdMs?: number}) => {
	await cluster().client.send('POST', '/api/v1/namespaces', {apiVersion: 'v1', kind: 'Namespace', metadata: {name: namespace}});
	const lifetime = new AbortController();
	const connection = await connect(cluster().controlPlane.kubeconfigPath, systemClock.now);
	t.teardown(() => {
		lifetime.abort();
		connection.agent.destroy();
	});
	const api = wrap(new HttpApiClient(connection));
	const logger = pino({level: 'silent'});
	// Without the Lease, the compare-and-swap alone must keep the ledger right.
	const lock = {
		acquire: async () => ({signal: lifetime.signal, soleHolderSince: systemClock.now(), isHeld: () => true, release() {}}),
	};
	const {ledger, newPages, reservations} = createLedger({api, clock: systemClock, random: Math.random, mintClaim: randomUUID, logger, metrics: createMetrics(), namespace, holdMs, lock, signal: lifetime.signal});
	await ledger.start(AbortSignal.timeout(30_000));
	return {reservations, newPages, entries: async () => entriesIn(namespace)};
};

const entriesIn = async (namespace: string): Promise<Record<string, string>> => {
	const {items} = await cluster().client.request<{items: Array<{data?: Record<string, string>}>}>('GET', `/api/v1/namespaces/${namespace}/configmaps?labelSelector=hostport.io/ledger%3Dpage`);
	return Object.fromEntries(items.flatMap(({data}) => Object.entries(data ?? {})));
};

const demand = (pod: string, more: Partial<PodDemand> = {}): PodDemand => ({
	pod,
	hasFixedName: false,
	numbers: [{ports: [{name: 'grpc', protocol: 'TCP'}]}, {ports: [{name: 'health', protocol: 'TCP'}]}],
	basePort: 30_558,
	maxPort: 32_767,
	strategy: 'Sequential',
	ownPorts: [],
	...more,
});

const bare = (name: string) => demand(`a/${name}`, {hasFixedName: true});

const inTime = () => AbortSignal.timeout(20_000);

const configMap = (namespace: string, name: string) => `/api/v1/namespaces/${namespace}/configmaps/${name}`;

const mergePatch = 'application/merge-patch+json';

/** Makes the first `times` commits of an API client fail in the way of `fail`. */
const failing = (times: number, fail: (write: () => Promise<unknown>) => Promise<never>) => (api: ApiClient): ApiClient => {
	let left = times;
	const write = api.compareAndSwap.bind(api);
	api.compareAndSwap = async <T>(path: string, patch: CompareAndSwap, options: RequestOptions): Promise<T> => {
		const isCommit = Object.keys(patch.data ?? {}).some(key => key.endsWith('.tcp'));
		if (isCommit && left-- > 0) {
			// With a deadline of its own: the sender's must not stop a request that is on its way.
			return fail(async () => write(path, patch, {signal: inTime()}));
		}

		return write<T>(path, patch, options);
	};

	return api;
};

const reset = () => Object.assign(new Error('read ECONNRESET'), {code: 'ECONNRESET'});

test('a write whose answer was lost is recognised by its claim, and not repeated', async t => {
	const {reservations, entries} = await openLedger(t, {namespace: 'lost-answer', wrap: failing(1, async write => {
		await write();
		throw reset();
	})});
	const numbers = await reservations.reserve(demand('a/lost-'), inTime());
	t.deepEqual(numbers, [30_558, 30_559]);
	t.deepEqual(Object.keys(await entries()).toSorted(), ['30558.tcp', '30559.tcp']);
});

test('a write that never arrived is repeated', async t => {
	const {reservations, entries} = await openLedger(t, {namespace: 'lost-request', wrap: failing(2, async () => {
		throw reset();
	})});
	t.deepEqual(await reservations.reserve(demand('a/lost-'), inTime()), [30_558, 30_559]);
	t.is(Object.keys(await entries()).length, 2);
});

test('a write that arrives after its repetition is rejected', async t => {
	let late: Promise<unknown> = Promise.resolve();
	const {reservations, entries} = await openLedger(t, {namespace: 'late', wrap: failing(1, async write => {
		late = new Promise((resolve, reject) => {
			setTimeout(() => {
				write().then(resolve, reject);
			}, 500);
		});
		late.catch(() => {});
		throw reset();
	})});
	t.deepEqual(await reservations.reserve(demand('a/late-'), inTime()), [30_558, 30_559]);
	const before = await entries();
	await t.throwsAsync(late, {message: /409/});
	t.deepEqual(await entries(), before);
});

test('four writers without a Lease give 400 Pods distinct ports', async t => {
	const writers = await Promise.all(Array.from({length: 4}, async () => openLedger(t, {namespace: 'no-lease'})));
	const given = await Promise.all(writers.flatMap(({reservations}, writer) => Array.from({length: 100}, async (_, index) => {
		const pod = `w${writer}/pod-${index}`;
		const numbers = await reservations.reserve(demand(pod, {hasFixedName: true}), AbortSignal.timeout(60_000));
		return numbers.map(number => [`${number}.tcp`, pod] as const);
	})));
	const flat = given.flat();
	t.is(new Set(flat.map(([key]) => key)).size, 800);
	const entries = await entriesIn('no-lease');
	for (const [key, pod] of flat) {
		t.is((JSON.parse(entries[key] ?? '{}') as {pod: string}).pod, pod);
	}
});

test('a request that times out before the commit reserves nothing', async t => {
	const {reservations, entries} = await openLedger(t, {namespace: 'too-late', wrap: failing(Infinity, async () => {
		throw reset();
	})});
	await t.throwsAsync(reservations.reserve(demand('a/late-'), AbortSignal.timeout(4000)), {message: /in time.*ECONNRESET.*try again/});
	t.deepEqual(await entries(), {});
});

test('Pods with fixed names get their predecessors\' ports back from another replica', async t => {
	const first = await openLedger(t, {namespace: 'sticky'});
	const second = await openLedger(t, {namespace: 'sticky'});
	const before = new Map<string, readonly number[]>();
	for (const name of ['one', 'two', 'three']) {
		before.set(name, await first.reservations.reserve(bare(name), inTime()));
	}

	for (const name of ['three', 'one', 'two']) {
		t.deepEqual(await second.reservations.reserve(bare(name), inTime()), before.get(name));
	}

	t.is(Object.keys(await first.entries()).length, 6);
});

test('unreadable entries are kept to the byte, and their ports are not given', async t => {
	const {reservations, entries} = await openLedger(t, {namespace: 'by-hand'});
	await reservations.reserve(demand('a/first-'), inTime());
	const byHand = {
		'30560.tcp': 'reserved for the printer',
		'30562.tcp': '{"pod":"a/b","port":"x","state":"pending","claim":"c","since":"now","colour":"red"}',
		'30564.tcpp': '{}',
		'30565-30567': 'reserved for the SIP trunk',
		note: 'do not touch, Ada',
	};
	await cluster().client.request('PATCH', configMap('by-hand', 'hostport-ledger-30500'), {data: byHand}, mergePatch);
	const numbers = [await reservations.reserve(demand('a/second-'), inTime()), await reservations.reserve(demand('a/third-'), inTime())].flat();
	t.deepEqual(numbers.filter(number => [30_560, 30_562, 30_564, 30_565, 30_566, 30_567].includes(number)), []);
	t.like(await entries(), byHand);
});

test('a page with an unknown version or mark gives no ports, and others do', async t => {
	const {reservations} = await openLedger(t, {namespace: 'versions'});
	await reservations.reserve(demand('a/first-'), inTime());
	for (const annotations of [{'hostport.io/schema-version': '2'}, {'hostport.io/schema-version': '1', 'hostport.io/mark': 'frozen'}]) {
		await cluster().client.request('PATCH', configMap('versions', 'hostport-ledger-30500'), {metadata: {annotations}}, mergePatch);
		const numbers = await reservations.reserve(demand('a/other-'), inTime());
		t.true(numbers.every(number => number >= 31_000), numbers.join());
		await t.throwsAsync(
			reservations.reserve(demand('a/none-', {maxPort: 30_999}), inTime()),
			{message: /hostport-ledger-30500.*(schema-version is "2"|mark "frozen")/},
		);
	}
});

test('an index of an unknown version stops every allocation with a clear message', async t => {
	const {reservations} = await openLedger(t, {namespace: 'new-index'});
	await cluster().client.request('PATCH', configMap('new-index', 'hostport-ledger'), {metadata: {annotations: {'hostport.io/schema-version': '2'}}}, mergePatch);
	await t.throwsAsync(reservations.reserve(demand('a/b', {hasFixedName: true}), inTime()), {message: /schema-version is "2"/});
	await t.throwsAsync(openLedger(t, {namespace: 'new-index'}), {message: /schema-version is "2"/});
});

test('a new page holds the host ports of existing Pods', async t => {
	const template = podTemplate('foreign');
	await cluster().client.request('POST', podsPath('default'), {
		...template,
		metadata: {name: 'foreign'},
		spec: {...template.spec, containers: [{name: 'main', image: 'none', ports: [{name: 'web', containerPort: 80, hostPort: 5000}]}]},
	});
	const {reservations, entries} = await openLedger(t, {namespace: 'foreign'});
	t.deepEqual(await reservations.reserve(demand('a/b-', {basePort: 5000, maxPort: 5999}), inTime()), [5001, 5002]);
	t.like(JSON.parse((await entries())['5000.tcp'] ?? ''), {pod: 'default/foreign', port: 'web', state: 'foreign'});
});

test('after the index is made again, new pages wait for the hold time, and old ones do not', async t => {
	const {reservations} = await openLedger(t, {namespace: 'again', holdMs: 1500});
	await reservations.reserve(demand('a/first-'), inTime());
	await cluster().client.request('DELETE', configMap('again', 'hostport-ledger'));
	const elsewhere = demand('a/new-', {basePort: 10_000, maxPort: 10_499});
	await t.throwsAsync(reservations.reserve(elsewhere, inTime()), {message: /hostport-ledger-10000.*quarantine/});
	t.deepEqual(await reservations.reserve(demand('a/second-'), inTime()), [30_560, 30_561]);
	t.deepEqual(await untilFound(async () => reservations.reserve(elsewhere, inTime()), 'the end of the quarantine'), [10_000, 10_001]);
	const {data} = await cluster().client.request<{data: Record<string, string>}>('GET', configMap('again', 'hostport-ledger'));
	t.is(data['pages'], '10000 30500');
});

test.serial('a first start waits for the hold time if Pods have ports of an earlier ledger', async t => {
	await cluster().client.send('POST', '/api/v1/namespaces', {apiVersion: 'v1', kind: 'Namespace', metadata: {name: 'inherited'}});
	const template = podTemplate('old');
	await cluster().client.request('POST', podsPath('inherited'), {...template, metadata: {name: 'old', annotations: {'hostport.io/allocated-grpc': '30700'}}});
	const startedAt = systemClock.now();
	await openLedger(t, {namespace: 'inherited', holdMs: 1500});
	t.true(systemClock.now() - startedAt >= 1500);
	await cluster().client.request('DELETE', `${podsPath('inherited')}/old?gracePeriodSeconds=0`);
});
