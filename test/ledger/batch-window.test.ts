import test from 'ava';
import {BatchWindow, windowMs} from '../../src/ledger/batch-window.ts';
import {RequestQueue} from '../../src/ledger/request-queue.ts';
import {FakeClock} from '../helpers/fake-clock.ts';
import {never} from '../helpers/no-ops.ts';

const now = 1_000_000;
const last = (pods: number, agoMs = 10) => ({pods, endedAt: now - agoMs});

test('a Pod that arrives alone does not wait', t => {
	t.is(windowMs(1, undefined, now), 0);
	t.is(windowMs(1, last(1), now), 0);
	t.is(windowMs(0, undefined, now), 0);
});

test('the window grows with the batch, up to 50 ms', t => {
	t.deepEqual([2, 3, 10, 13, 14, 200].map(pods => windowMs(1, last(pods), now)), [4, 8, 36, 48, 50, 50]);
	t.deepEqual([2, 3, 10, 200].map(pods => windowMs(pods, undefined, now)), [4, 8, 36, 50]);
	t.is(windowMs(10, last(3), now), 36);
});

test('a batch that ended 200 ms ago opens no window', t => {
	t.is(windowMs(1, last(200, 199), now), 50);
	t.is(windowMs(1, last(200, 200), now), 0);
});

/** A window after a batch of two, which gathers for up to 40 ms, and what waits in it. */
const gathering = (waiting: number) => {
	const clock = new FakeClock();
	const queue = new RequestQueue(clock);
	const window = new BatchWindow(queue, clock, 10);
	const add = (count: number) => {
		for (let index = 0; index < count; index++) {
			queue.add({kind: 'repair', repairs: [], resolve() {}, reject() {}});
		}
	};
	window.committed(2);
	add(waiting);
	const gathered = window.gather(clock.now() + 40, never);
	return {
		clock,
		add,
		isOpen: async (): Promise<boolean> => clock.isPending(gathered),
		/** Whether the window closes exactly this many milliseconds from now. */
		endsAfter: async (ms: number): Promise<boolean> => {
			await clock.advance(ms - 1);
			const wasPending = await clock.isPending(gathered);
			await clock.advance(1);
			return wasPending && !await clock.isPending(gathered);
		},
	};
};

test('a window closes 8 ms after as many requests as in the last batch are there and none follows', async t => {
	t.true(await gathering(2).endsAfter(8));
	const {clock, add, endsAfter} = gathering(2);
	await clock.advance(5);
	add(1);
	t.true(await endsAfter(8));
});

test('a window that waits for requests closes in time, or when they are there', async t => {
	t.true(await gathering(1).endsAfter(40));
	const {clock, add, endsAfter} = gathering(1);
	await clock.advance(20);
	add(1);
	t.true(await endsAfter(8));
});

test('a window closes when the batch is full', async t => {
	const {clock, add, isOpen} = gathering(2);
	await clock.advance(5);
	t.true(await isOpen());
	add(8);
	t.false(await isOpen());
});
