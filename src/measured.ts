/** Parts of the operator that do what they did, and are timed while they do it. */
import {outcomeOf} from './admission/review.ts';
import type {AdmissionReview} from './admission/review.ts';
import type {LeaseLock} from './lease/lease-lock.ts';
import type {Metrics} from './metrics.ts';

type MutatePod = (body: unknown, signal: AbortSignal) => Promise<AdmissionReview>;

/** What is no review, and so throws, is not counted: no Pod came. */
export const measuredMutator = (mutatePod: MutatePod, {admissionDuration}: Pick<Metrics, 'admissionDuration'>): MutatePod =>
	async (body, signal) => {
		const end = admissionDuration.startTimer();
		const review = await mutatePod(body, signal);
		end({outcome: outcomeOf(review)});
		return review;
	};

/** Waiting that is given up is not counted: it has not come to its end. */
export const measuredLock = (lock: Pick<LeaseLock, 'acquire'>, {leaseWait}: Pick<Metrics, 'leaseWait'>): Pick<LeaseLock, 'acquire'> => ({
	async acquire(signal) {
		const end = leaseWait.startTimer();
		const tenure = await lock.acquire(signal);
		end();
		return tenure;
	},
});
