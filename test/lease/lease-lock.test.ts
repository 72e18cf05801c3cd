/** Taking the Lease, handing it over, and the order of the queue. */
import test from 'ava';
import type {Tenure} from '../../src/lease/lease-lock.ts';
import {idleMs, never, setUp} from '../helpers/lease-locks.ts';

test('the first replica creates the Lease', async t => {
	const {server, start} = setUp(t);
	const a = start('a');
	const {signal} = await a.acquire();
	t.false(signal.aborted);
	t.true(a.lock.isHeld);
	t.deepEqual(a.client.requests, ['GET hostport-ledger', 'POST hostport-ledger']);
	t.deepEqual(a.client.writes, ['a []']);
	t.like(server.lease?.spec, {holderIdentity: 'a', leaseDurationSeconds: 3, leaseTransitions: 0});
});

test('without work, nothing is written', async t => {
	const {clock, server, start} = setUp(t);
	const a = start('a');
	await clock.advance(600_000);
	t.deepEqual(a.client.writes, []);
	t.is(server.lease, undefined);
});

test('each write counts by its reason', async t => {
	const {clock, start} = setUp(t);
	const a = start('a');
	(await a.acquire()).release();
	await clock.advance(idleMs);
	(await a.acquire()).release();
	const {values} = await a.metrics.leaseWrites.get();
	t.deepEqual(Object.fromEntries(values.filter(({value}) => value > 0).map(({labels, value}) => [`${labels.lease} ${labels.change}`, value])), {
		'hostport-ledger create': 1,
		'hostport-ledger clear': 1,
		'hostport-ledger take': 1,
	});
});

test('work that follows soon costs no write', async t => {
	const {clock, start} = setUp(t);
	const a = start('a');
	for (let count = 0; count < 5; count++) {
		const {release} = await a.acquire();
		await clock.advance(10);
		release();
		await clock.advance(idleMs - 1);
	}

	t.deepEqual(a.client.writes, ['a []']);
});

test('an idle Lease is cleared, and taken again by one write', async t => {
	const {clock, start} = setUp(t);
	const a = start('a');
	const first = await a.acquire();
	first.release();
	await clock.advance(idleMs - 1);
	t.true(a.lock.isHeld);
	await clock.advance(1);
	t.false(a.lock.isHeld);
	const second = await a.acquire();
	t.deepEqual(a.client.writes, ['a []', 'none []', 'a []']);
	t.is(second.soleHolderSince, first.soleHolderSince, 'No other replica held it meanwhile.');
});

test('handing over to a waiter costs two writes', async t => {
	const {clock, start} = setUp(t);
	const [a, b] = [start('a'), start('b')];
	const {release} = await a.acquire();
	const request = b.request();
	await clock.advance(100);
	t.true(await clock.isPending(request));
	release();
	await clock.settle();
	t.false(await clock.isPending(request), 'At once, by the watch.');
	t.deepEqual(b.client.writes, ['a [b]']);
	t.deepEqual(a.client.writes, ['a []', 'b []']);
	t.false(a.lock.isHeld);
	t.true(b.lock.isHeld);
});

test('a replica with more work queues again behind the waiters', async t => {
	const {clock, server, start} = setUp(t);
	const [a, b, c] = [start('a'), start('b'), start('c')];
	const order: string[] = [];
	const work = async (name: string, request: Promise<Tenure>) => {
		const {release} = await request;
		order.push(name);
		await clock.sleep(20, never);
		release();
	};

	const first = await a.acquire();
	const [second, third] = [work('b', b.request()), work('c', c.request())];
	await clock.settle();
	t.is(server.queue, 'b,c');
	first.release();
	const last = work('a', a.request());
	await clock.until(Promise.all([second, third, last]));
	t.deepEqual(order, ['b', 'c', 'a']);
	t.deepEqual(a.client.writes, ['a []', 'b [c,a]']);
});

test('three replicas with constant work take turns, and never work at the same time', async t => {
	const {clock, start} = setUp(t);
	const order: string[] = [];
	let working = 0;
	const work = async (name: string) => {
		const replica = start(name);
		for (let count = 0; count < 20; count++) {
			const {signal, release} = await replica.request();
			working += 1;
			t.is(working, 1);
			order.push(name);
			await clock.sleep(10, never);
			t.false(signal.aborted);
			working -= 1;
			release();
		}
	};

	await clock.until(Promise.all(['a', 'b', 'c'].map(async name => work(name))));
	for (let turn = 3; turn + 3 < order.length; turn += 3) {
		t.is(new Set(order.slice(turn, turn + 3)).size, 3, order.join(''));
	}
});

test('of two replicas that create the Lease at once, one holds it', async t => {
	const {clock, start} = setUp(t);
	const [a, b] = [start('a'), start('b')];
	const requests = [a.request(), b.request()];
	await clock.settle();
	t.deepEqual(await Promise.all(requests.map(async request => clock.isPending(request))), [false, true]);
	(await requests[0]!).release();
	await clock.until(requests[1]!);
});

test('a replica leaves the queue when its caller gives up', async t => {
	const {clock, server, start} = setUp(t);
	const [a, b] = [start('a'), start('b')];
	await a.acquire();
	const caller = new AbortController();
	const request = b.request(caller.signal);
	await clock.settle();
	t.is(server.queue, 'b');
	caller.abort(new Error('no longer needed'));
	await t.throwsAsync(request, {message: 'no longer needed'});
	await clock.settle();
	t.is(server.queue, '');
	t.is(server.holder, 'a');
});

test('a caller whose signal is already aborted causes no request', async t => {
	const {clock, start} = setUp(t);
	const a = start('a');
	await t.throwsAsync(a.request(AbortSignal.abort(new Error('too late'))), {message: 'too late'});
	await clock.advance(1000);
	t.deepEqual(a.client.writes, []);
});

test('a Lease that arrives after its caller gave up is handed over', async t => {
	const {clock, server, start} = setUp(t);
	const [a, b, c] = [start('a'), start('b'), start('c')];
	const {release} = await a.acquire();
	const caller = new AbortController();
	const withdrawn = b.request(caller.signal);
	await clock.settle();
	const request = c.request();
	await clock.settle();
	t.is(server.queue, 'b,c');
	b.client.fault = 'hang';
	caller.abort(new Error('no longer needed'));
	await t.throwsAsync(withdrawn);
	await clock.settle();
	b.client.fault = undefined;
	release();
	await clock.settle();
	t.is(server.holder, 'b', 'It could not leave the queue.');
	await clock.until(request);
});
