/** Renewal, expiry, and the end of work when the Lease is lost. */
import test from 'ava';
import {durationMs, idleMs, setUp} from '../helpers/lease-locks.ts';

test('long work renews the Lease, and no other replica takes it', async t => {
	const {clock, server, start} = setUp(t);
	const [a, b] = [start('a'), start('b')];
	const {signal, release} = await a.acquire();
	const request = b.request();
	await clock.advance(10 * durationMs);
	t.false(signal.aborted);
	t.true(await clock.isPending(request));
	t.true(a.client.writes.length >= 30 && a.client.writes.length <= 32, String(a.client.writes.length));
	t.is(server.lease?.spec?.leaseTransitions, 0);
	release();
	t.false((await clock.until(request)).signal.aborted);
});

test('a dead holder costs one duration from when it was first seen, and the queue is emptied', async t => {
	const {clock, server, start} = setUp(t);
	server.edit({holderIdentity: 'dead', leaseDurationSeconds: 3, renewTime: '2099-01-01T00:00:00.000000Z'}, 'dead too,and me');
	const a = start('a');
	await clock.advance(1000);
	const request = a.request();
	await clock.advance(durationMs - 1001);
	t.true(await clock.isPending(request));
	await clock.advance(1);
	t.false(await clock.isPending(request));
	t.deepEqual(a.client.writes, ['dead [dead too,and me,a]', 'a []']);
});

test('a holder that was seen dead before work came costs nothing', async t => {
	const {clock, server, start} = setUp(t);
	server.edit({holderIdentity: 'dead', leaseDurationSeconds: 3});
	const a = start('a');
	await clock.advance(durationMs);
	const request = a.request();
	t.false(await clock.isPending(request));
});

test('the duration that the holder wrote is the one that counts', async t => {
	const {clock, server, start} = setUp(t);
	server.edit({holderIdentity: 'dead', leaseDurationSeconds: 10});
	const request = start('a').request();
	await clock.advance(9999);
	t.true(await clock.isPending(request));
	await clock.advance(1);
	t.false(await clock.isPending(request));
});

test('changes of the queue do not keep a dead holder alive', async t => {
	const {clock, server, start} = setUp(t);
	server.edit({holderIdentity: 'dead', leaseDurationSeconds: 3});
	const request = start('a').request();
	for (let count = 0; count < 9; count++) {
		await clock.advance(300);
		server.edit({}, `a,${count}`);
	}

	await clock.advance(299);
	t.true(await clock.isPending(request));
	await clock.advance(1);
	t.false(await clock.isPending(request));
});

test('a renewal keeps a holder alive', async t => {
	const {clock, server, start} = setUp(t);
	server.edit({holderIdentity: 'slow', leaseDurationSeconds: 3});
	const request = start('a').request();
	await clock.advance(2000);
	server.edit({renewTime: '2001-01-01T00:00:00.000000Z'});
	await clock.advance(2999);
	t.true(await clock.isPending(request));
	await clock.advance(1);
	t.false(await clock.isPending(request));
});

test('two waiters behind a dead holder both work within one duration', async t => {
	const {clock, server, start} = setUp(t);
	server.edit({holderIdentity: 'dead', leaseDurationSeconds: 3}, 'dead too');
	const [a, b] = [start('a'), start('b')];
	const tenures = Promise.all([a, b].map(async ({request}) => {
		const {release} = await request();
		release();
	}));
	await clock.advance(durationMs);
	t.false(await clock.isPending(tenures));
});

test('work ends when another replica takes the Lease', async t => {
	const {clock, server, start} = setUp(t);
	const a = start('a');
	const {signal} = await a.acquire();
	server.edit({holderIdentity: 'b'});
	await clock.settle();
	t.true(signal.aborted);
	t.regex(String(signal.reason), /the Lease was lost: b holds it now/);
	t.false(a.lock.isHeld);
});

test('work ends when the Lease is deleted, and the Lease is created again', async t => {
	const {clock, server, start} = setUp(t);
	const a = start('a');
	const {signal, release} = await a.acquire();
	server.remove();
	await clock.settle();
	t.true(signal.aborted);
	release();
	t.false((await a.acquire()).signal.aborted);
	t.is(server.holder, 'a');
});

test('releasing lost or earlier work does not end the present work', async t => {
	const {clock, server, start} = setUp(t);
	const a = start('a');
	const first = await a.acquire();
	first.release();
	const second = await a.acquire();
	first.release();
	await clock.advance(idleMs * 2);
	t.true(a.lock.isHeld, 'The second work is still under way.');
	server.edit({holderIdentity: 'b'});
	await clock.settle();
	t.true(second.signal.aborted);
});

for (const fault of ['refuse', 'hang'] as const) {
	test(`work ends when requests ${fault} for the Lease's whole duration`, async t => {
		const {clock, start} = setUp(t);
		const a = start('a');
		const {signal} = await a.acquire();
		a.client.fault = fault;
		await clock.advance(durationMs - 1);
		t.false(signal.aborted);
		await clock.advance(1);
		t.true(signal.aborted, 'From now on, other replicas may take the Lease.');
		a.client.fault = undefined;
	});
}

test('work goes on when failures end in time', async t => {
	const {clock, start} = setUp(t);
	const a = start('a');
	const {signal, release} = await a.acquire();
	a.client.fault = 'refuse';
	await clock.advance(durationMs / 2);
	a.client.fault = undefined;
	await clock.advance(10 * durationMs);
	t.false(signal.aborted);
	release();
});

test('work ends when its replica was paused for the duration, even if the Lease was not taken', async t => {
	const {clock, start} = setUp(t);
	const a = start('a');
	const {signal, release} = await a.acquire();
	clock.skip(durationMs);
	await clock.advance(0);
	t.true(signal.aborted);
	release();
	t.false((await a.acquire()).signal.aborted);
});
