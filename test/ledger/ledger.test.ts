/** What a replica caches of the ledger when answers overtake one another and other replicas write. */
import test from 'ava';
import type {Ledger} from '../../src/ledger/ledger.ts';
import {pageOf} from '../../src/ports/ledger-page.ts';
import {gate} from '../helpers/api-in-memory.ts';
import type {ApiInMemory} from '../helpers/api-in-memory.ts';
import {entryWith} from '../helpers/ledger-builders.ts';
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
