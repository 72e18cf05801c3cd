import test from 'ava';
import {allowed, denied, errored, patched} from '../src/admission/review.ts';
import {BadReviewError} from '../src/errors.ts';
import {measuredLock, measuredMutator} from '../src/measured.ts';
import {createMetrics} from '../src/metrics.ts';

const never = new AbortController().signal;

test('each of the four answers is counted as what it is, and what is no review is not', async t => {
	const metrics = createMetrics();
	const request = {uid: '1'};
	const answers = [allowed(request), patched(request, []), patched(request, []), denied(request, {code: 503, message: ''}), errored(request, '')];
	const mutate = measuredMutator(async () => {
		const answer = answers.shift();
		if (!answer) {
			throw new BadReviewError(400, 'no review');
		}

		return answer;
	}, metrics);
	for (let count = answers.length; count > 0; count--) {
		await mutate({}, never);
	}

	await t.throwsAsync(mutate({}, never), {instanceOf: BadReviewError});
	const text = await metrics.registry.metrics();
	for (const [outcome, count] of [['allowed', 1], ['patched', 2], ['denied', 1], ['errored', 1]] as const) {
		t.true(text.includes(`hostport_admission_duration_seconds_count{outcome="${outcome}"} ${count}\n`), outcome);
	}
});

test('a turn that came is counted, one that was given up is not', async t => {
	const metrics = createMetrics();
	const tenure = {signal: never, soleHolderSince: 0, isHeld: () => true, release() {}};
	const answers = [async () => tenure, async () => Promise.reject(new Error('too late'))];
	const lock = measuredLock({acquire: async () => answers.shift()!()}, metrics);
	t.is(await lock.acquire(never), tenure);
	await t.throwsAsync(lock.acquire(never), {message: 'too late'});
	t.true((await metrics.registry.metrics()).includes('hostport_lease_wait_seconds_count 1\n'));
});
