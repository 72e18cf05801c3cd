/** What a replica knows of the ledger, when answers overtake one another and others change it. */
import test from 'ava';
import {ledgerMetadata} from '../../src/ports/ledger-metadata.ts';
import {indexData, indexName} from '../../src/ports/ledger-index.ts';
import {pageOf} from '../../src/ports/ledger-page.ts';
import {gate} from '../helpers/api-in-memory.ts';
import type {ApiInMemory} from '../helpers/api-in-memory.ts';
import type {ClusterInMemory} from '../helpers/cluster-in-memory.ts';
import {entryWith} from '../helpers/ledger-builders.ts';
import {never} from '../helpers/no-ops.ts';
import {blockSize, holdMs, startLedger} from '../helpers/start-ledger.ts';

const key = '30558.tcp';
const first = pageOf(30_558, blockSize);
const entry = entryWith();

/** Holds the next answer to a request back, until it is let go. */
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

const keysOf = (pages: Awaited<ReturnType<typeof startLedger>>['pages']): string[] => [...(pages.known.pages.get(first)?.entries.keys() ?? [])];

test('all pages are read, as they are', async t => {
	const {clock, pages, write} = await startLedger({[key]: entry, '31000.tcp': entry});
	await pages.readAll(never);
	await clock.advance(1);
	write(key, undefined);
	const all = await pages.readAll(never);
	t.deepEqual([...all].map(([page, {entries}]) => [page, [...entries.keys()]]), [[30_500, []], [31_000, ['31000.tcp']]]);
});

test('what is read later does not change what was handed out', async t => {
	const {clock, pages, write} = await startLedger({[key]: entry});
	const all = await pages.readAll(never);
	write('30559.tcp', entry);
	await clock.advance(1);
	await pages.readAll(never);
	t.deepEqual([...(all.get(first)?.entries.keys() ?? [])], [key]);
	t.deepEqual(keysOf(pages), [key, '30559.tcp']);
});

test('an answer that a commit has overtaken is not kept', async t => {
	const {clock, api, pages} = await startLedger({[key]: entry});
	await pages.readAll(never);
	await clock.advance(1);
	const letGo = holdAnswer(api, 'GET hostport-ledger-30500');
	const reading = pages.readAll(never);
	await clock.advance(1);
	await pages.commit(pages.known.pages.get(first)!, new Map([['30559.tcp', entry]]), never);
	letGo();
	await reading;
	t.deepEqual(keysOf(pages), [key, '30559.tcp']);
});

test('after a conflict what is read is kept, also from an API server that was restored from a backup', async t => {
	const [{clock, api, pages}, backup] = await Promise.all([startLedger({[key]: entry}), startLedger({[key]: entry})]);
	await pages.readAll(never);
	await pages.commit(pages.known.pages.get(first)!, new Map([['30559.tcp', entry]]), never);
	api.server = backup.cluster.server;
	await t.throwsAsync(pages.commit(pages.known.pages.get(first)!, new Map([['30560.tcp', entry]]), never), {message: /409/});
	await clock.advance(1);
	await pages.readAll(never);
	t.deepEqual(keysOf(pages), [key]);
	await t.notThrowsAsync(pages.commit(pages.known.pages.get(first)!, new Map([['30560.tcp', entry]]), never));
});

test('an index counts as read when it was asked for, not when the answer came', async t => {
	const {clock, api, pages} = await startLedger({[key]: entry});
	await clock.advance(1);
	const letGo = holdAnswer(api, 'GET hostport-ledger');
	const reading = pages.readAll(never);
	await clock.advance(10);
	const since = clock.now();
	letGo();
	await reading;
	t.false(pages.known.meets({index: since, pages: new Map(), touched: new Set(), consistent: new Set()}));
	t.true(pages.known.meets({index: since - 10, pages: new Map(), touched: new Set(), consistent: new Set()}));
});

test('a page that somebody has deleted comes back in quarantine, and with its Pods and NodePorts after the hold time', async t => {
	const {clock, cluster, pages, entries} = await startLedger({[key]: entry});
	cluster.remove('ConfigMap', {name: 'hostport-ledger-30500'});
	const {metadata: {uid}} = cluster.put('Service', {
		metadata: {namespace: 'shop', name: 'web'},
		spec: {ports: [{name: 'http', port: 80, protocol: 'TCP', nodePort: 30_600}], healthCheckNodePort: 31_600},
	});
	const all = await pages.readAll(never);
	t.true(all.get(first)?.quarantined);
	await clock.advance(holdMs - 1);
	t.deepEqual(entries(), {});
	await clock.advance(1);
	t.like(entries(), {'30600.tcp': {pod: 'Service shop/web', port: 'http', state: 'foreign', uid}});
	t.deepEqual(Object.keys(entries()), ['30600.tcp']);
	await pages.readAll(never);
	t.is(pages.known.pages.get(first)?.unusable, undefined);
});

test('an index that somebody has deleted is made again with its pages', async t => {
	const {clock, cluster, pages, configMap} = await startLedger({[key]: entry, '31000.tcp': entry});
	cluster.remove('ConfigMap', {name: 'hostport-ledger'});
	await clock.advance(1);
	const all = await pages.readAll(never);
	t.deepEqual([...all.keys()], [30_500, 31_000]);
	t.is(configMap('hostport-ledger')?.data?.['pages'], '30500 31000');
});

test('an index that is made again keeps the size of the blocks that are open, however many pages of another size wait', async t => {
	const {clock, cluster, pages, configMap} = await startLedger({[key]: entry});
	for (const first of [31_000, 31_016, 31_032]) {
		cluster.put('ConfigMap', {metadata: {name: `hostport-ledger-${first}`, ...ledgerMetadata('page', '', `${first}-${first + 15}`)}});
	}

	cluster.remove('ConfigMap', {name: 'hostport-ledger'});
	await clock.advance(1);
	await pages.readAll(never);
	t.like(configMap('hostport-ledger')?.data, {'block-size': '500', pages: '30500'});
});

test('what came from the cache of the API server is not the latest', async t => {
	const {clock, pages} = await startLedger({[key]: entry});
	await pages.readAll(never);
	await clock.advance(10);
	const needs = {index: -Infinity, pages: new Map([[first, clock.now()]]), touched: new Set<number>()};
	await pages.read({...needs, consistent: new Set()}, never);
	t.true(pages.known.meets({...needs, consistent: new Set()}));
	t.false(pages.known.meets({...needs, consistent: new Set([first])}));
	await pages.read({...needs, consistent: new Set([first])}, never);
	t.true(pages.known.meets({...needs, consistent: new Set([first])}));
});

/** Somebody has deleted the whole ledger, and one who had never seen it has begun another. */
const beginAnew = (cluster: ClusterInMemory, size: number): void => {
	for (const {metadata} of cluster.server.all('ConfigMap')) {
		cluster.remove('ConfigMap', metadata);
	}

	const {labels, annotations} = ledgerMetadata('index', '');
	cluster.put('ConfigMap', {metadata: {name: indexName, labels, annotations}, data: indexData(size, [])});
};

test('a ledger that was begun anew with blocks of another size is read anew, and gets no page of the old size', async t => {
	const {clock, cluster, pages, configMap} = await startLedger({[key]: entry, '31100.tcp': entry});
	await pages.readAll(never);
	beginAnew(cluster, 1000);
	await clock.advance(1);
	await pages.readOrCreate({index: -Infinity, pages: new Map([[first, clock.now()]]), touched: new Set([first]), consistent: new Set([first])}, never);
	t.is(pages.known.blockSize, 1000);
	t.deepEqual([...pages.known.pages.keys()], []);
	t.is(configMap('hostport-ledger')?.data?.['pages'], '');
});

test('a page of the old size opens as one of the new size, once nobody can be on his way', async t => {
	const {clock, cluster, pages, configMap} = await startLedger({'31000.tcp': entry});
	const {labels, annotations} = ledgerMetadata('page', '', '31000-31499');
	beginAnew(cluster, 1000);
	cluster.put('ConfigMap', {metadata: {name: 'hostport-ledger-31000', labels, annotations}});
	await clock.advance(1);
	await pages.readAll(never);
	await pages.readOrCreate({index: -Infinity, pages: new Map([[31_000, clock.now()]]), touched: new Set([31_000]), consistent: new Set([31_000])}, never);
	t.truthy(pages.known.pages.get(31_000)?.unusable);
	await clock.advance(holdMs);
	await clock.advance(2000);
	await pages.readAll(never);
	t.is(configMap('hostport-ledger-31000')?.metadata.annotations?.['hostport.io/ports'], '31000-31999');
	t.is(pages.known.pages.get(31_000)?.unusable, undefined);
});
