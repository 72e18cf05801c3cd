import test from 'ava';
import {windowMs} from '../../src/ledger/batch-window.ts';

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
