import test from 'ava';
import {ApiError} from '../../src/errors.ts';
import {demandFor, entryWith, pageObject} from '../helpers/ledger-builders.ts';
import {never} from '../helpers/no-ops.ts';
import {holdMs, startLedger} from '../helpers/start-ledger.ts';

const names = (count: number): string[] => Array.from({length: count}, (_, index) => `p${index}`);

test('a half full page creates its successors, as many as the ledger has pages', async t => {
	const {clock, ledger, reservations, api, configMap} = await startLedger({'30558.tcp': entryWith(), '31100.tcp': entryWith(), '40000.tcp': entryWith()});
	await clock.until(reservations.reserve(demandFor(names(260), {basePort: 31_000, maxPort: 32_999}), never));
	await clock.settle();
	const givesPorts = (first: number) => configMap(`hostport-ledger-${first}`)?.metadata.annotations?.['hostport.io/mark'] === undefined;
	t.is(configMap('hostport-ledger')?.data?.['pages'], '30500 31000 31500 32000 32500 40000', 'As many as there were, and none beyond the demand.');
	t.true([31_500, 32_000, 32_500].every(first => givesPorts(first)));
	t.is(api.count('GET pods'), 1, 'One list serves all of them.');
	t.is(ledger.cache.pages.get(31_500)?.unusable, undefined);
});

test('a page that is less than half full creates no successors', async t => {
	const {clock, reservations, configMap} = await startLedger({'31000.tcp': entryWith()});
	await clock.until(reservations.reserve(demandFor(['grpc'], {basePort: 31_000}), never));
	await clock.settle();
	t.is(configMap('hostport-ledger')?.data?.['pages'], '31000');
});

test('a request creates the page that it needs when creation ahead has failed', async t => {
	const {clock, reservations, api, configMap} = await startLedger({'31000.tcp': entryWith()});
	api.before = request => {
		if (request === 'GET pods') {
			throw new Error('no answer');
		}
	};
	await clock.until(reservations.reserve(demandFor(names(260), {basePort: 31_000}), never));
	await clock.settle();
	t.is(configMap('hostport-ledger-31500')?.metadata.annotations?.['hostport.io/mark'], 'quarantine');
	api.before = () => {};
	t.deepEqual(await clock.until(reservations.reserve(demandFor(['a'], {basePort: 32_000}), never)), [32_000]);
});

test('a request waits for a page that another replica is creating', async t => {
	const {clock, cluster, ledger, reservations, dryRun, configMap} = await startLedger({'30558.tcp': entryWith()});
	const index = configMap('hostport-ledger')!;
	const made = pageObject({first: 31_000, annotations: {'hostport.io/mark': 'quarantine'}});
	cluster.put('ConfigMap', made);
	cluster.put('ConfigMap', {...index, data: {...index.data, pages: '30500 31000'}});
	const demand = demandFor(['grpc'], {basePort: 31_000, maxPort: 31_499});
	const [reserved, previewed] = [reservations.reserve(demand, never), dryRun(demand, never)];
	await clock.advance(300);
	t.true(await clock.isPending(reserved));
	t.true(await clock.isPending(previewed));
	cluster.putOpened(pageObject({first: 31_000}));
	t.deepEqual(await clock.until(reserved), [31_000]);
	t.is((await clock.until(previewed)).length, 1);
	t.is(ledger.cache.pages.get(31_000)?.quarantined, false);
});

test('a request waits at most a second for a page that stays in quarantine', async t => {
	const {clock, cluster, reservations, configMap} = await startLedger({'30558.tcp': entryWith()});
	const index = configMap('hostport-ledger')!;
	cluster.put('ConfigMap', pageObject({first: 31_000, annotations: {'hostport.io/mark': 'quarantine'}}));
	cluster.put('ConfigMap', {...index, data: {...index.data, pages: '30500 31000'}});
	const startedAt = clock.now();
	const demand = demandFor(['grpc'], {basePort: 31_000, maxPort: 31_499});
	await t.throwsAsync(clock.until(reservations.reserve(demand, never)), {message: /it is in quarantine/});
	t.true(clock.now() - startedAt <= 1050);
	await t.throwsAsync(clock.until(reservations.reserve(demand, never)), {message: /it is in quarantine/});
	t.true(clock.now() - startedAt <= 1100, 'The next request does not wait.');
});

const quota = new ApiError('POST', '/api/v1/namespaces/operators/configmaps', 403, 'exceeded quota: count/configmaps');

/** A ledger with the page 30500, in which the page 20000 can't be created. */
const withQuota = async () => {
	const parts = await startLedger({'30500.tcp': entryWith()});
	parts.api.before = request => {
		if (request === 'POST hostport-ledger-20000') {
			throw quota;
		}
	};
	return parts;
};

test('a quota that forbids a new page concerns only Pods that need it', async t => {
	const {clock, reservations, configMap} = await withQuota();
	const denied = t.throwsAsync(reservations.reserve(demandFor(['grpc'], {basePort: 20_000, maxPort: 20_499}), never), {code: 503, message: /hostport-ledger-20000 gives none: .*exceeded quota/} as object);
	const served = reservations.reserve(demandFor(['grpc'], {basePort: 30_500}), never);
	const moved = reservations.reserve(demandFor(['grpc'], {basePort: 20_000, maxPort: 20_999}), never);
	t.deepEqual(await clock.until(served), [30_501]);
	t.deepEqual(await clock.until(moved), [20_500]);
	await clock.until(denied);
	t.is(configMap('hostport-ledger')?.data?.['pages'], '20500 30500');
});

test('a page is created within ten seconds after the quota allows it', async t => {
	const {clock, api, reservations} = await withQuota();
	const demand = demandFor(['grpc'], {basePort: 20_000, maxPort: 20_499});
	await t.throwsAsync(clock.until(reservations.reserve(demand, never)));
	await t.throwsAsync(clock.until(reservations.reserve(demand, never)));
	t.is(api.count('POST hostport-ledger-20000'), 1);
	api.before = () => {};
	await clock.advance(10_000);
	t.deepEqual(await clock.until(reservations.reserve(demand, never)), [20_000]);
});

test('a page whose creation fails for another reason is tried again, and concerns nobody else', async t => {
	const {clock, api, reservations} = await startLedger({'30500.tcp': entryWith()});
	let isFailing = true;
	api.before = request => {
		if (isFailing && request === 'POST hostport-ledger-20000') {
			throw new Error('read ECONNRESET');
		}
	};
	const waits = reservations.reserve(demandFor(['grpc'], {basePort: 20_000, maxPort: 20_499}), never);
	t.deepEqual(await clock.until(reservations.reserve(demandFor(['grpc'], {basePort: 30_500}), never)), [30_501]);
	await clock.advance(2000);
	t.true(await clock.isPending(waits));
	isFailing = false;
	t.deepEqual(await clock.until(waits), [20_000]);
});

test('a page that waited for the index is created soon after the index has left quarantine', async t => {
	const {clock, cluster, reservations} = await startLedger({'30558.tcp': entryWith()});
	cluster.remove('ConfigMap', {name: 'hostport-ledger'});
	await clock.advance(1);
	const reserve = async (basePort = 31_000) => clock.until(reservations.reserve(demandFor(['grpc'], {basePort, maxPort: basePort + 499}), never));
	await t.throwsAsync(reserve(32_000), {message: /it is in quarantine/}, 'It creates the index, too.');
	await t.throwsAsync(reserve(), {message: /no page is created before the ConfigMap hostport-ledger has left quarantine/});
	const {metadata: {uid}} = cluster.find('ConfigMap', {name: 'hostport-ledger'})!;
	cluster.commit('hostport-ledger', {'hostport.io/mark': null, 'hostport.io/opened-as': uid});
	await clock.advance(1500);
	t.deepEqual(await reserve(), [31_000]);
});

test('while index and pages are in quarantine, a request creates no pages', async t => {
	const {clock, cluster, reservations, api, configMap} = await startLedger({'30500.tcp': entryWith()});
	cluster.remove('ConfigMap', {name: 'hostport-ledger'});
	cluster.remove('ConfigMap', {name: 'hostport-ledger-30500'});
	await clock.advance(20_000);
	const reserve = async () => clock.until(reservations.reserve(demandFor(['grpc'], {basePort: 30_500, maxPort: 32_767}), never));
	for (let times = 0; times < 3; times++) {
		await t.throwsAsync(reserve(), {code: 503, message: /is in quarantine|has left quarantine/} as object);
		await clock.advance(5000);
	}

	t.true(api.requests.filter(request => request.startsWith('POST hostport-ledger-')).length <= 1);
	await clock.advance(holdMs);
	t.deepEqual(await clock.until(reservations.reserve(demandFor(['grpc'], {basePort: 20_000, maxPort: 20_499}), never)), [20_000]);
	t.is((await reserve()).length, 1);
	t.is(configMap('hostport-ledger')?.metadata.annotations?.['hostport.io/mark'], undefined);
});

test('while new pages can\'t be opened, requests create few of them', async t => {
	const {clock, reservations, api} = await startLedger({'30500.tcp': entryWith()});
	api.before = request => {
		if (request === 'GET pods') {
			throw new ApiError('GET', '/api/v1/pods', 403, 'forbidden');
		}
	};
	const created = () => api.requests.filter(request => request.startsWith('POST hostport-ledger-')).length;
	const reserve = async () => clock.until(reservations.reserve(demandFor(['grpc'], {basePort: 1000, maxPort: 29_999}), never));
	for (let times = 0; times < 10; times++) {
		await t.throwsAsync(reserve(), {code: 503, message: /could not|gives none/} as object);
		await clock.advance(5000);
	}

	t.is(created(), 4);
	api.before = () => {};
	await clock.advance(holdMs + 1000);
	t.deepEqual(await clock.until(reservations.reserve(demandFor(['grpc'], {basePort: 20_000, maxPort: 20_499}), never)), [20_000]);
	t.is((await reserve())[0], 1000);
});

test('two seconds after the index has left quarantine, requests create pages again', async t => {
	const {clock, cluster, reservations, configMap} = await startLedger({'30500.tcp': entryWith()});
	cluster.remove('ConfigMap', {name: 'hostport-ledger'});
	await clock.advance(20_000);
	const reserve = async () => clock.until(reservations.reserve(demandFor(['grpc'], {basePort: 20_000, maxPort: 20_499}), never));
	// Recreates the index, in quarantine.
	await t.throwsAsync(clock.until(reservations.reserve(demandFor(names(501), {basePort: 30_500, maxPort: 30_999}), never)));
	await t.throwsAsync(reserve(), {message: /hostport-ledger-20000 gives none: it does not exist, and no page is created before the ConfigMap hostport-ledger has left quarantine/});
	// Another replica has seen the quarantine for longer.
	cluster.patch('ConfigMap', {name: 'hostport-ledger'}, {metadata: {annotations: {'hostport.io/mark': null, 'hostport.io/opened-as': configMap('hostport-ledger')?.metadata.uid, 'hostport.io/commits': '1'}}});
	await clock.advance(2000);
	t.deepEqual(await reserve(), [20_000]);
});

test('a new page gives ports at once although its first lists fail', async t => {
	const {clock, reservations, api} = await startLedger({'30500.tcp': entryWith()});
	let failures = 3;
	api.before = request => {
		if (request === 'GET pods' && failures-- > 0) {
			throw new Error('no answer');
		}
	};
	const startedAt = clock.now();
	t.deepEqual(await clock.until(reservations.reserve(demandFor(['grpc'], {basePort: 20_000, maxPort: 20_499}), never)), [20_000]);
	t.true(clock.now() - startedAt < 2000);
});
