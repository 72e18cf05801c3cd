/** Reservations and repairs in a ledger in memory, while other replicas write. */
import test from 'ava';
import {ApiError} from '../../src/errors.ts';
import type {LedgerEntry} from '../../src/ports/ledger-entry.ts';
import type {Repair} from '../../src/ports/repair.ts';
import {gate} from '../helpers/api-in-memory.ts';
import {demandFor, entryWith} from '../helpers/ledger-builders.ts';
import {never} from '../helpers/no-ops.ts';
import {startLedger} from '../helpers/start-ledger.ts';

const bound = entryWith({pod: 'game/server-0'});
const release = (key: string, judged: LedgerEntry): Repair => ({reason: 'release', key, judged, next: {...judged, state: 'released'}});
const expire = (key: string, judged: LedgerEntry): Repair => ({reason: 'expire', key, judged, next: undefined});

const fails = (status: number) => new ApiError('PATCH', '/api/v1/namespaces/operators/configmaps/page', status, 'no');

test('a commit names the version that was planned with, also after a newer read', async t => {
	const {clock, reservations, dryRun, api, entries, write} = await startLedger({'30998.tcp': bound, '31001.tcp': bound});
	const {opened, open} = gate();
	api.before = async request => request === 'PATCH hostport-ledger-30500' ? opened : undefined;
	const reserved = reservations.reserve(demandFor(['grpc', 'health'], {basePort: 30_999, maxPort: 31_002}), never);
	await clock.advance(1);
	// Another replica is faster on the second page, and a dry run reads that.
	write('31000.tcp', entryWith({pod: 'game/faster', claim: 'faster'}));
	t.deepEqual(await dryRun(demandFor(['grpc'], {basePort: 31_000, maxPort: 31_002, hasFixedName: true, pod: 'game/curious'}), never), [31_002]);
	open();
	t.deepEqual(await clock.until(reserved), [30_999, 31_002]);
	t.is(entries()['31000.tcp']?.claim, 'faster');
});

test('a page that is deleted during a commit harms no other request', async t => {
	const {clock, cluster, reservations, newPages, api} = await startLedger({'30998.tcp': bound, '31400.tcp': bound});
	const {opened, open} = gate();
	api.before = async request => request === 'PATCH hostport-ledger-30500' ? opened : undefined;
	const straddling = reservations.reserve(demandFor(['grpc', 'health'], {basePort: 30_999, maxPort: 31_000}), never);
	const other = reservations.reserve(demandFor(['grpc'], {basePort: 31_100}), never);
	await clock.advance(1);
	cluster.remove('ConfigMap', {name: 'hostport-ledger-31000'});
	await newPages.readAll(never);
	open();
	await t.throwsAsync(clock.until(straddling), {message: /hostport-ledger-31000 gives none: it is in quarantine/});
	t.deepEqual(await clock.until(other), [31_500]);
});

test('a denial is short, however long the API server\'s message', async t => {
	const {clock, reservations, api} = await startLedger({'30558.tcp': bound});
	api.before = request => {
		if (request === 'PATCH hostport-ledger-30500') {
			throw new ApiError('PATCH', '/api/v1/namespaces/operators/configmaps/page', 403, 'm'.repeat(1_000_000));
		}
	};
	const {message} = await t.throwsAsync(clock.until(reservations.reserve(demandFor(['grpc'], {maxPort: 30_999}), never)));
	t.true(message.length < 1400, `${message.length} characters`);
});

test('repairs are committed and returned', async t => {
	const {reservations, entries} = await startLedger({'30558.tcp': bound, '31000.tcp': bound});
	const repairs = [release('30558.tcp', bound), expire('31000.tcp', bound)];
	t.deepEqual(await reservations.repair(repairs, never), repairs);
	t.deepEqual(entries(), {'30558.tcp': {...bound, state: 'released'}});
});

test('a repair is dropped when another replica has changed the entry since', async t => {
	const {reservations, entries, write} = await startLedger({'30558.tcp': bound, '30559.tcp': bound});
	const taken = {...bound, state: 'pending', claim: 'successor'} as const;
	write('30558.tcp', taken);
	t.deepEqual(await reservations.repair([expire('30558.tcp', bound), expire('30559.tcp', bound)], never), [expire('30559.tcp', bound)]);
	t.deepEqual(entries(), {'30558.tcp': taken});
});

test('a repair is dropped when an admission of the same batch takes the port over', async t => {
	const {clock, reservations, entries} = await startLedger({'30558.tcp': bound});
	const repaired = reservations.repair([expire('30558.tcp', bound)], never);
	const reserved = reservations.reserve(demandFor(['grpc'], {pod: 'game/server-0', hasFixedName: true}), never);
	t.deepEqual(await clock.until(reserved), [30_558]);
	t.deepEqual(await clock.until(repaired), []);
	t.like(entries()['30558.tcp'], {state: 'pending', pod: 'game/server-0'});
});

test('a conflict on one page repeats the repairs of that page alone', async t => {
	const {clock, reservations, api, entries, write} = await startLedger({'30558.tcp': bound, '31000.tcp': bound});
	api.before = request => {
		if (request === 'PATCH hostport-ledger-31000' && api.count(request) === 1) {
			write('31001.tcp', bound);
		}
	};

	const repairs = [expire('30558.tcp', bound), expire('31000.tcp', bound)];
	t.deepEqual(await clock.until(reservations.repair(repairs, never)), repairs);
	t.deepEqual(entries(), {'31001.tcp': bound});
});

test('a repair is dropped when its page is gone', async t => {
	const {clock, cluster, reservations} = await startLedger({'30558.tcp': bound, '31000.tcp': bound});
	cluster.remove('ConfigMap', {name: 'hostport-ledger-30500'});
	t.deepEqual(await clock.until(reservations.repair([expire('30558.tcp', bound), expire('31000.tcp', bound)], never)), [expire('31000.tcp', bound)]);
});

test('repairs that fail do not delay admissions', async t => {
	const {clock, reservations, api} = await startLedger({'30558.tcp': bound, '31000.tcp': bound});
	api.before = request => {
		if (request === 'PATCH hostport-ledger-31000') {
			throw fails(500);
		}
	};

	const repaired = t.throwsAsync(reservations.repair([expire('31000.tcp', bound)], never), {message: /500/});
	const reserved = reservations.reserve(demandFor(['grpc']), never);
	t.deepEqual(await clock.until(reserved), [30_559]);
	await clock.until(repaired);
	t.deepEqual(await clock.until(reservations.reserve(demandFor(['grpc']), never)), [30_560]);
	t.is(api.count('PATCH hostport-ledger-31000'), 1);
});

test('a commit is not repeated before the API server asks for, and a deadline ends the wait', async t => {
	const {clock, reservations, api} = await startLedger({'30558.tcp': bound});
	let refusals = 2;
	api.before = request => {
		if (request === 'PATCH hostport-ledger-30500' && refusals-- > 0) {
			throw new ApiError('PATCH', '/page', 429, 'too many requests', 5000);
		}
	};

	const startedAt = clock.now();
	const reserved = reservations.reserve(demandFor(['grpc']), never);
	await t.throwsAsync(clock.until(reservations.reserve(demandFor(['grpc']), clock.deadline(2000))), {message: /in time \(PATCH .page: 429 too many requests\): try again/});
	t.is(clock.now() - startedAt, 2000);
	t.deepEqual(await clock.until(reserved), [30_559]);
	t.true(clock.now() - startedAt >= 10_000);
	t.is(api.count('PATCH hostport-ledger-30500'), 3);
});

test('a repair whose answer is lost is not committed twice', async t => {
	const {clock, reservations, api, entries} = await startLedger({'30558.tcp': bound, '30559.tcp': bound});
	api.after = request => {
		if (request.startsWith('PATCH')) {
			throw new Error('read ECONNRESET');
		}
	};

	await clock.until(t.throwsAsync(reservations.repair([expire('30558.tcp', bound)], never), {message: /ECONNRESET/}));
	t.deepEqual(Object.keys(entries()), ['30559.tcp']);
	api.after = () => {};
	t.deepEqual(await clock.until(reservations.repair([expire('30558.tcp', bound)], never)), []);
});

test('a repair is not committed after its deadline', async t => {
	const {clock, reservations, api, entries} = await startLedger({'30558.tcp': bound});
	const {opened, open} = gate();
	api.before = async () => opened;
	const lead = new AbortController();
	const repaired = t.throwsAsync(reservations.repair([expire('30558.tcp', bound)], lead.signal), {message: 'the Lease was lost'});
	await clock.settle();
	lead.abort(new Error('the Lease was lost'));
	await repaired;
	open();
	await reservations.idle();
	t.deepEqual(entries(), {'30558.tcp': bound});
});

test('a denial never rests on a read from before the request arrived', async t => {
	const {clock, reservations, dryRun, api, write} = await startLedger({'30558.tcp': bound});
	const onlyOne = {basePort: 30_558, maxPort: 30_558};
	const {opened, open} = gate();
	api.after = async request => request === 'GET hostport-ledger-30500' && api.count(request) === 2 ? opened : undefined;
	await dryRun(demandFor(['grpc']), never);
	await clock.advance(1);
	const first = t.throwsAsync(reservations.reserve(demandFor(['grpc'], {...onlyOne, pod: 'game/first'}), never), {message: /^1 host port is needed and 0 of/});
	await clock.settle();
	await clock.advance(5000);
	write('30558.tcp', undefined);
	const second = reservations.reserve(demandFor(['grpc'], {...onlyOne, pod: 'game/second'}), never);
	open();
	await clock.until(first);
	t.deepEqual(await clock.until(second), [30_558]);
});

test('a Pod with a fixed name is served by an API server that takes 1.5 s to answer', async t => {
	const {clock, reservations, api} = await startLedger({'30600.tcp': bound});
	await clock.advance(5000);
	api.before = async () => clock.sleep(1500, never);
	t.deepEqual(await clock.until(reservations.reserve(demandFor(['grpc'], {hasFixedName: true, pod: 'game/slow'}), clock.deadline(9500))), [30_558]);
});

test('a dry run retries failed reads until its deadline', async t => {
	const {clock, dryRun, api} = await startLedger({'30558.tcp': bound});
	api.before = request => {
		if (request === 'GET hostport-ledger-30500' && api.count(request) < 3) {
			throw new Error('read ECONNRESET');
		}
	};
	t.deepEqual(await clock.until(dryRun(demandFor(['grpc']), never)), [30_559]);
	api.before = () => {
		throw new Error('read ECONNRESET');
	};
	await clock.advance(1);
	const late = t.throwsAsync(dryRun(demandFor(['grpc'], {hasFixedName: true}), clock.deadline(5000)), {name: 'DenialError', message: 'no host ports could be found in time (read ECONNRESET): try again'});
	await clock.advance(6000);
	await late;
});
