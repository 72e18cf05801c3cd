/** What a page is opened with. */
import test from 'ava';
import type {HostPortUse} from '../../src/ports/host-port-use.ts';
import {ledgerMetadata} from '../../src/ports/ledger-metadata.ts';
import {indexData} from '../../src/ports/ledger-index.ts';
import {storedPod} from '../helpers/cluster-in-memory.ts';
import {entryWith} from '../helpers/ledger-builders.ts';
import {never} from '../helpers/no-ops.ts';
import {holdMs, startLedger} from '../helpers/start-ledger.ts';

const service = (name: string, nodePort: number) => ({metadata: {namespace: 'shop', name}, spec: {ports: [{name: 'http', port: 80, nodePort}]}});

test('a page is opened with the ports of Pods and Services that it owns, and keeps what it has', async t => {
	const {cluster, objects, quarantine} = await startLedger({'30558.tcp': entryWith({claim: 'kept'})});
	cluster.putAll('Pod', [storedPod('server-0', 30_558), storedPod('server-1', 30_559), storedPod('proxy', 30_560, {managed: false}), storedPod('elsewhere', 31_000)]);
	cluster.putAll('Service', [service('web', 30_561), service('other', 32_000)]);
	const page = await objects.readPage(30_500, 500, never);
	const [opened] = await quarantine.pages.open([page!], never);
	t.deepEqual([...opened!.entries].map(([key, {pod, state}]) => [key, pod, state]), [
		['30558.tcp', 'game/other', 'bound'],
		['30561.tcp', 'Service shop/web', 'foreign'],
		['30560.tcp', 'game/proxy', 'foreign'],
		['30559.tcp', 'game/server-1', 'bound'],
	]);
});

test('of a port that several have, the page is opened with the one that we have given', async t => {
	const {cluster, objects, quarantine} = await startLedger({'30500.tcp': entryWith()});
	const ports: ReadonlyArray<HostPortUse['port']> = [30_558, 30_559];
	cluster.putAll('Service', ports.map(port => service(`web-${port}`, port)));
	// The API server lists them in the order of their names: ours come before one of the others and after the other.
	cluster.putAll('Pod', [storedPod('b', 30_558), storedPod('c-proxy', 30_558, {managed: false}), storedPod('a-proxy', 30_559, {managed: false}), storedPod('b-2', 30_559)]);
	const [opened] = await quarantine.pages.open([(await objects.readPage(30_500, 500, never))!], never);
	t.deepEqual(ports.map(port => opened?.entries.get(`${port}.tcp`)?.pod), ['game/b', 'game/b-2']);
});

for (const list of ['pods', 'services']) {
	test(`a page stays closed while ${list} can't be listed`, async t => {
		const {objects, quarantine, api} = await startLedger({'30500.tcp': entryWith()});
		const page = await objects.readPage(30_500, 500, never);
		api.before = request => {
			if (request === `GET ${list}`) {
				throw new Error('no answer');
			}
		};

		await t.throwsAsync(quarantine.pages.open([page!], never), {message: 'no answer'});
		t.is(api.count('PATCH hostport-ledger-30500'), 0);
	});
}

test('a page that has changed since it was read is not opened', async t => {
	const {objects, quarantine, write} = await startLedger({'30500.tcp': entryWith()});
	const page = await objects.readPage(30_500, 500, never);
	write('30501.tcp', entryWith());
	t.deepEqual(await quarantine.pages.open([page!], never), []);
});

const markOf = ({configMap}: Awaited<ReturnType<typeof startLedger>>, name: string) => configMap(name)?.metadata.annotations?.['hostport.io/mark'];

/** The index was deleted, and begun again, for other blocks. */
const beginIndex = async ({cluster, objects}: Awaited<ReturnType<typeof startLedger>>, size: number, firsts: readonly number[] = []) => {
	cluster.remove('ConfigMap', {name: 'hostport-ledger'});
	cluster.put('ConfigMap', {metadata: {name: 'hostport-ledger', ...ledgerMetadata('index', '')}, data: indexData(size, firsts)});
	return (await objects.readIndex(never))!;
};

/** A ledger with an open page of 500. */
const withIndexOf = async (size: number, firsts: readonly number[] = []) => {
	const ledger = await startLedger({'30500.tcp': entryWith()});
	return {...ledger, index: await beginIndex(ledger, size, firsts), mark: () => markOf(ledger, 'hostport-ledger')};
};

const pageWith = (first: number, ports: string | undefined, mark?: 'quarantine') => {
	const {labels, annotations} = ledgerMetadata('page', '');
	return {metadata: {name: `hostport-ledger-${first}`, labels, annotations: {...annotations, 'hostport.io/mark': mark, 'hostport.io/ports': ports}}};
};

const marked = (first: number, size: number) => pageWith(first, `${first}-${first + size - 1}`, 'quarantine');
const open = (first: number, size: number) => pageWith(first, `${first}-${first + size - 1}`);

test('an index gets the blocks of the pages that are open, before its hold time begins', async t => {
	const {clock, quarantine, index, configMap, mark} = await withIndexOf(1000);
	quarantine.index.watch(index);
	await clock.advance(1);
	t.like(configMap('hostport-ledger')?.data, {'block-size': '500', pages: '30500'});
	await clock.advance(holdMs - 1000);
	t.is(mark(), 'quarantine');
	await clock.advance(3000);
	t.is(mark(), undefined);
});

test('nobody can open a page any more that has another block size than the index', async t => {
	const {clock, cluster, quarantine, objects, index, mark} = await withIndexOf(500, [30_500]);
	cluster.put('ConfigMap', marked(30_560, 16));
	const page = await objects.readPage(30_560, 16, never);
	quarantine.index.watch(index);
	await clock.advance(1);
	t.deepEqual(await quarantine.pages.open([page!], never), []);
	await clock.advance(holdMs + 2000);
	t.is(mark(), undefined);
});

test('an index stays closed until its hold time after the last page of another block size is gone', async t => {
	const {clock, cluster, quarantine, index, mark} = await withIndexOf(500, [30_500]);
	cluster.put('ConfigMap', open(30_560, 16));
	quarantine.index.watch(index);
	await clock.advance(2 * holdMs);
	t.is(mark(), 'quarantine');
	cluster.remove('ConfigMap', {name: 'hostport-ledger-30560'});
	await clock.advance(holdMs - 1000);
	t.is(mark(), 'quarantine');
	await clock.advance(3000);
	t.is(mark(), undefined);
});

test('no page is opened while the index is marked', async t => {
	const {clock, cluster, quarantine, objects, index, configMap} = await withIndexOf(500, [30_500, 31_000]);
	cluster.put('ConfigMap', marked(31_000, 500));
	const pageMark = () => configMap('hostport-ledger-31000')?.metadata.annotations?.['hostport.io/mark'];
	quarantine.pages.watch((await objects.readPage(31_000, 500, never))!);
	await clock.advance(2 * holdMs);
	t.is(pageMark(), 'quarantine');
	await objects.openIndex(index, never);
	await clock.advance(2000);
	t.is(pageMark(), undefined);
});

test('the hold time of an index begins anew when a page of another block size has come meanwhile', async t => {
	const {clock, cluster, quarantine, index, mark} = await withIndexOf(500, [30_500]);
	quarantine.index.watch(index);
	await clock.advance(1);
	cluster.put('ConfigMap', open(30_560, 16));
	await clock.advance(holdMs + 5000);
	cluster.remove('ConfigMap', {name: 'hostport-ledger-30560'});
	await clock.advance(holdMs - 1000);
	t.is(mark(), 'quarantine');
	await clock.advance(3000);
	t.is(mark(), undefined);
});

for (const ports of [undefined, '31000-31249', '31000-31499']) {
	test(`who has read a page with the ports ${ports} as one of 500 can not open it under an index of 250`, async t => {
		const ledger = await startLedger({});
		ledger.cluster.put('ConfigMap', pageWith(31_000, ports, 'quarantine'));
		const page = await ledger.objects.readPage(31_000, 500, never);
		ledger.quarantine.index.watch(await beginIndex(ledger, 250));
		await ledger.clock.advance(holdMs + 2000);
		t.is(markOf(ledger, 'hostport-ledger'), undefined);
		t.deepEqual(await ledger.quarantine.pages.open([page!], never), []);
	});
}

test('an index that gets its first block size again is opened all the same', async t => {
	const {clock, cluster, quarantine, objects, index, mark} = await withIndexOf(500, [30_500]);
	for (const first of [30_560, 30_576]) {
		cluster.put('ConfigMap', open(first, 16));
	}

	quarantine.index.watch(index);
	await clock.advance(1);
	t.is((await objects.readIndex(never))?.blockSize, 16);
	for (const first of [30_560, 30_576]) {
		cluster.remove('ConfigMap', {name: `hostport-ledger-${first}`});
	}

	await clock.advance(2 * holdMs + 5000);
	t.is((await objects.readIndex(never))?.blockSize, 500);
	t.is(mark(), undefined);
});

test('a page is opened also if the index was one of another block size for a while', async t => {
	const ledger = await startLedger({'30500.tcp': entryWith()});
	const {clock, cluster, quarantine, objects} = ledger;
	cluster.put('ConfigMap', marked(31_000, 500));
	const watch = async () => quarantine.pages.watch((await objects.readPage(31_000, 500, never))!);
	await watch();
	await beginIndex(ledger, 250);
	await clock.advance(holdMs + 5000);
	await objects.openIndex(await beginIndex(ledger, 500, [30_500, 31_000]), never);
	await watch();
	await clock.advance(holdMs + 2000);
	t.is(markOf(ledger, 'hostport-ledger-31000'), undefined);
});

test('a page that somebody marks by hand is opened again, each time', async t => {
	const ledger = await startLedger({'30500.tcp': entryWith()});
	for (let times = 0; times < 2; times++) {
		ledger.cluster.patch('ConfigMap', {name: 'hostport-ledger-30500'}, {metadata: {annotations: {'hostport.io/mark': 'quarantine'}}});
		await ledger.pages.readAll(never);
		await ledger.clock.advance(holdMs - 1000);
		t.is(markOf(ledger, 'hostport-ledger-30500'), 'quarantine');
		await ledger.clock.advance(5000);
		t.is(markOf(ledger, 'hostport-ledger-30500'), undefined);
	}
});

test('a page counts by its name, for its label may be gone', async t => {
	const {clock, cluster, quarantine, objects, index} = await withIndexOf(250);
	cluster.patch('ConfigMap', {name: 'hostport-ledger-30500'}, {metadata: {labels: {'hostport.io/ledger': null}}});
	quarantine.index.watch(index);
	await clock.advance(1);
	t.like(await objects.readIndex(never), {blockSize: 500, pages: [30_500]});
});

test('a page of ports that there are not makes no index', async t => {
	const {cluster, objects} = await startLedger({});
	cluster.put('ConfigMap', open(99_500, 500));
	cluster.put('ConfigMap', pageWith(0, '0-99999'));
	cluster.remove('ConfigMap', {name: 'hostport-ledger'});
	await objects.createIndex(500, never);
	t.like(await objects.readIndex(never), {blockSize: 500, pages: []});
});
