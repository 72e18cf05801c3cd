/** What a replica does with the Lease when it stops. */
import test from 'ava';
import {durationMs, setUp} from '../helpers/lease-locks.ts';

test('a replica that stops clears the Lease that it holds', async t => {
	const {server, start} = setUp(t);
	const a = start('a');
	(await a.acquire()).release();
	await a.stop();
	t.is(server.holder, undefined);
});

test('a replica that stops while it works finishes, then hands over', async t => {
	const {clock, server, start} = setUp(t);
	const [a, b] = [start('a'), start('b')];
	const {signal, release} = await a.acquire();
	const request = b.request();
	await clock.settle();
	a.stopping.abort(new Error('stopping'));
	await clock.advance(durationMs / 2);
	t.false(signal.aborted);
	t.is(server.holder, 'a');
	release();
	await clock.until(a.running);
	t.false(await clock.isPending(request));
	t.is(server.holder, 'b');
});

test('a replica that stops leaves the queue', async t => {
	const {clock, server, start} = setUp(t);
	const [a, b] = [start('a'), start('b')];
	await a.acquire();
	const request = b.request();
	await clock.settle();
	t.is(server.queue, 'b');
	const refused = t.throwsAsync(request, {message: 'stopping'});
	await b.stop();
	await refused;
	t.is(server.queue, '');
	t.is(server.holder, 'a');
});

test('a replica that stops rejects a waiting caller, and clears the Lease', async t => {
	const {clock, server, start} = setUp(t);
	const a = start('a');
	(await a.acquire()).release();
	await clock.settle();
	a.stopping.abort(new Error('stopping'));
	const request = a.request();
	await clock.until(a.running);
	await t.throwsAsync(request, {message: 'stopping'});
	t.is(server.holder, undefined);
});

test('a stopped replica rejects callers', async t => {
	const {start} = setUp(t);
	const a = start('a');
	await a.stop();
	await t.throwsAsync(a.request(), {message: 'stopping'});
});

test('a replica that stops leaves alone a Lease that a fresh read shows to be another\'s', async t => {
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

test('a replica that stops without the API server says that the Lease was not handed over', async t => {
	const {start} = setUp(t);
	const a = start('a');
	(await a.acquire()).release();
	a.client.fault = 'refuse';
	await a.stop();
	t.true(a.logged.includes('Lease could not be handed over: the other replicas wait until it expires'));
});

test('a replica that stops keeps no place in the queue for expected work', async t => {
	const {clock, server, start} = setUp(t);
	const [a, b] = [start('a'), start('b')];
	const {release} = await a.acquire();
	const request = b.request();
	await clock.advance(100);
	t.is(server.queue, 'b');
	release(true);
	a.stopping.abort(new Error('stopping'));
	await clock.until(a.running);
	await clock.until(request);
	t.is(server.holder, 'b');
	t.is(server.queue, '');
});
