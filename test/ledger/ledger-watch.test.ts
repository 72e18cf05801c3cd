/** What every replica learns by its watch of the ledger's ConfigMaps, without a plan that reads them. */
import test from 'ava';
import {ApiError} from '../../src/errors.ts';
import type {WatchEvent} from '../../src/kubernetes/api-client.ts';
import {entryWith} from '../helpers/ledger-builders.ts';
import {never} from '../helpers/no-ops.ts';
import {holdMs, startLedger} from '../helpers/start-ledger.ts';

const page = 'hostport-ledger-30500';
const index = 'hostport-ledger';
const first = 30_500;

/** A replica that watches the ledger, in which another replica has committed since `copyOf` was called. */
const setUp = async (t: {readonly teardown: (end: () => void) => void}) => {
	const parts = await startLedger({'30558.tcp': entryWith()});
	const {clock, cluster, configMap, newPages} = parts;
	await newPages.readAll(never);
	const stop = new AbortController();
	t.teardown(() => stop.abort());
	const watching = parts.watch(stop.signal);
	await clock.settle();
	return {
		...parts, stop, watching,
		copyOf: (name: string) => structuredClone(configMap(name)!),
		/** As another replica does. */
		commit: (name: string, commits: number) => cluster.patch('ConfigMap', {name}, {metadata: {annotations: {'hostport.io/commits': String(commits)}}}),
		markOf: (name: string) => configMap(name)?.metadata.annotations?.['hostport.io/mark'],
	};
};

for (const name of [page, index]) {
	test(`${name}: a copy over the commits of other replicas is marked at once, and gives ports after the hold time`, async t => {
		const {clock, cluster, copyOf, commit, markOf, configMap} = await setUp(t);
		const copy = copyOf(name);
		commit(name, 7);
		await clock.settle();
		cluster.put('ConfigMap', copy);
		await clock.advance(1);
		t.is(markOf(name), 'quarantine');
		t.is(configMap(name)?.metadata.annotations?.['hostport.io/commits'], '8', 'The count goes on.');
		await clock.advance(holdMs - 2);
		t.is(markOf(name), 'quarantine');
		await clock.advance(2000);
		t.is(markOf(name), undefined);
	});

	test(`${name}: a copy that is created is read at once, and gives ports after the hold time`, async t => {
		const {clock, cluster, copyOf, ledger, configMap} = await setUp(t);
		const copy = copyOf(name);
		cluster.remove('ConfigMap', {name});
		const {metadata: {uid}} = cluster.put('ConfigMap', copy);
		await clock.advance(1);
		t.true((name === page ? ledger.cache.pages.get(first) : ledger.cache.index)?.quarantined);
		await clock.advance(holdMs - 2);
		t.not(configMap(name)?.metadata.annotations?.['hostport.io/opened-as'], uid);
		await clock.advance(2000);
		t.is(configMap(name)?.metadata.annotations?.['hostport.io/opened-as'], uid);
	});
}

test('a copy that is put back while the watch is broken is found by the next list', async t => {
	const {clock, cluster, api, copyOf, commit, markOf} = await setUp(t);
	const copy = copyOf(page);
	commit(page, 7);
	await clock.settle();
	api.isWatchStalled = true;
	cluster.put('ConfigMap', copy);
	await clock.settle();
	t.is(markOf(page), undefined);
	api.dropWatches();
	await clock.advance(1000);
	t.is(markOf(page), 'quarantine');
});

test('events of commits, of the past and of other ConfigMaps cause no request', async t => {
	const {clock, cluster, api, copyOf, commit} = await setUp(t);
	const before = copyOf(page);
	const {length} = api.requests;
	for (let count = 1; count <= 20; count++) {
		commit(page, count);
	}

	cluster.put('ConfigMap', {metadata: {name: 'kube-root-ca.crt', annotations: {'hostport.io/opened-as': 'x', 'hostport.io/commits': '-1'}}});
	cluster.put('ConfigMap', {metadata: {name: 'hostport-ledger-30501', annotations: {'hostport.io/opened-as': 'x'}}});
	api.replay({type: 'MODIFIED', object: before} as WatchEvent<unknown> as Parameters<typeof api.replay>[0]);
	await clock.settle();
	t.is(api.requests.length, length);
});

test('a read that fails is not the end of the watch', async t => {
	const {clock, cluster, api, copyOf, commit, markOf} = await setUp(t);
	const copy = copyOf(page);
	commit(page, 7);
	api.before = request => {
		if (request === `GET ${page}`) {
			throw new ApiError('GET', '/page', 500, 'no');
		}
	};
	cluster.put('ConfigMap', copy);
	await clock.advance(1);
	t.is(markOf(page), undefined);
	api.before = () => {};
	cluster.patch('ConfigMap', {name: page}, {metadata: {labels: {any: 'thing'}}});
	await clock.advance(1);
	t.is(markOf(page), 'quarantine');
});

test('a replica that may not watch asks less and less often', async t => {
	const {clock, api} = await setUp(t);
	let watches = 0;
	api.watch = () => {
		watches++;
		throw new ApiError('GET', '/api/v1/namespaces/operators/configmaps', 403, 'forbidden');
	};
	api.dropWatches();
	await clock.advance(60_000);
	t.true(watches >= 5, `${watches} watches`);
	const earlier = watches;
	await clock.advance(600_000);
	t.is(watches - earlier, 20);
});

test('a watch that works again is started again at once', async t => {
	const {clock, cluster, api, commit} = await setUp(t);
	for (let times = 0; times < 8; times++) {
		api.dropWatches();
		await clock.advance(1000);
		commit(page, times + 1);
		await clock.settle();
	}

	cluster.patch('ConfigMap', {name: page}, {metadata: {annotations: {'hostport.io/commits': '1'}}});
	await clock.advance(1);
	t.true(api.count(`PATCH ${page}`) === 1);
});

test('the watch ends with its signal', async t => {
	const {stop, watching, clock} = await setUp(t);
	stop.abort();
	await clock.until(watching);
	t.pass();
});
