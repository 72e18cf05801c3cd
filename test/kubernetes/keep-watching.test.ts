import test from 'ava';
import {ApiError} from '../../src/errors.ts';
import {keepWatching} from '../../src/kubernetes/keep-watching.ts';
import {FakeClock} from '../helpers/fake-clock.ts';

const restMs = 200;

/** Each start of the watch runs the next script; the last one runs again and again. */
const setUp = (...scripts: ReadonlyArray<() => AsyncIterable<string>>) => {
	const clock = new FakeClock();
	const startedAt: number[] = [];
	const events: string[] = [];
	const broken: unknown[] = [];
	const stop = new AbortController();
	const begin = clock.now();
	const running = keepWatching({
		start() {
			startedAt.push(clock.now() - begin);
			return scripts[Math.min(startedAt.length, scripts.length) - 1]!();
		},
		onEvent: event => events.push(event),
		onBroken: error => broken.push(error),
		restMs, clock, signal: stop.signal,
	});
	return {clock, startedAt, events, broken, stop, running};
};

const yielding = (...events: readonly string[]) => async function * () {
	yield * events;
};

const failing = (error: Error) => async function * () {
	yield * [] as string[];
	throw error;
};

test('a watch that ends is started again after a rest', async t => {
	const {clock, startedAt, events, broken, stop, running} = setUp(yielding('a', 'b'), yielding('c'), yielding());
	await clock.advance(restMs * 2);
	t.deepEqual(startedAt, [0, restMs, 2 * restMs]);
	t.deepEqual(events, ['a', 'b', 'c']);
	t.deepEqual(broken, []);
	stop.abort();
	await running;
});

test('a watch that fails is reported and started again', async t => {
	const error = new Error('the connection is gone');
	const {clock, startedAt, broken, stop, running} = setUp(failing(error), yielding());
	await clock.advance(restMs);
	t.deepEqual(startedAt, [0, restMs]);
	t.deepEqual(broken, [error]);
	stop.abort();
	await running;
});

test('a watch that the API server refuses is not started before it asks for', async t => {
	const {clock, startedAt, stop, running} = setUp(failing(new ApiError('GET', '/pods', 429, 'too many requests', 7000)), yielding());
	await clock.advance(6999);
	t.deepEqual(startedAt, [0]);
	await clock.advance(1);
	t.deepEqual(startedAt, [0, 7000]);
	stop.abort();
	await running;
});

test('an abort ends the rest, and an error that it causes is not reported', async t => {
	const {clock, stop, running, startedAt} = setUp(yielding());
	await clock.settle();
	stop.abort();
	await running;
	t.deepEqual(startedAt, [0]);

	const aborted = new AbortController();
	const broken: unknown[] = [];
	await keepWatching({
		async * start() {
			aborted.abort();
			yield * [] as string[];
			throw new Error('aborted');
		},
		onEvent() {},
		onBroken: error => broken.push(error),
		restMs, clock, signal: aborted.signal,
	});
	t.deepEqual(broken, []);
});
