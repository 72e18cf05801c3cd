import test from 'ava';
import {retry} from '../src/retry.ts';
import {seededRandom} from './helpers/seeded-random.ts';

const never = new AbortController().signal;

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
