import test from 'ava';
import {until, WaitTimeoutError} from '../../harness/control-plane/until.ts';

const fast = {what: 'the answer', budgetMs: 30_000, intervalMs: 1};

test('asks until there is an answer', async t => {
	const answers = [undefined, false, undefined, 42] as const;
	let asked = 0;
	t.is(await until(async () => answers[asked++], fast), 42);
	t.is(asked, answers.length);
});

test('an error counts as no answer yet', async t => {
	let asked = 0;
	const ask = async () => {
		asked += 1;
		if (asked < 3) {
			throw new Error('connection refused');
		}

		return 'ready';
	};

	t.is(await until(ask, fast), 'ready');
});

test('a wait that runs out of time says what for, and why', async t => {
	const cause = new Error('connection refused');
	const error = await t.throwsAsync(until(async () => {
		throw cause;
	}, {...fast, budgetMs: 5}), {instanceOf: WaitTimeoutError});
	t.is(error.message, 'Waited 0.005 s in vain for the answer: connection refused');
	t.is(error.cause, cause);
});

test('an aborted wait throws the reason', async t => {
	const controller = new AbortController();
	const waiting = until(async () => {
		controller.abort(new Error('no longer wanted'));
		return false;
	}, {...fast, intervalMs: 60_000, signal: controller.signal});
	await t.throwsAsync(waiting, {message: 'no longer wanted'});
});
