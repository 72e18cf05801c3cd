import test from 'ava';
import {ApiError} from '../../src/errors.ts';
import type {HostPortUse} from '../../src/ports/host-port-use.ts';
import {indexData} from '../../src/ports/ledger-index.ts';
import {ledgerMetadata} from '../../src/ports/ledger-metadata.ts';
import {storedPod} from '../helpers/cluster-in-memory.ts';
import {demandFor, entryWith, pageObject} from '../helpers/ledger-builders.ts';
import {never} from '../helpers/no-ops.ts';
import {holdMs, startLedger} from '../helpers/start-ledger.ts';

const service = (name: string, nodePort: number) => ({metadata: {namespace: 'shop', name}, spec: {ports: [{name: 'http', port: 80, nodePort}]}});

test('a page gets the ports of Pods and Services that it owns, and keeps what it has', async t => {
	const {cluster, ledgerApi, quarantine} = await startLedger({'30558.tcp': entryWith({claim: 'kept'})});
	cluster.putAll('Pod', [ storedPod('server-1', 30_559), storedPod('proxy', 30_560, {managed: false}), storedPod('elsewhere', 31_000)]);
	cluster.putAll('Service', [service('web', 30_561), service('other', 32_000)]);
	const page = await ledgerApi.readPage(30_500, never);
	const [lifted] = await quarantine.liftPages([page!], never);
	t.deepEqual([...lifted!.entries].map(([key, {pod, state}]) => [key, pod, state]), [
		['30558.tcp', 'game/other', 'bound'],
		['30561.tcp', 'Service shop/web', 'foreign'],
		['30560.tcp', 'game/proxy', 'foreign'],
		['30559.tcp', 'game/server-1', 'bound'],
	]);
});

test('an entry of a copy that names another Pod than the one that lives is corrected, so that its successor does not take the port over', async t => {
	const reserved = entryWith({pod: 'game/server- (ReplicaSet server)', state: 'pending', claim: 'c'});
	const {cluster, clock, ledger, ledgerApi, quarantine, reservations} = await startLedger({'30558.tcp': entryWith({pod: 'game/db-0', claim: 'old'}), '30559.tcp': reserved});
	cluster.putAll('Pod', [storedPod('server-x', 30_558), storedPod('server-y', 30_559)]);
	const [lifted] = await quarantine.liftPages([(await ledgerApi.readPage(30_500, never))!], never);
	t.is(lifted?.entries.get('30558.tcp')?.pod, 'game/server-x');
	t.deepEqual(lifted?.entries.get('30559.tcp'), reserved, 'The Pod has no final name in its entry, so nobody takes the port over.');
	await ledger.readPage(30_500, never);
	t.deepEqual(await clock.until(reservations.reserve(demandFor(['grpc'], {pod: 'game/db-0', hasFixedName: true}), never)), [30_560]);
});

test('of several users of a port, the page gets the managed Pod', async t => {
	const {cluster, ledgerApi, quarantine} = await startLedger({'30500.tcp': entryWith()});
	const ports: ReadonlyArray<HostPortUse['port']> = [30_558, 30_559];
	cluster.putAll('Service', ports.map(port => service(`web-${port}`, port)));
	// The API server lists Pods in the order of their names: the managed Pod comes before a foreign one, and after one.
	cluster.putAll('Pod', [storedPod('b', 30_558), storedPod('c-proxy', 30_558, {managed: false}), storedPod('a-proxy', 30_559, {managed: false}), storedPod('b-2', 30_559)]);
	const [lifted] = await quarantine.liftPages([(await ledgerApi.readPage(30_500, never))!], never);
	t.deepEqual(ports.map(port => lifted?.entries.get(`${port}.tcp`)?.pod), ['game/b', 'game/b-2']);
});

for (const list of ['pods', 'services']) {
	test(`a page stays in quarantine while ${list} can't be listed`, async t => {
		const {ledgerApi, quarantine, api} = await startLedger({'30500.tcp': entryWith()});
		const page = await ledgerApi.readPage(30_500, never);
		api.before = request => {
			if (request === `GET ${list}`) {
				throw new Error('no answer');
			}
		};

		await t.throwsAsync(quarantine.liftPages([page!], never), {message: 'no answer'});
		t.is(api.count('PATCH hostport-ledger-30500'), 0);
	});
}

test('a page that was changed after it was read stays in quarantine', async t => {
	const {ledgerApi, quarantine, write} = await startLedger({'30500.tcp': entryWith()});
	const page = await ledgerApi.readPage(30_500, never);
	write('30501.tcp', entryWith());
	t.deepEqual(await quarantine.liftPages([page!], never), []);
});

const markOf = ({configMap}: Awaited<ReturnType<typeof startLedger>>, name: string) => configMap(name)?.metadata.annotations?.['hostport.io/mark'];

/** A ledger with a page that gives ports, and an index that was deleted and created again in quarantine. */
const withIndexInQuarantine = async (pageStarts: readonly number[]) => {
	const parts = await startLedger({'30500.tcp': entryWith()});
	parts.cluster.remove('ConfigMap', {name: 'hostport-ledger'});
	parts.cluster.put('ConfigMap', {metadata: {name: 'hostport-ledger', ...ledgerMetadata('index', '')}, data: indexData(pageStarts)});
	return {...parts, index: (await parts.ledgerApi.readIndex(never))!, mark: (name = 'hostport-ledger') => markOf(parts, name)};
};

const pageInQuarantine = (first: number) => pageObject({first, annotations: {'hostport.io/mark': 'quarantine'}});

test('the quarantine of an index ends after the hold time', async t => {
	const {clock, quarantine, index, mark} = await withIndexInQuarantine([30_500]);
	quarantine.liftIndexAfterHold(index);
	await clock.advance(holdMs - 1);
	t.is(mark(), 'quarantine');
	await clock.advance(1);
	t.is(mark(), undefined);
});

test('the hold time of an index that is created again starts again', async t => {
	const {clock, cluster, ledgerApi, quarantine, index, mark} = await withIndexInQuarantine([30_500]);
	quarantine.liftIndexAfterHold(index);
	await clock.advance(holdMs / 2);
	cluster.remove('ConfigMap', {name: 'hostport-ledger'});
	cluster.put('ConfigMap', {metadata: {name: 'hostport-ledger', ...ledgerMetadata('index', '')}, data: indexData([30_500])});
	quarantine.liftIndexAfterHold((await ledgerApi.readIndex(never))!);
	await clock.advance(holdMs - 1);
	t.is(mark(), 'quarantine');
	await clock.advance(1);
	t.is(mark(), undefined);
});

test('a new index lists the pages that exist, by their names', async t => {
	const {cluster, ledgerApi} = await startLedger({'30500.tcp': entryWith()});
	cluster.put('ConfigMap', pageInQuarantine(31_000));
	cluster.patch('ConfigMap', {name: 'hostport-ledger-30500'}, {metadata: {labels: {'hostport.io/ledger': null}}});
	cluster.put('ConfigMap', {metadata: {name: 'hostport-ledger-99500'}});
	cluster.remove('ConfigMap', {name: 'hostport-ledger'});
	await ledgerApi.createIndex(never);
	t.like(await ledgerApi.readIndex(never), {pageStarts: [30_500, 31_000], quarantined: true});
});

test('a page stays in quarantine while its index does', async t => {
	const {clock, cluster, quarantine, ledgerApi, index, mark} = await withIndexInQuarantine([30_500, 31_000]);
	cluster.put('ConfigMap', pageInQuarantine(31_000));
	quarantine.liftPageAfterHold((await ledgerApi.readPage(31_000, never))!);
	await clock.advance(2 * holdMs);
	t.is(mark('hostport-ledger-31000'), 'quarantine');
	await ledgerApi.liftIndexQuarantine(index, never);
	await clock.advance(2000);
	t.is(mark('hostport-ledger-31000'), undefined);
});

test('a page is listed in the index before its quarantine ends', async t => {
	const parts = await startLedger({'30500.tcp': entryWith()});
	const {clock, cluster, quarantine, ledgerApi} = parts;
	cluster.put('ConfigMap', pageInQuarantine(31_000));
	quarantine.liftPageAfterHold((await ledgerApi.readPage(31_000, never))!);
	await clock.advance(holdMs + 2000);
	t.deepEqual((await ledgerApi.readIndex(never))?.pageStarts, [30_500, 31_000]);
	t.is(markOf(parts, 'hostport-ledger-31000'), undefined);
});

test('the end of a quarantine gives a page back the annotation of its block', async t => {
	const {cluster, ledgerApi, quarantine} = await startLedger({'30500.tcp': entryWith()});
	cluster.put('ConfigMap', pageObject({first: 31_000, annotations: {'hostport.io/mark': 'quarantine', 'hostport.io/ports': '31000-31249'}}));
	const [lifted] = await quarantine.liftPages([(await ledgerApi.readPage(31_000, never))!], never);
	t.is(lifted?.unusable, undefined);
});

test('a page that a person marks by hand gives ports again after the hold time, each time', async t => {
	const parts = await startLedger({'30500.tcp': entryWith()});
	for (let times = 0; times < 2; times++) {
		parts.cluster.patch('ConfigMap', {name: 'hostport-ledger-30500'}, {metadata: {annotations: {'hostport.io/mark': 'quarantine'}}});
		await parts.newPages.readAll(never);
		await parts.clock.advance(holdMs - 1000);
		t.is(markOf(parts, 'hostport-ledger-30500'), 'quarantine');
		await parts.clock.advance(5000);
		t.is(markOf(parts, 'hostport-ledger-30500'), undefined);
	}
});

test('an index without proof, as an earlier release has opened it, is opened at once and lists all pages', async t => {
	const {clock, cluster, quarantine, api} = await startLedger({'30500.tcp': entryWith(), '31000.tcp': entryWith()});
	cluster.patch('ConfigMap', {name: 'hostport-ledger'}, {metadata: {annotations: {'hostport.io/opened-as': null}}, data: {pages: '30500'}});
	const startedAt = clock.now();
	t.like(await clock.until(quarantine.untilIndexIsLifted(never)), {quarantined: false, isUnproven: false, pageStarts: [30_500, 31_000]});
	t.is(clock.now(), startedAt);
	t.is(api.count('PATCH hostport-ledger'), 1);
});

test('an index that was put back from a copy waits for the hold time where there is a managed Pod', async t => {
	const {clock, cluster, quarantine} = await startLedger({'30500.tcp': entryWith()});
	cluster.patch('ConfigMap', {name: 'hostport-ledger'}, {metadata: {annotations: {'hostport.io/opened-as': 'another'}}});
	cluster.put('Pod', storedPod('server-0', 30_558));
	const startedAt = clock.now();
	t.false((await clock.until(quarantine.untilIndexIsLifted(never), 2 * holdMs)).quarantined);
	t.true(clock.now() - startedAt >= holdMs);
});

for (const [status, isStarted] of [[422, true], [503, false]] as const) {
	test(`an index that lacks a page and can't be written, with status ${status}, ${isStarted ? 'is used as it is' : 'is read again later'}`, async t => {
		const {clock, cluster, quarantine, api} = await startLedger({'30500.tcp': entryWith(), '31000.tcp': entryWith()});
		cluster.patch('ConfigMap', {name: 'hostport-ledger'}, {data: {pages: '30500'}});
		api.before = request => {
			if (request === 'PATCH hostport-ledger') {
				throw new ApiError('PATCH', '/index', status, 'no');
			}
		};
		const loaded = clock.until(quarantine.untilIndexIsLifted(never));
		await (isStarted ? t.notThrowsAsync(loaded) : t.throwsAsync(loaded, {message: /503/}));
	});
}
