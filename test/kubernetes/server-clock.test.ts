import test from 'ava';
import {ServerClock} from '../../src/kubernetes/server-clock.ts';

const minuteMs = 60_000;
const noon = Date.UTC(2026, 10, 22, 12);

/** The server's `Date` header at a moment. It has whole seconds. */
const header = (ms: number) => new Date(ms).toUTCString();

const setUp = () => {
	const monotonic = {now: 0};
	const clock = new ServerClock({now: () => monotonic.now});
	return {
		monotonic,
		clock,
		/** An answer of a server whose clock this process's is `skewMs` ahead of. The server writes it in the middle of the request. */
		hear: (skewMs: number, {roundTripMs = 2, at = noon}: {readonly roundTripMs?: number; readonly at?: number} = {}) => {
			clock.hear(header(at + roundTripMs / 2 - skewMs), at, at + roundTripMs);
		},
	};
};

test('without an answer, no difference is known', t => {
	t.is(new ServerClock({now: () => 0}).skewMs, 0);
});

test('whole seconds in the header prove no difference', t => {
	for (const at of [noon, noon + 1, noon + 500, noon + 999]) {
		const {clock, hear} = setUp();
		hear(0, {at});
		t.is(clock.skewMs, 0, `at ${at - noon} ms`);
	}
});

test('a slow answer proves no difference', t => {
	const {clock, hear} = setUp();
	hear(0, {roundTripMs: 12 * minuteMs});
	t.is(clock.skewMs, 0);
});

test('a clock that is ahead is known to be so, less a second and the time of the answer', t => {
	const {clock, hear} = setUp();
	hear(10 * minuteMs, {roundTripMs: 2000});
	t.is(clock.skewMs, 10 * minuteMs - 1000 - 1000);
});

test('a clock that is behind is known to be so, less the time of the answer', t => {
	const {clock, hear} = setUp();
	hear(-10 * minuteMs, {roundTripMs: 2000});
	t.is(clock.skewMs, -10 * minuteMs + 1000);
});

test('of several API servers, the one that differs most counts, in whichever order they answer', t => {
	for (const skews of [[0, 10 * minuteMs, -2 * minuteMs], [-2 * minuteMs, 10 * minuteMs, 0]]) {
		const {clock, hear} = setUp();
		for (const skew of skews) {
			hear(skew);
		}

		t.true(clock.skewMs > 9 * minuteMs);
	}

	const {clock, hear} = setUp();
	hear(2 * minuteMs);
	hear(-10 * minuteMs);
	t.true(clock.skewMs < -9 * minuteMs);
});

test('an answer counts for one to two minutes', t => {
	const {clock, hear, monotonic} = setUp();
	hear(10 * minuteMs);
	monotonic.now = minuteMs - 1;
	hear(0);
	t.true(clock.skewMs > 9 * minuteMs);
	monotonic.now = minuteMs;
	hear(0);
	t.true(clock.skewMs > 9 * minuteMs);
	monotonic.now = 2 * minuteMs;
	hear(0);
	t.is(clock.skewMs, 0);
});

test('after a long silence, earlier answers count no more', t => {
	const {clock, hear, monotonic} = setUp();
	hear(-10 * minuteMs);
	monotonic.now = 2 * minuteMs;
	hear(0);
	t.is(clock.skewMs, 0);
});

test('answers without a valid date, and a clock that was set back meanwhile, prove nothing', t => {
	const {clock} = setUp();
	clock.hear(undefined, noon, noon);
	clock.hear('yesterday', noon, noon);
	clock.hear(header(noon), noon + 60 * minuteMs, noon);
	t.is(clock.skewMs, 0);
});
