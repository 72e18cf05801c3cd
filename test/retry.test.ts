import test from 'ava';
import {ApiError} from '../src/errors.ts';
import {pauseAfter, retry} from '../src/retry.ts';
import {FakeClock} from './helpers/fake-clock.ts';
import {seededRandom} from './helpers/seeded-random.ts';

const never = new AbortController().signal;

const asksFor = (ms: number) => new ApiError('PATCH', '/a', 429, 'too many requests', ms);

/** A clock that lets each pause pass at once and keeps a list of them. */
const recordingClock = () => {
	const pauses: number[] = [];
	return {pauses, clock: {sleep: async (ms: number) => void pauses.push(ms)}};
};

test('pauses double up to the longest one, less a random part of at most half', async t => {
	const {pauses, clock} = recordingClock();
	let failuresLeft = 5;
	const failures: unknown[] = [];
	const result = await retry(async () => {
		if (failuresLeft > 0) {
			failuresLeft--;
			throw new TypeError(`${failuresLeft} left`);
		}

		return 'done';
	}, {clock, random: seededRandom(1), firstMs: 100, longestMs: 500, onFailure: error => failures.push(error), signal: never});
	t.is(result, 'done');
	t.is(failures.length, 5);
	t.true(failures.every(error => error instanceof TypeError));
	for (const [index, longest] of [100, 200, 400, 500, 500].entries()) {
		t.true(pauses[index]! > longest / 2 && pauses[index]! <= longest, `pause ${index} of ${pauses[index]} ms`);
	}
});

test('an error that onFailure throws ends the retries', async t => {
	const {pauses, clock} = recordingClock();
	const final = new Error('the namespace is gone');
	await t.throwsAsync(retry(async () => {
		throw new Error('404');
	}, {clock, random: Math.random, firstMs: 1, longestMs: 1, onFailure() {
		throw final;
	}, signal: never}), {is: final});
	t.deepEqual(pauses, []);
});

test('an aborted signal ends the retries with its reason, before an attempt and during a pause', async t => {
	const reason = new Error('the deadline is spent');
	const controller = new AbortController();
	const options = {clock: {sleep: async () => controller.abort(reason)}, random: Math.random, firstMs: 1, longestMs: 1, onFailure() {}, signal: controller.signal};
	let attempts = 0;
	const attempt = async () => {
		attempts++;
		throw new Error('429');
	};

	await t.throwsAsync(retry(attempt, options), {is: reason});
	t.is(attempts, 1);
	await t.throwsAsync(retry(attempt, options), {is: reason});
	t.is(attempts, 1);
});

test('a pause is at least as long as the API server asks for, and at most 32 s for that', t => {
	t.is(pauseAfter(asksFor(0), 100), 100);
	t.is(pauseAfter(asksFor(50), 100), 100);
	t.is(pauseAfter(asksFor(1000), 100), 1000);
	t.is(pauseAfter(asksFor(3_600_000), 100), 32_000);
	t.is(pauseAfter(asksFor(3_600_000), 60_000), 60_000);
	t.is(pauseAfter(new Error('no answer'), 100), 100);
});

test('an attempt is not repeated before the API server asks for, and is then', async t => {
	const {pauses, clock} = recordingClock();
	const answers = [1000, 0, 5000];
	await retry(async () => {
		const retryAfterMs = answers.shift();
		if (retryAfterMs !== undefined) {
			throw asksFor(retryAfterMs);
		}
	}, {clock, random: () => 0.5, firstMs: 100, longestMs: 1000, onFailure() {}, signal: never});
	t.deepEqual(pauses, [1000, 150, 5000]);
});

test('a deadline ends a pause that the API server asks for', async t => {
	const clock = new FakeClock();
	const waiting = retry(async () => {
		throw asksFor(20_000);
	}, {clock, random: Math.random, firstMs: 1, longestMs: 1, onFailure() {}, signal: clock.deadline(9500)});
	const rejected = t.throwsAsync(waiting, {name: 'TimeoutError'});
	await clock.advance(9499);
	t.true(await clock.isPending(waiting));
	await clock.advance(1);
	await rejected;
});
