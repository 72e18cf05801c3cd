import test from 'ava';
import {createPodMutator} from '../../src/admission/mutate-pod.ts';
import {BadReviewError, DenialError} from '../../src/errors.ts';
import {createMetrics} from '../../src/metrics.ts';
import {replicaSetReview} from '../helpers/fixtures.ts';
import {never, silent} from '../helpers/opened-ledger.ts';
import {defaultRanges} from '../helpers/pods.ts';

/** A mutator whose ledger answers like `reserve`, and the number of admissions with each outcome. */
const mutatorWith = (reserve: () => Promise<readonly number[]>) => {
	const metrics = createMetrics();
	const mutatePod = createPodMutator({reserve, dryRun: reserve, namespaceLabels: async () => ({}), ranges: defaultRanges, logger: silent, metrics});
	const counts = async () => {
		const text = await metrics.registry.metrics();
		return Object.fromEntries(['allowed', 'patched', 'denied', 'errored'].map(outcome =>
			[outcome, Number(new RegExp(`hostport_admission_duration_seconds_count\\{outcome="${outcome}"\\} (\\d+)`).exec(text)?.[1])]));
	};

	return {mutatePod, counts};
};

const none = {allowed: 0, patched: 0, denied: 0, errored: 0};

test('an admission counts by its outcome', async t => {
	const {mutatePod, counts} = mutatorWith(async () => [30_558, 30_559]);
	await mutatePod(replicaSetReview(), never);
	t.deepEqual(await counts(), {...none, patched: 1});
	const refusing = mutatorWith(async () => {
		throw new DenialError(503, 'no');
	});
	await refusing.mutatePod(replicaSetReview(), never);
	t.deepEqual(await refusing.counts(), {...none, denied: 1});
	const failing = mutatorWith(async () => {
		throw new TypeError('a defect');
	});
	await failing.mutatePod(replicaSetReview(), never);
	t.deepEqual(await failing.counts(), {...none, errored: 1});
});

test('a body that is no review does not count', async t => {
	const {mutatePod, counts} = mutatorWith(async () => []);
	await t.throwsAsync(mutatePod({}, never), {instanceOf: BadReviewError});
	t.deepEqual(await counts(), none);
});

test('a failure after the deadline is a denial', async t => {
	const {mutatePod} = mutatorWith(async () => {
		throw new Error('read ECONNRESET');
	});
	const {response} = await mutatePod(replicaSetReview(), AbortSignal.abort());
	t.like(response, {allowed: false, status: {code: 503, message: 'no host ports could be reserved in time: try again'}});
});
