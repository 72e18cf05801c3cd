/** What a replica caches of the ledger when answers overtake one another and other replicas write. */
import test from 'ava';
import {ApiError} from '../../src/errors.ts';
import type {ManagedFieldsEntry} from '../../harness/in-memory-api/managed-fields.ts';
import type {Ledger} from '../../src/ledger/ledger.ts';
import {pageOf} from '../../src/ports/ledger-page.ts';
import {gate} from '../helpers/api-in-memory.ts';
import type {ApiInMemory} from '../helpers/api-in-memory.ts';
import {storedPod} from '../helpers/cluster-in-memory.ts';
import {demandFor, entryWith} from '../helpers/ledger-builders.ts';
import {never} from '../helpers/no-ops.ts';
import {blockSize, holdMs, startLedger} from '../helpers/start-ledger.ts';

const key = '30558.tcp';
const first = pageOf(30_558, blockSize);
const entry = entryWith();

/** Delays the next answer to a request until the returned function is called. */
const holdAnswer = (api: ApiInMemory, held: string) => {
	const {opened, open} = gate();
	api.after = async request => {
		if (request === held) {
			api.after = () => {};
			return opened;
		}
	};

	return open;
};

const keysOf = ({cache}: Ledger): string[] => [...(cache.pages.get(first)?.entries.keys() ?? [])];

test('readAll reads every page', async t => {
	const {clock, newPages, write} = await startLedger({[key]: entry, '31000.tcp': entry});
	await newPages.readAll(never);
	await clock.advance(1);
	write(key, undefined);
	const {pages: all} = await newPages.readAll(never);
	t.deepEqual([...all].map(([page, {entries}]) => [page, [...entries.keys()]]), [[30_500, []], [31_000, ['31000.tcp']]]);
});

test('a later read does not change a snapshot', async t => {
	const {clock, newPages, ledger, write} = await startLedger({[key]: entry});
	const {pages: all} = await newPages.readAll(never);
	write('30559.tcp', entry);
	await clock.advance(1);
	await newPages.readAll(never);
	t.deepEqual([...(all.get(first)?.entries.keys() ?? [])], [key]);
	t.deepEqual(keysOf(ledger), [key, '30559.tcp']);
});

test('a read that a commit has overtaken is not cached', async t => {
	const {clock, api, newPages, ledger} = await startLedger({[key]: entry});
	await newPages.readAll(never);
	await clock.advance(1);
	const answer = holdAnswer(api, 'GET hostport-ledger-30500');
	const reading = newPages.readAll(never);
	await clock.advance(1);
	await ledger.commit(ledger.cache.pages.get(first)!, new Map([['30559.tcp', entry]]), never);
	answer();
	await reading;
	t.deepEqual(keysOf(ledger), [key, '30559.tcp']);
});

test('after a conflict a read is cached, also with an older resourceVersion', async t => {
	const [{clock, api, newPages, ledger}, backup] = await Promise.all([startLedger({[key]: entry}), startLedger({[key]: entry})]);
	await newPages.readAll(never);
	await ledger.commit(ledger.cache.pages.get(first)!, new Map([['30559.tcp', entry]]), never);
	api.server = backup.cluster.server;
	await t.throwsAsync(ledger.commit(ledger.cache.pages.get(first)!, new Map([['30560.tcp', entry]]), never), {message: /409/});
	await clock.advance(1);
	await newPages.readAll(never);
	t.deepEqual(keysOf(ledger), [key]);
	await t.notThrowsAsync(ledger.commit(ledger.cache.pages.get(first)!, new Map([['30560.tcp', entry]]), never));
});

test('an index counts as read from when the request was sent', async t => {
	const {clock, api, newPages, ledger} = await startLedger({[key]: entry});
	await clock.advance(1);
	const answer = holdAnswer(api, 'GET hostport-ledger');
	const reading = newPages.readAll(never);
	await clock.advance(10);
	const since = clock.now();
	answer();
	await reading;
	t.false(ledger.cache.covers({index: since, pages: new Map(), written: new Set(), consistent: new Set()}));
	t.true(ledger.cache.covers({index: since - 10, pages: new Map(), written: new Set(), consistent: new Set()}));
});

test('a deleted page comes back in quarantine, then with its Pods and NodePorts', async t => {
	const {clock, cluster, newPages, ledger, entries} = await startLedger({[key]: entry});
	cluster.remove('ConfigMap', {name: 'hostport-ledger-30500'});
	const {metadata: {uid}} = cluster.put('Service', {
		metadata: {namespace: 'shop', name: 'web'},
		spec: {ports: [{name: 'http', port: 80, protocol: 'TCP', nodePort: 30_600}], healthCheckNodePort: 31_600},
	});
	const {pages: all} = await newPages.readAll(never);
	t.true(all.get(first)?.quarantined);
	await clock.advance(holdMs - 1);
	t.deepEqual(entries(), {});
	await clock.advance(1);
	t.like(entries(), {'30600.tcp': {pod: 'Service shop/web', portName: 'http', state: 'foreign', uid}});
	t.deepEqual(Object.keys(entries()), ['30600.tcp']);
	await newPages.readAll(never);
	t.is(ledger.cache.pages.get(first)?.unusable, undefined);
});

test('a deleted index is created again with its pages', async t => {
	const {clock, cluster, newPages, configMap} = await startLedger({[key]: entry, '31000.tcp': entry});
	cluster.remove('ConfigMap', {name: 'hostport-ledger'});
	await clock.advance(1);
	const {pages: all} = await newPages.readAll(never);
	t.deepEqual([...all.keys()], [30_500, 31_000]);
	t.is(configMap('hostport-ledger')?.data?.['pages'], '30500 31000');
});

test('a page that can\'t be read does not keep the others from being read', async t => {
	const {clock, api, newPages} = await startLedger({[key]: entry, '31000.tcp': entry});
	await newPages.readAll(never);
	await clock.advance(1);
	const problem = new Error('no answer');
	api.before = request => {
		if (request === 'GET hostport-ledger-30500') {
			throw problem;
		}
	};

	const {pages, failures} = await newPages.readAll(never);
	t.deepEqual([...pages.keys()], [31_000], 'The cached copy of the other one is too old.');
	t.deepEqual([...failures], [[first, problem]]);
});

test('a page that was read in between is not left out after three errors', async t => {
	const {clock, api, ledger, newPages} = await startLedger({[key]: entry});
	const problem = new ApiError('GET', '/page', 500, 'no');
	let isFailing = true;
	api.before = request => {
		if (isFailing && request === 'GET hostport-ledger-30500') {
			throw problem;
		}
	};
	const read = async () => ledger.readPages([first], new Set(), never);
	await t.throwsAsync(read(), {is: problem});
	await t.throwsAsync(read(), {is: problem});
	isFailing = false;
	await read();
	isFailing = true;
	await t.throwsAsync(read(), {is: problem});
	await t.throwsAsync(read(), {is: problem});
	t.is(ledger.cache.failures.of(first), undefined);
	t.deepEqual(await read(), [], 'It is left out now.');
	t.truthy(ledger.cache.failures.of(first));
	isFailing = false;
	await clock.advance(1000);
	t.deepEqual([...(await newPages.readAll(never)).pages.keys()], [first]);
});

test('a page that was deleted and can\'t be created again does not keep the others from being read', async t => {
	const {api, cluster, newPages} = await startLedger({[key]: entry, '31000.tcp': entry});
	cluster.remove('ConfigMap', {name: 'hostport-ledger-30500'});
	api.before = request => {
		if (request.startsWith('POST')) {
			throw new Error('exceeded quota');
		}
	};

	const {pages, failures} = await newPages.readAll(never);
	t.deepEqual([...pages.keys()], [31_000]);
	t.deepEqual([...failures.keys()], [first]);
});

test('readAll leaves out cached pages that the index does not list', async t => {
	const {clock, cluster, newPages} = await startLedger({[key]: entry, '31000.tcp': entry});
	await newPages.readAll(never);
	cluster.patch('ConfigMap', {name: 'hostport-ledger'}, {data: {pages: '31000'}});
	await clock.advance(1);
	t.deepEqual([...(await newPages.readAll(never)).pages.keys()], [31_000]);
});

test('of two versions of a page, the one with the larger number is the later one', async t => {
	const {ledger} = await startLedger({[key]: entry});
	const page = await ledger.readPage(first, never);
	for (const [cached, arriving, kept] of [['9', '10', '10'], ['10', '9', '10'], ['99', '100', '100'], ['100', '99', '100']] as const) {
		ledger.cache.storeRead(first, {...page!, resourceVersion: cached, uid: `uid of ${cached}, ${arriving}`}, 0, false);
		ledger.cache.storePage({...page!, resourceVersion: arriving, uid: `uid of ${cached}, ${arriving}`});
		t.is(ledger.cache.pages.get(first)?.resourceVersion, kept, `${cached}, then ${arriving}`);
	}
});

test('a read from the watch cache is not a consistent read', async t => {
	const {clock, newPages, ledger} = await startLedger({[key]: entry});
	await newPages.readAll(never);
	await clock.advance(10);
	const needs = {index: -Infinity, pages: new Map([[first, clock.now()]]), written: new Set<number>()};
	await ledger.read({...needs, consistent: new Set()}, never);
	t.true(ledger.cache.covers({...needs, consistent: new Set()}));
	t.false(ledger.cache.covers({...needs, consistent: new Set([first])}));
	await ledger.read({...needs, consistent: new Set([first])}, never);
	t.true(ledger.cache.covers({...needs, consistent: new Set([first])}));
});

const page = 'hostport-ledger-30500';
const demand = demandFor(['grpc'], {basePort: 30_559, maxPort: 30_999});

/** A replica that has given three ports since `copy` was made. Their Pods are stored. It does not watch: its reads alone must find copies. */
const withCopy = async () => {
	const parts = await startLedger({[key]: entry});
	const {clock, cluster, reservations, newPages, configMap} = parts;
	await newPages.readAll(never);
	const copy = structuredClone(configMap(page)!);
	for (const port of [30_559, 30_560, 30_561]) {
		await clock.until(reservations.reserve(demand, never));
		cluster.put('Pod', storedPod(`server-${port}`, port));
	}

	return {...parts, copy, annotations: () => configMap(page)?.metadata.annotations ?? {}, reserve: async () => clock.until(reservations.reserve(demand, never))};
};

test('each commit names the version that it replaces', async t => {
	const {configMap, annotations, reserve} = await withCopy();
	const {metadata: {resourceVersion}} = configMap(page)!;
	await reserve();
	t.is(annotations()['hostport.io/previous-version'], resourceVersion);
});

test('the API server tracks the owners of no more fields than a commit changes', async t => {
	const {configMap, reserve} = await withCopy();
	await reserve();
	const {managedFields} = configMap(page)!.metadata;
	t.deepEqual((managedFields as readonly ManagedFieldsEntry[]).map(({manager, fieldsV1}) => [manager, fieldsV1]), [
		['hostport-operator', {'f:data': {'f:30562.tcp': {}}, 'f:metadata': {'f:annotations': {'f:hostport.io/previous-version': {}}}}],
	]);
});

test('a page that a copy has replaced gives no ports before its live Pods are entered', async t => {
	const {clock, cluster, copy, annotations, reserve, entries} = await withCopy();
	cluster.put('ConfigMap', copy);
	await t.throwsAsync(reserve(), {message: /hostport-ledger-30500 gives none: it is in quarantine/});
	t.like(annotations(), {'hostport.io/mark': 'quarantine'});
	await clock.advance(holdMs);
	t.deepEqual(await reserve(), [30_562]);
	t.is(entries()['30559.tcp']?.pod, 'game/server-30559');
});

test('a page that was deleted and put back gives no ports before its live Pods are entered', async t => {
	const {clock, cluster, copy, configMap, annotations, reserve} = await withCopy();
	cluster.commit(page);
	const later = structuredClone(configMap(page)!);
	for (const back of [copy, later]) {
		cluster.remove('ConfigMap', {name: page});
		cluster.put('ConfigMap', back);
		for (let elapsedMs = 0; elapsedMs < holdMs / 2; elapsedMs += 1000) {
			await t.throwsAsync(reserve(), {message: /it is in quarantine/});
			await clock.advance(1000);
		}

		await clock.advance(holdMs);
	}

	t.is(annotations()['hostport.io/opened-as'], configMap(page)?.metadata.uid);
	t.deepEqual(await reserve(), [30_562]);
});

test('a copy of a page that was created a moment ago is held for the whole hold time', async t => {
	const {clock, cluster, newPages, reservations, configMap} = await startLedger({[key]: entry});
	const create = async () => clock.until(reservations.reserve(demandFor(['grpc'], {basePort: 31_000, maxPort: 31_499}), never));
	// This replica sees the page in quarantine for a moment.
	t.deepEqual(await create(), [31_000]);
	const copyOfPage = structuredClone(configMap('hostport-ledger-31000')!);
	t.deepEqual(await create(), [31_001]);
	await clock.advance(holdMs / 2);
	cluster.put('ConfigMap', copyOfPage);
	await newPages.readAll(never);
	const markOf = () => configMap('hostport-ledger-31000')?.metadata.annotations?.['hostport.io/mark'];
	t.is(markOf(), 'quarantine');
	await clock.advance(holdMs - 1);
	t.is(markOf(), 'quarantine');
	await clock.advance(1);
	t.is(markOf(), undefined);
});

test('a copy of an index that was created again a moment ago is held for the whole hold time', async t => {
	const {clock, cluster, newPages, reservations, configMap} = await startLedger({[key]: entry});
	const markOf = () => configMap('hostport-ledger')?.metadata.annotations?.['hostport.io/mark'];
	cluster.remove('ConfigMap', {name: 'hostport-ledger'});
	await clock.advance(1);
	await newPages.readAll(never);
	await clock.advance(holdMs / 2);
	// Another replica has seen it for longer.
	cluster.commit('hostport-ledger', {'hostport.io/mark': null, 'hostport.io/opened-as': configMap('hostport-ledger')!.metadata.uid});
	const copyOfIndex = structuredClone(configMap('hostport-ledger')!);
	await newPages.readAll(never);
	await clock.until(reservations.reserve(demandFor(['grpc'], {basePort: 31_000}), never));
	cluster.put('ConfigMap', copyOfIndex);
	await clock.advance(1);
	await newPages.readAll(never);
	t.is(markOf(), 'quarantine');
	await clock.advance(holdMs - 1);
	t.is(markOf(), 'quarantine');
	await clock.advance(1);
	t.is(markOf(), undefined);
});

test('a page whose annotation of commits a person changes or removes counts as a copy', async t => {
	const {clock, cluster, reserve} = await withCopy();
	for (const previousVersion of [null, '1', '']) {
		cluster.patch('ConfigMap', {name: page}, {metadata: {annotations: {'hostport.io/previous-version': previousVersion}}});
		await t.throwsAsync(reserve(), {message: /gives none/});
		await clock.advance(holdMs);
		await reserve();
	}
});

test('a page whose proof a person removes waits for the hold time', async t => {
	const {clock, cluster, reserve} = await withCopy();
	cluster.patch('ConfigMap', {name: page}, {metadata: {annotations: {'hostport.io/opened-as': null}}});
	await t.throwsAsync(reserve(), {message: /its annotation hostport.io\/opened-as or hostport.io\/previous-version is missing/});
	await clock.advance(holdMs);
	t.deepEqual(await reserve(), [30_562]);
});

test('a copy that can\'t be marked gives no ports either', async t => {
	const {clock, cluster, api, copy, newPages, reserve} = await withCopy();
	api.before = request => {
		if (request === `PATCH ${page}`) {
			throw new ApiError('PATCH', '/page', 500, 'no');
		}
	};
	cluster.put('ConfigMap', copy);
	await newPages.readAll(never);
	await t.throwsAsync(reserve(), {message: /it was put back from a copy/});
	await clock.advance(2 * holdMs);
	await newPages.readAll(never);
	await t.throwsAsync(reserve(), {message: /it was put back from a copy/});
	api.before = () => {};
	await clock.advance(1);
	await newPages.readAll(never);
	await clock.advance(holdMs + 1000);
	t.deepEqual(await reserve(), [30_562]);
});

test('a commit or a read that overtakes a read is no copy', async t => {
	const {clock, api, newPages, reserve, annotations} = await withCopy();
	const answer = holdAnswer(api, `GET ${page}`);
	await clock.advance(1);
	const reading = newPages.readAll(never);
	await clock.settle();
	t.deepEqual(await reserve(), [30_562]);
	answer();
	await reading;
	t.is(annotations()['hostport.io/mark'], undefined);
	t.deepEqual(await reserve(), [30_563]);
});

test('an index that a copy has replaced is in quarantine, then lists all pages again', async t => {
	const {clock, cluster, newPages, reservations, configMap} = await startLedger({[key]: entry});
	await newPages.readAll(never);
	const copy = structuredClone(configMap('hostport-ledger')!);
	await clock.until(reservations.reserve(demandFor(['grpc'], {basePort: 31_000}), never));
	cluster.put('ConfigMap', copy);
	await clock.advance(1);
	await newPages.readAll(never);
	t.is(configMap('hostport-ledger')?.metadata.annotations?.['hostport.io/mark'], 'quarantine');
	await clock.advance(holdMs);
	t.like(configMap('hostport-ledger'), {data: {pages: '30500 31000'}});
	t.is(configMap('hostport-ledger')?.metadata.annotations?.['hostport.io/mark'], undefined);
});
