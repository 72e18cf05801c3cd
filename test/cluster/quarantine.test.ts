/** What a page is opened with. */
import test from 'ava';
import type {HostPortUse} from '../../src/ports/host-port-use.ts';
import {ledgerMetadata} from '../../src/ports/config-map.ts';
import {indexData} from '../../src/ports/ledger-index.ts';
import {storedPod} from '../helpers/cluster-in-memory.ts';
import {entryWith} from '../helpers/ledger.ts';
import {holdMs, never, openLedger} from '../helpers/opened-ledger.ts';

const service = (name: string, nodePort: number) => ({metadata: {namespace: 'shop', name}, spec: {ports: [{name: 'http', port: 80, nodePort}]}});

test('a page is opened with the ports of Pods and Services that it owns, and keeps what it has', async t => {
	const {cluster, objects, quarantine} = await openLedger({'30558.tcp': entryWith({claim: 'kept'})});
	cluster.putAll('Pod', [storedPod('server-0', 30_558), storedPod('server-1', 30_559), storedPod('proxy', 30_560, {managed: false}), storedPod('elsewhere', 31_000)]);
	cluster.putAll('Service', [service('web', 30_561), service('other', 32_000)]);
	const page = await objects.readPage(30_500, 500, never);
	const [opened] = await quarantine.openPages([page!], never);
	t.deepEqual([...opened!.entries].map(([key, {pod, state}]) => [key, pod, state]), [
		['30558.tcp', 'game/other', 'bound'],
		['30561.tcp', 'Service shop/web', 'foreign'],
		['30560.tcp', 'game/proxy', 'foreign'],
		['30559.tcp', 'game/server-1', 'bound'],
	]);
});

test('of a port that several have, the page is opened with the one that we have given', async t => {
	const {cluster, objects, quarantine} = await openLedger({'30500.tcp': entryWith()});
	const ports: ReadonlyArray<HostPortUse['port']> = [30_558, 30_559];
	cluster.putAll('Service', ports.map(port => service(`web-${port}`, port)));
	// The API server lists them in the order of their names: ours come before one of the others and after the other.
	cluster.putAll('Pod', [storedPod('b', 30_558), storedPod('c-proxy', 30_558, {managed: false}), storedPod('a-proxy', 30_559, {managed: false}), storedPod('b-2', 30_559)]);
	const [opened] = await quarantine.openPages([(await objects.readPage(30_500, 500, never))!], never);
	t.deepEqual(ports.map(port => opened?.entries.get(`${port}.tcp`)?.pod), ['game/b', 'game/b-2']);
});

for (const list of ['pods', 'services']) {
	test(`a page stays closed while ${list} can't be listed`, async t => {
		const {objects, quarantine, api} = await openLedger({'30500.tcp': entryWith()});
		const page = await objects.readPage(30_500, 500, never);
		api.before = request => {
			if (request === `GET ${list}`) {
				throw new Error('no answer');
			}
		};

		await t.throwsAsync(quarantine.openPages([page!], never), {message: 'no answer'});
		t.is(api.count('PATCH hostport-ledger-30500'), 0);
	});
}

test('a page that has changed since it was read is not opened', async t => {
	const {objects, quarantine, write} = await openLedger({'30500.tcp': entryWith()});
	const page = await objects.readPage(30_500, 500, never);
	write('30501.tcp', entryWith());
	t.deepEqual(await quarantine.openPages([page!], never), []);
});

/** A ledger with an open page, whose index was deleted and begun again, for other blocks. */
const withIndexOf = async (size: number, firsts: readonly number[] = []) => {
	const ledger = await openLedger({'30500.tcp': entryWith()});
	ledger.cluster.remove('ConfigMap', {name: 'hostport-ledger'});
	ledger.cluster.put('ConfigMap', {metadata: {name: 'hostport-ledger', ...ledgerMetadata('index', '')}, data: indexData(size, firsts)});
	return {...ledger, index: (await ledger.objects.readIndex(never))!, mark: () => ledger.configMap('hostport-ledger')?.metadata.annotations?.['hostport.io/mark']};
};

const marked = (first: number, size: number) => ({metadata: {name: `hostport-ledger-${first}`, ...ledgerMetadata('page', '', `${first}-${first + size - 1}`)}});

test('an index gets the blocks of the pages that are open, before its hold time begins', async t => {
	const {clock, quarantine, index, configMap, mark} = await withIndexOf(1000);
	quarantine.watchIndex(index);
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
	quarantine.watchIndex(index);
	await clock.advance(1);
	t.deepEqual(await quarantine.openPages([page!], never), []);
	await clock.advance(holdMs + 2000);
	t.is(mark(), undefined);
});

test('an index stays closed until its hold time after the last page of another block size is gone', async t => {
	const {clock, cluster, quarantine, index, mark} = await withIndexOf(500, [30_500]);
	const stray = marked(30_560, 16);
	cluster.put('ConfigMap', {metadata: {...stray.metadata, annotations: {...stray.metadata.annotations, 'hostport.io/mark': undefined}}});
	quarantine.watchIndex(index);
	await clock.advance(2 * holdMs);
	t.is(mark(), 'quarantine');
	cluster.remove('ConfigMap', stray.metadata);
	await clock.advance(holdMs - 1000);
	t.is(mark(), 'quarantine');
	await clock.advance(3000);
	t.is(mark(), undefined);
});

test('no page is opened while the index is marked', async t => {
	const {clock, cluster, quarantine, objects, index, configMap} = await withIndexOf(500, [30_500, 31_000]);
	cluster.put('ConfigMap', marked(31_000, 500));
	const pageMark = () => configMap('hostport-ledger-31000')?.metadata.annotations?.['hostport.io/mark'];
	quarantine.watchPage((await objects.readPage(31_000, 500, never))!);
	await clock.advance(2 * holdMs);
	t.is(pageMark(), 'quarantine');
	await objects.openIndex(index, never);
	await clock.advance(2000);
	t.is(pageMark(), undefined);
});
