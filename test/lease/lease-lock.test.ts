/** The lock against an API server in memory, on a clock that goes when a test says so. */
import test from 'ava';
import type {ExecutionContext} from 'ava';
import {pino} from 'pino';
import {LeaseLock} from '../../src/lease/lease-lock.ts';
import type {Tenure} from '../../src/lease/lease-lock.ts';
import {ClusterInMemory} from '../helpers/cluster-in-memory.ts';
import {FakeClock} from '../helpers/fake-clock.ts';
import {LeaseClient, LeaseInMemory} from '../helpers/lease-in-memory.ts';

const durationSeconds = 3;
const durationMs = durationSeconds * 1000;
const idleMs = 50;
const never = new AbortController().signal;

const setUp = (t: ExecutionContext, {eager = false} = {}) => {
	const clock = new FakeClock();
	const cluster = new ClusterInMemory(clock);
	const server = new LeaseInMemory(cluster);
	const start = (identity: string) => {
		const client = new LeaseClient(cluster, identity);
		const logged: string[] = [];
		const logger = pino({level: 'warn'}, {write: line => logged.push((JSON.parse(line) as {msg: string}).msg)});
		const lock = new LeaseLock({api: client, clock, logger, namespace: 'operators', name: 'hostport-ledger', identity, durationSeconds, idleMs, rereadMs: 1000, eager});
		const told = new AbortController();
		const running = lock.run(told.signal);
		const stop = async () => {
			told.abort(new Error('stopping'));
			await clock.until(running);
		};

		t.teardown(stop);
		return {
			lock,
			client,
			logged,
			stop,
			request: async (signal: AbortSignal = never): Promise<Tenure> => lock.acquire(signal),
			acquire: async (): Promise<Tenure> => clock.until(lock.acquire(never)),
			told,
			running,
		};
	};

	return {clock, server, start};
};

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

test('nothing is written as long as nobody wants anything', async t => {
	const {clock, server, start} = setUp(t);
	const a = start('a');
	await clock.advance(600_000);
	t.deepEqual(a.client.writes, []);
	t.is(server.lease, undefined);
});

test('the next work costs no write, as long as it comes soon', async t => {
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

test('a Lease that lies idle is cleared, and taken again by one write', async t => {
	const {clock, start} = setUp(t);
	const a = start('a');
	const first = await a.acquire();
	first.release();
	await clock.advance(idleMs - 1);
	t.true(a.lock.isHeld);
	await clock.advance(1);
	t.false(a.lock.isHeld);
	const second = await a.acquire();
	t.deepEqual(a.client.writes, ['a []', 'nobody []', 'a []']);
	t.is(second.soleHolderSince, first.soleHolderSince, 'Nobody else has had it meanwhile.');
});

test('who takes it after somebody else has had it trusts only what it reads from then on', async t => {
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

test('an eager one works while it takes what nobody holds', async t => {
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

test('where an eager one is not the first, it may finish what it has begun, and then waits for its turn', async t => {
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
	t.is(server.line, 'a');
	other.release();
	t.true((await clock.until(request)).isHeld());
});

test('who is not eager waits until the Lease is his', async t => {
	const {clock, start} = setUp(t);
	const a = start('a');
	(await a.acquire()).release();
	await clock.advance(idleMs);
	a.client.fault = 'hang';
	t.true(await clock.isPending(a.request()));
	a.client.fault = undefined;
});

test('a tenure tells since when nobody else has worked', async t => {
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

test('a transfer costs two writes', async t => {
	const {clock, start} = setUp(t);
	const [a, b] = [start('a'), start('b')];
	const {release} = await a.acquire();
	const request = b.request();
	await clock.advance(100);
	t.true(await clock.isPending(request));
	release();
	await clock.settle();
	t.false(await clock.isPending(request), 'Without any time passing: the watch tells.');
	t.deepEqual(b.client.writes, ['a [b]']);
	t.deepEqual(a.client.writes, ['a []', 'b []']);
	t.false(a.lock.isHeld);
	t.true(b.lock.isHeld);
});

test('who has more work queues again, behind those who wait', async t => {
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
	t.is(server.line, 'b,c');
	first.release();
	const last = work('a', a.request());
	await clock.until(Promise.all([second, third, last]));
	t.deepEqual(order, ['b', 'c', 'a']);
	t.deepEqual(a.client.writes, ['a []', 'b [c,a]']);
});

test('twenty rounds of three replicas that always want more are fair, and none overlaps', async t => {
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

test('long work renews the Lease, and nobody takes it', async t => {
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

test('a holder that is dead costs one duration from when it was first seen, and its line is emptied', async t => {
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

test('a holder that was dead before anybody asked costs nothing', async t => {
	const {clock, server, start} = setUp(t);
	server.edit({holderIdentity: 'dead', leaseDurationSeconds: 3});
	const a = start('a');
	await clock.advance(durationMs);
	const request = a.request();
	t.false(await clock.isPending(request));
});

test('the duration that counts is the one that the holder has written', async t => {
	const {clock, server, start} = setUp(t);
	server.edit({holderIdentity: 'dead', leaseDurationSeconds: 10});
	const request = start('a').request();
	await clock.advance(9999);
	t.true(await clock.isPending(request));
	await clock.advance(1);
	t.false(await clock.isPending(request));
});

test('changes of the line do not keep a dead holder alive', async t => {
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

test('a renewal does keep a holder alive', async t => {
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

test('of two who wait behind a dead holder both are served within one duration', async t => {
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

test('a Lease that somebody takes ends the work of its holder', async t => {
	const {clock, server, start} = setUp(t);
	const a = start('a');
	const {signal} = await a.acquire();
	server.edit({holderIdentity: 'thief'});
	await clock.settle();
	t.true(signal.aborted);
	t.regex(String(signal.reason), /the Lease was lost: thief holds it now/);
	t.false(a.lock.isHeld);
});

test('a Lease that somebody deletes ends the work of its holder, and is created again', async t => {
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

test('what was lost is not released again: the next work goes on', async t => {
	const {clock, server, start} = setUp(t);
	const a = start('a');
	const first = await a.acquire();
	first.release();
	const second = await a.acquire();
	first.release();
	await clock.advance(idleMs * 2);
	t.true(a.lock.isHeld, 'The second is still at work.');
	server.edit({holderIdentity: 'thief'});
	await clock.settle();
	t.true(second.signal.aborted);
});

for (const fault of ['refuse', 'hang'] as const) {
	test(`work ends when the Lease could not be renewed for its duration, because requests ${fault}`, async t => {
		const {clock, start} = setUp(t);
		const a = start('a');
		const {signal} = await a.acquire();
		a.client.fault = fault;
		await clock.advance(durationMs - 1);
		t.false(signal.aborted);
		await clock.advance(1);
		t.true(signal.aborted, 'From now on, others may take it.');
		a.client.fault = undefined;
	});
}

test('work goes on over failures that end in time', async t => {
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

test('who was paused for longer than the duration stops its work, whether or not others have taken the Lease', async t => {
	const {clock, start} = setUp(t);
	const a = start('a');
	const {signal, release} = await a.acquire();
	clock.skip(durationMs);
	await clock.advance(0);
	t.true(signal.aborted);
	release();
	t.false((await a.acquire()).signal.aborted);
});

test('an API server that is away is asked until it is back', async t => {
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

test('a write whose answer is lost is found by reading, not written again', async t => {
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

test('two who create it at once do not both hold it', async t => {
	const {clock, start} = setUp(t);
	const [a, b] = [start('a'), start('b')];
	const requests = [a.request(), b.request()];
	await clock.settle();
	t.deepEqual(await Promise.all(requests.map(async request => clock.isPending(request))), [false, true]);
	(await requests[0]!).release();
	await clock.until(requests[1]!);
});

test('a wish may be withdrawn, and leaves the line', async t => {
	const {clock, server, start} = setUp(t);
	const [a, b] = [start('a'), start('b')];
	await a.acquire();
	const patience = new AbortController();
	const request = b.request(patience.signal);
	await clock.settle();
	t.is(server.line, 'b');
	patience.abort(new Error('no longer needed'));
	await t.throwsAsync(request, {message: 'no longer needed'});
	await clock.settle();
	t.is(server.line, '');
	t.is(server.holder, 'a');
});

test('a wish that is withdrawn before it is made is none', async t => {
	const {clock, start} = setUp(t);
	const a = start('a');
	await t.throwsAsync(a.request(AbortSignal.abort(new Error('too late'))), {message: 'too late'});
	await clock.advance(1000);
	t.deepEqual(a.client.writes, []);
});

test('a Lease that arrives after its wish was withdrawn goes on to the next', async t => {
	const {clock, server, start} = setUp(t);
	const [a, b, c] = [start('a'), start('b'), start('c')];
	const {release} = await a.acquire();
	const patience = new AbortController();
	const withdrawn = b.request(patience.signal);
	await clock.settle();
	const request = c.request();
	await clock.settle();
	t.is(server.line, 'b,c');
	b.client.fault = 'hang';
	patience.abort(new Error('no longer needed'));
	await t.throwsAsync(withdrawn);
	await clock.settle();
	b.client.fault = undefined;
	release();
	await clock.settle();
	t.is(server.holder, 'b', 'It could not leave the line.');
	await clock.until(request);
});

test('where the watch says nothing, waiters find out by reading once a second', async t => {
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

test('a holder that has missed others in line hands it over when it finds out', async t => {
	const {clock, start} = setUp(t);
	const [a, b] = [start('a'), start('b')];
	const first = await a.acquire();
	a.client.isWatchStalled = true;
	const request = b.request();
	await clock.settle();
	first.release();
	await clock.advance(idleMs);
	t.false(await clock.isPending(request), 'Its attempt to clear it was refused, and so it read.');
});

test('an old event changes nothing', async t => {
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

test('an API server that was restored from a backup is believed', async t => {
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
	t.true(a.lock.isHeld, 'What a watch says may be old.');
	await clock.advance(idleMs);
	t.false(a.lock.isHeld, 'But not what a read says.');
});

test('a handover that the watch tells of before the answer to our joining arrives is not forgotten', async t => {
	const {clock, start} = setUp(t);
	const [a, b] = [start('a'), start('b')];
	const {release} = await a.acquire();
	await clock.settle();
	b.client.fault = 'delay';
	const request = b.request();
	await clock.settle();
	release();
	await clock.settle();
	t.true(b.lock.isHeld, 'By its watch.');
	b.client.deliver();
	await clock.settle();
	t.true(b.lock.isHeld);
	t.false(await clock.isPending(request));
	b.client.fault = undefined;
});

test('nor before the answer to our reading arrives', async t => {
	const {clock, start} = setUp(t);
	const [a, b] = [start('a'), start('b')];
	const {release} = await a.acquire();
	const request = b.request();
	await clock.settle();
	b.client.fault = 'delay';
	await clock.advance(1000);
	release();
	await clock.settle();
	t.true(b.lock.isHeld, 'By its watch.');
	b.client.deliver();
	await clock.settle();
	t.true(b.lock.isHeld);
	t.false(await clock.isPending(request));
	b.client.fault = undefined;
});

test('a watch that has ended is started again', async t => {
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
	t.is(b.client.requests.length, reads, 'It did not have to read.');
});

test('who had the Lease again without having seen others work does not trust what it read before', async t => {
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

test('who stops clears what it holds', async t => {
	const {server, start} = setUp(t);
	const a = start('a');
	(await a.acquire()).release();
	await a.stop();
	t.is(server.holder, undefined);
});

test('who stops in the middle of work finishes it, and hands on', async t => {
	const {clock, server, start} = setUp(t);
	const [a, b] = [start('a'), start('b')];
	const {signal, release} = await a.acquire();
	const request = b.request();
	await clock.settle();
	a.told.abort(new Error('stopping'));
	await clock.advance(durationMs / 2);
	t.false(signal.aborted);
	t.is(server.holder, 'a');
	release();
	await clock.until(a.running);
	t.false(await clock.isPending(request));
	t.is(server.holder, 'b');
});

test('who stops leaves the line', async t => {
	const {clock, server, start} = setUp(t);
	const [a, b] = [start('a'), start('b')];
	await a.acquire();
	const request = b.request();
	await clock.settle();
	t.is(server.line, 'b');
	const refused = t.throwsAsync(request, {message: 'stopping'});
	await b.stop();
	await refused;
	t.is(server.line, '');
	t.is(server.holder, 'a');
});

test('who stops with work that has not begun gives it up, and clears what it holds', async t => {
	const {clock, server, start} = setUp(t);
	const a = start('a');
	(await a.acquire()).release();
	await clock.settle();
	a.told.abort(new Error('stopping'));
	const request = a.request();
	await clock.until(a.running);
	await t.throwsAsync(request, {message: 'stopping'});
	t.is(server.holder, undefined);
});

test('who has stopped takes no more work', async t => {
	const {start} = setUp(t);
	const a = start('a');
	await a.stop();
	await t.throwsAsync(a.request(), {message: 'stopping'});
});

test('who stops touches nothing that a fresh read shows to be another\'s', async t => {
	const {clock, server, start} = setUp(t);
	const a = start('a');
	(await a.acquire()).release();
	a.client.isWatchStalled = true;
	server.edit({holderIdentity: 'b'}, 'c');
	t.true(a.lock.isHeld, 'As far as it knows.');
	const before = a.client.requests.length;
	await a.stop();
	await clock.settle();
	t.deepEqual(a.client.requests.slice(before), ['GET hostport-ledger']);
});

test('who stops without the API server does so all the same, and says so', async t => {
	const {start} = setUp(t);
	const a = start('a');
	(await a.acquire()).release();
	a.client.fault = 'refuse';
	await a.stop();
	t.true(a.logged.includes('Lease could not be handed over: the other replicas wait until it expires'));
});

test('who stops keeps no place in the line, whatever it expects', async t => {
	const {clock, server, start} = setUp(t);
	const [a, b] = [start('a'), start('b')];
	const {release} = await a.acquire();
	const request = b.request();
	await clock.advance(100);
	t.is(server.line, 'b');
	release(true);
	a.told.abort(new Error('stopping'));
	await clock.until(a.running);
	await clock.until(request);
	t.is(server.holder, 'b');
	t.is(server.line, '');
});
