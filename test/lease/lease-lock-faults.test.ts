/** Failed requests, lost and late answers, silent and broken watches. */
import test from 'ava';
import {ClusterInMemory} from '../helpers/cluster-in-memory.ts';
import {LeaseInMemory} from '../helpers/lease-in-memory.ts';
import {durationMs, idleMs, setUp} from '../helpers/lease-locks.ts';

test('a replica asks an unreachable API server until it answers', async t => {
	const {clock, server, start} = setUp(t);
	const a = start('a');
	a.client.fault = 'refuse';
	const request = a.request();
	await clock.advance(60_000);
	t.true(await clock.isPending(request));
	t.true(a.logged.length > 5);
	a.client.fault = undefined;
	await clock.until(request, 10_000);
	t.is(server.holder, 'a');
});

test('a write with a lost answer is found by reading, and not repeated', async t => {
	const {clock, start} = setUp(t);
	const a = start('a');
	await clock.settle();
	a.client.fault = 'lose';
	const request = a.request();
	await clock.settle();
	a.client.fault = undefined;
	await clock.until(request);
	t.deepEqual(a.client.writes, ['a []']);
});

test('when the watch is silent, a waiter reads the Lease once a second', async t => {
	const {clock, start} = setUp(t);
	const [a, b] = [start('a'), start('b')];
	const {release} = await a.acquire();
	const request = b.request();
	await clock.settle();
	b.client.isWatchStalled = true;
	release();
	await clock.advance(1000);
	t.false(await clock.isPending(request));
	t.is(b.client.count('GET hostport-ledger'), 2);
});

test('a holder that missed a waiter hands over when its write is refused', async t => {
	const {clock, start} = setUp(t);
	const [a, b] = [start('a'), start('b')];
	const first = await a.acquire();
	a.client.isWatchStalled = true;
	const request = b.request();
	await clock.settle();
	first.release();
	await clock.advance(idleMs);
	t.false(await clock.isPending(request), 'Clearing the Lease was refused, so it read the Lease.');
});

test('an old watch event changes nothing', async t => {
	const {clock, server, start} = setUp(t);
	const old = server.edit({holderIdentity: 'former', leaseDurationSeconds: 3});
	server.edit({holderIdentity: null});
	const a = start('a');
	const {signal} = await a.acquire();
	a.client.replay({type: 'MODIFIED', object: old});
	await clock.settle();
	t.false(signal.aborted);
	t.true(a.lock.isHeld);
});

test('a read is believed after the API server was restored from a backup, an event is not', async t => {
	const {clock, server, start} = setUp(t);
	const a = start('a');
	(await a.acquire()).release();
	server.edit({renewTime: '2099-01-01T00:00:00.000000Z'});
	const backup = new ClusterInMemory(clock);
	const restored = new LeaseInMemory(backup).edit({holderIdentity: 'b', leaseDurationSeconds: 3});
	t.true(BigInt(restored.metadata.resourceVersion) < BigInt(server.lease!.metadata.resourceVersion));
	a.client.server = backup.server;
	a.client.replay({type: 'MODIFIED', object: restored});
	await clock.settle();
	t.true(a.lock.isHeld, 'An event may be old.');
	await clock.advance(idleMs);
	t.false(a.lock.isHeld, 'A read is current.');
});

test('an answer to joining that arrives after the handover does not undo it', async t => {
	const {clock, start} = setUp(t);
	const [a, b] = [start('a'), start('b')];
	const {release} = await a.acquire();
	await clock.settle();
	b.client.fault = 'delay';
	const request = b.request();
	await clock.settle();
	release();
	await clock.settle();
	t.true(b.lock.isHeld, 'By the watch.');
	b.client.deliver();
	await clock.settle();
	t.true(b.lock.isHeld);
	t.false(await clock.isPending(request));
	b.client.fault = undefined;
});

test('an answer to a read that arrives after the handover does not undo it', async t => {
	const {clock, start} = setUp(t);
	const [a, b] = [start('a'), start('b')];
	const {release} = await a.acquire();
	const request = b.request();
	await clock.settle();
	b.client.fault = 'delay';
	await clock.advance(1000);
	release();
	await clock.settle();
	t.true(b.lock.isHeld, 'By the watch.');
	b.client.deliver();
	await clock.settle();
	t.true(b.lock.isHeld);
	t.false(await clock.isPending(request));
	b.client.fault = undefined;
});

test('a watch that ended is started again', async t => {
	const {clock, start} = setUp(t);
	const [a, b] = [start('a'), start('b')];
	const {release} = await a.acquire();
	const request = b.request();
	await clock.settle();
	b.client.dropWatches();
	await clock.advance(200);
	const reads = b.client.requests.length;
	release();
	await clock.settle();
	t.false(await clock.isPending(request));
	t.is(b.client.requests.length, reads, 'Without a read.');
});

for (const [title, retryAfterMs, pauseMs] of [
	['the Lease is not asked for again before the API server asks for', 2500, 2500],
	['a longer pause that the API server asks for ends after a Lease duration', 3_600_000, durationMs],
] as const) {
	test(title, async t => {
		const {clock, start} = setUp(t);
		const a = start('a');
		await clock.settle();
		const {length: before} = a.client.requests;
		a.client.fault = 'throttle';
		a.client.retryAfterMs = retryAfterMs;
		const request = a.request();
		await clock.advance(pauseMs - 1);
		t.is(a.client.requests.length, before + 1);
		await clock.advance(1);
		t.is(a.client.requests.length, before + 2);
		t.is(a.logged[0], `Lease could not be read or written: trying again in ${pauseMs} ms`);
		a.client.fault = undefined;
		await clock.until(request);
	});
}
