import test from 'ava';
import {gatheringMs, isBurst} from '../../src/ledger/gathering.ts';

const now = 1_000_000;
const last = (pods: number, agoMs = 10) => ({pods, endedAt: now - agoMs});

test('a Pod that comes alone waits for nobody', t => {
	t.is(gatheringMs(1, undefined, now), 0);
	t.is(gatheringMs(1, last(1), now), 0);
	t.is(gatheringMs(0, undefined, now), 0);
	t.is(gatheringMs(1, last(200, 200), now), 0, 'What is long past says nothing of now.');
});

test('the more came at once, the longer the next ones wait for company, up to 50 ms', t => {
	t.deepEqual([2, 3, 10, 13, 14, 200].map(pods => gatheringMs(1, last(pods), now)), [4, 8, 36, 48, 50, 50]);
	t.deepEqual([2, 3, 10, 200].map(pods => gatheringMs(pods, undefined, now)), [4, 8, 36, 50]);
	t.is(gatheringMs(10, last(3), now), 36);
});

test('a burst is what brought several Pods a moment ago', t => {
	t.false(isBurst(undefined, now));
	t.false(isBurst(last(1), now));
	t.true(isBurst(last(2), now));
	t.true(isBurst(last(2, 199), now));
	t.false(isBurst(last(2, 200), now));
});
