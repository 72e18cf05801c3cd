/** The queue in front of a ledger in memory: what others write meanwhile, and repairs among admissions. */
import test from 'ava';
import {ApiError} from '../../src/errors.ts';
import type {LedgerEntry} from '../../src/ports/ledger-entry.ts';
import type {Repair} from '../../src/ports/repair.ts';
import {gate} from '../helpers/api-in-memory.ts';
import {demandFor, entryWith} from '../helpers/ledger-builders.ts';
import {never} from '../helpers/no-ops.ts';
import {startLedger} from '../helpers/start-ledger.ts';

const bound = entryWith({pod: 'game/server-0'});
const release = (key: string, expected: LedgerEntry): Repair => ({reason: 'release', key, expected, next: {...expected, state: 'released'}});
const expire = (key: string, expected: LedgerEntry): Repair => ({reason: 'expire', key, expected, next: undefined});

const fails = (status: number) => new ApiError('PATCH', '/api/v1/namespaces/operators/configmaps/page', status, 'no');

test('a page is written in the version that was planned with, whatever is read in between', async t => {
	const {clock, store, api, entries, write} = await startLedger({'30998.tcp': bound, '31001.tcp': bound});
	const {opened, open} = gate();
	api.before = async request => request === 'PATCH hostport-ledger-30500' ? opened : undefined;
	const reserved = store.reserve(demandFor(['grpc', 'health'], {basePort: 30_999, maxPort: 31_002}), never);
	await clock.advance(1);
	// Another replica is faster on the second page, and somebody here reads that.
	write('31000.tcp', entryWith({pod: 'game/faster', claim: 'faster'}));
	t.deepEqual(await store.preview(demandFor(['grpc'], {basePort: 31_000, maxPort: 31_002, hasFixedName: true, pod: 'game/curious'}), never), [31_002]);
	open();
	t.deepEqual(await clock.until(reserved), [30_999, 31_002]);
	t.is(entries()['31000.tcp']?.claim, 'faster');
});

test('a page that is deleted in the middle of a commit costs nobody else his ports', async t => {
	const {clock, cluster, store, pages, api} = await startLedger({'30998.tcp': bound, '31400.tcp': bound});
	const {opened, open} = gate();
	api.before = async request => request === 'PATCH hostport-ledger-30500' ? opened : undefined;
	const straddling = store.reserve(demandFor(['grpc', 'health'], {basePort: 30_999, maxPort: 31_000}), never);
	const other = store.reserve(demandFor(['grpc'], {basePort: 31_100}), never);
	await clock.advance(1);
	cluster.remove('ConfigMap', {name: 'hostport-ledger-31000'});
	await pages.readAll(never);
	open();
	await t.throwsAsync(clock.until(straddling), {message: /hostport-ledger-31000 gives none: it is in quarantine/});
	t.deepEqual(await clock.until(other), [31_500]);
});

test('repairs are made and told', async t => {
	const {store, entries} = await startLedger({'30558.tcp': bound, '31000.tcp': bound});
	const repairs = [release('30558.tcp', bound), expire('31000.tcp', bound)];
	t.deepEqual(await store.repair(repairs, never), repairs);
	t.deepEqual(entries(), {'30558.tcp': {...bound, state: 'released'}});
});

test('a repair is dropped when another replica has changed the entry since', async t => {
	const {store, entries, write} = await startLedger({'30558.tcp': bound, '30559.tcp': bound});
	const taken = {...bound, state: 'pending', claim: 'successor'} as const;
	write('30558.tcp', taken);
	t.deepEqual(await store.repair([expire('30558.tcp', bound), expire('30559.tcp', bound)], never), [expire('30559.tcp', bound)]);
	t.deepEqual(entries(), {'30558.tcp': taken});
});

test('a repair is dropped when an admission of the same batch takes the port over', async t => {
	const {clock, store, entries} = await startLedger({'30558.tcp': bound});
	const repaired = store.repair([expire('30558.tcp', bound)], never);
	const reserved = store.reserve(demandFor(['grpc'], {pod: 'game/server-0', hasFixedName: true}), never);
	t.deepEqual(await clock.until(reserved), [30_558]);
	t.deepEqual(await clock.until(repaired), []);
	t.like(entries()['30558.tcp'], {state: 'pending', pod: 'game/server-0'});
});

test('a conflict on one page leaves the repairs of the others made, and all of them told', async t => {
	const {clock, store, api, entries, write} = await startLedger({'30558.tcp': bound, '31000.tcp': bound});
	api.before = request => {
		if (request === 'PATCH hostport-ledger-31000' && api.count(request) === 1) {
			write('31001.tcp', bound);
		}
	};

	const repairs = [expire('30558.tcp', bound), expire('31000.tcp', bound)];
	t.deepEqual(await clock.until(store.repair(repairs, never)), repairs);
	t.deepEqual(entries(), {'31001.tcp': bound});
});

test('a repair is dropped when its page is gone', async t => {
	const {clock, cluster, store} = await startLedger({'30558.tcp': bound, '31000.tcp': bound});
	cluster.remove('ConfigMap', {name: 'hostport-ledger-30500'});
	t.deepEqual(await clock.until(store.repair([expire('30558.tcp', bound), expire('31000.tcp', bound)], never)), [expire('31000.tcp', bound)]);
});

test('repairs that fail keep no admission waiting', async t => {
	const {clock, store, api} = await startLedger({'30558.tcp': bound, '31000.tcp': bound});
	api.before = request => {
		if (request === 'PATCH hostport-ledger-31000') {
			throw fails(500);
		}
	};

	const repaired = t.throwsAsync(store.repair([expire('31000.tcp', bound)], never), {message: /500/});
	const reserved = store.reserve(demandFor(['grpc']), never);
	t.deepEqual(await clock.until(reserved), [30_559]);
	await clock.until(repaired);
	t.deepEqual(await clock.until(store.reserve(demandFor(['grpc']), never)), [30_560]);
	t.is(api.count('PATCH hostport-ledger-31000'), 1);
});

test('a repair whose answer is lost is found made by the next pass, and not made twice', async t => {
	const {clock, store, api, entries} = await startLedger({'30558.tcp': bound, '30559.tcp': bound});
	api.after = request => {
		if (request.startsWith('PATCH')) {
			throw new Error('read ECONNRESET');
		}
	};

	await clock.until(t.throwsAsync(store.repair([expire('30558.tcp', bound)], never), {message: /ECONNRESET/}));
	t.deepEqual(Object.keys(entries()), ['30559.tcp']);
	api.after = () => {};
	t.deepEqual(await clock.until(store.repair([expire('30558.tcp', bound)], never)), []);
});

test('repairs whose time is up are not made later', async t => {
	const {clock, store, api, entries} = await startLedger({'30558.tcp': bound});
	const {opened, open} = gate();
	api.before = async () => opened;
	const told = new AbortController();
	const repaired = t.throwsAsync(store.repair([expire('30558.tcp', bound)], told.signal), {message: 'the Lease was lost'});
	await clock.settle();
	told.abort(new Error('the Lease was lost'));
	await repaired;
	open();
	await store.idle();
	t.deepEqual(entries(), {'30558.tcp': bound});
});

test('nobody is refused for what was read before he came', async t => {
	const {clock, store, api, write} = await startLedger({'30558.tcp': bound});
	const onlyOne = {basePort: 30_558, maxPort: 30_558};
	const {opened, open} = gate();
	api.after = async request => request === 'GET hostport-ledger-30500' && api.count(request) === 2 ? opened : undefined;
	await store.preview(demandFor(['grpc']), never);
	await clock.advance(1);
	const first = t.throwsAsync(store.reserve(demandFor(['grpc'], {...onlyOne, pod: 'game/first'}), never), {message: /^1 host port is needed and 0 of/});
	await clock.settle();
	await clock.advance(5000);
	write('30558.tcp', undefined);
	const second = store.reserve(demandFor(['grpc'], {...onlyOne, pod: 'game/second'}), never);
	open();
	await clock.until(first);
	t.deepEqual(await clock.until(second), [30_558]);
});

test('a Pod with a fixed name is served however slowly the API server answers', async t => {
	const {clock, store, api} = await startLedger({'30600.tcp': bound});
	await clock.advance(5000);
	api.before = async () => clock.sleep(1500, never);
	t.deepEqual(await clock.until(store.reserve(demandFor(['grpc'], {hasFixedName: true, pod: 'game/slow'}), clock.deadline(9500))), [30_558]);
});

test('a dry run that can\'t read the ledger is tried again, and refused when its time is up', async t => {
	const {clock, store, api} = await startLedger({'30558.tcp': bound});
	api.before = request => {
		if (request === 'GET hostport-ledger-30500' && api.count(request) < 3) {
			throw new Error('read ECONNRESET');
		}
	};
	t.deepEqual(await clock.until(store.preview(demandFor(['grpc']), never)), [30_559]);
	api.before = () => {
		throw new Error('read ECONNRESET');
	};
	await clock.advance(1);
	const late = t.throwsAsync(store.preview(demandFor(['grpc'], {hasFixedName: true}), clock.deadline(5000)), {name: 'DenialError', message: 'no host ports could be found in time (read ECONNRESET): try again'});
	await clock.advance(6000);
	await late;
});
