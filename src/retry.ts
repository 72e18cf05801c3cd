/** Retries with exponential back-off and jitter, on a clock that a test may own. */
import pRetry from 'p-retry';
import type {Clock} from './clock.ts';
import {ApiError, messageOf} from './errors.ts';

export type RetryOptions = {
	readonly clock: Pick<Clock, 'sleep'>;
	/** Uniform in [0, 1). */
	readonly random: () => number;
	/**
	 * The pause after the first failure, milliseconds. It doubles with each further failure, up to `longestMs`; jitter takes up
	 * to half of it away. If the API server asks for a longer pause, it gets that (see `pauseAfter`).
	 */
	readonly firstMs: number;
	readonly longestMs: number;
	/** Called with each failure, before the pause. An error that it throws ends the retries. */
	readonly onFailure: (error: unknown) => void;
	readonly signal: AbortSignal;
};

/** The longest pause that the API server asks for (apiserver/pkg/util/flowcontrol/dropped_requests_tracker.go). A proxy may ask for hours. */
const longestRetryAfterMs = 32_000;

/**
 * How long to wait after a failed request, milliseconds: `ms`, or longer if the API server asks for that, but then at most
 * 32 s. A deadline must end the wait earlier, by the signal of `Clock.sleep`.
 */
export const pauseAfter = (error: unknown, ms: number): number =>
	Math.max(ms, error instanceof ApiError ? Math.min(error.retryAfterMs, longestRetryAfterMs) : 0);

/**
 * Calls `attempt` until it succeeds, and resolves with its result.
 *
 * @throws the signal's reason when it is aborted first, or what `onFailure` throws.
 */
export const retry = async <T>(attempt: () => Promise<T>, {clock, random, firstMs, longestMs, onFailure, signal}: RetryOptions): Promise<T> =>
	pRetry(async () => attempt().catch((error: unknown) => {
		// p-retry gives up on a TypeError. One odd object must not stop a replica, so `onFailure` alone decides.
		throw new Error(messageOf(error), {cause: error});
	}), {
		signal,
		retries: Infinity,
		// p-retry would pause by the system clock.
		minTimeout: 0,
		async onFailedAttempt({error: {cause}, attemptNumber}) {
			onFailure(cause);
			const backOffMs = Math.min(firstMs * 2 ** (attemptNumber - 1), longestMs);
			await clock.sleep(pauseAfter(cause, backOffMs * (1 - random() / 2)), signal);
		},
	});
