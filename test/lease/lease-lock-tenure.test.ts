/** What a tenure says: whether the Lease is held (see `eager`), and since when this replica is its sole holder. */
import test from 'ava';
import {idleMs, setUp} from '../helpers/lease-locks.ts';

test('after another replica held the Lease, only later reads are current', async t => {
	const {clock, start} = setUp(t);
	const [a, b] = [start('a'), start('b')];
	(await a.acquire()).release();
	await clock.advance(idleMs);
	(await b.acquire()).release();
	const before = clock.now();
	await clock.advance(idleMs);
	const {soleHolderSince, release} = await a.acquire();
	t.true(soleHolderSince > before);
	release();
	await clock.advance(idleMs);
	t.is((await a.acquire()).soleHolderSince, soleHolderSince);
});

test('an eager replica works while it takes a Lease without a holder', async t => {
	const {clock, start} = setUp(t, {eager: true});
	const a = start('a');
	(await a.acquire()).release();
	await clock.advance(idleMs);
	t.false(a.lock.isHeld);
	a.client.isWatchStalled = true;
	a.client.fault = 'delay';
	const request = a.request();
	t.false(await clock.isPending(request));
	const {isHeld, signal, release} = await request;
	t.false(isHeld());
	a.client.deliver();
	await clock.settle();
	t.true(isHeld());
	t.false(signal.aborted);
	release();
	t.false(isHeld());
});

test('an eager replica that lost the race finishes its work, then waits for its turn', async t => {
	const {clock, server, start} = setUp(t, {eager: true});
	const [a, b] = [start('a'), start('b')];
	(await a.acquire()).release();
	await clock.advance(idleMs);
	a.client.isWatchStalled = true;
	const other = await b.acquire();
	const {isHeld, signal, release} = await a.acquire();
	await clock.settle();
	t.is(server.holder, 'b');
	t.false(isHeld());
	t.false(signal.aborted);
	release();
	const request = a.request();
	await clock.advance(100);
	t.true(await clock.isPending(request));
	t.is(server.queue, 'a');
	other.release();
	t.true((await clock.until(request)).isHeld());
});

test('a replica that is not eager waits until it holds the Lease', async t => {
	const {clock, start} = setUp(t);
	const a = start('a');
	(await a.acquire()).release();
	await clock.advance(idleMs);
	a.client.fault = 'hang';
	t.true(await clock.isPending(a.request()));
	a.client.fault = undefined;
});

test('a tenure says since when this replica is the sole holder', async t => {
	const {clock, start} = setUp(t);
	const a = start('a');
	await clock.advance(500);
	const before = clock.now();
	const first = await a.acquire();
	t.true(first.soleHolderSince >= before);
	await clock.advance(200);
	first.release();
	t.is((await a.acquire()).soleHolderSince, first.soleHolderSince);
});

test('a replica that got the Lease back unseen trusts no earlier read', async t => {
	const {clock, server, start} = setUp(t);
	const a = start('a');
	const first = await a.acquire();
	server.edit({}, 'b');
	await clock.settle();
	a.client.isWatchStalled = true;
	a.client.fault = 'lose';
	const request = a.request();
	first.release();
	await clock.settle();
	t.is(server.holder, 'b');
	server.edit({holderIdentity: 'a', leaseTransitions: server.lease!.spec!.leaseTransitions! + 1}, '');
	a.client.fault = undefined;
	const handedBackAt = clock.now();
	const second = await clock.until(request);
	t.true(second.soleHolderSince > first.soleHolderSince);
	t.true(second.soleHolderSince >= handedBackAt);
});
