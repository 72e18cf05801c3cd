/** Waits for a condition by polling. */
import {setTimeout as delay} from 'node:timers/promises';
import {messageOf} from '../../src/errors.ts';

export type UntilOptions = {
	/** The condition, as it follows "waited for": "the API server to be ready". */
	readonly what: string;
	readonly budgetMs: number;
	/** Default 50 ms. Longer if asking is expensive, as a list of all Pods is. */
	readonly intervalMs?: number;
	readonly signal?: AbortSignal | undefined;
};

/** The condition was not met in time. The cause is the error of the last attempt, if it threw. */
export class WaitTimeoutError extends Error {
	override name = 'WaitTimeoutError';

	constructor(what: string, budgetMs: number, options?: ErrorOptions) {
		const reason = options?.cause === undefined ? '' : `: ${messageOf(options.cause)}`;
		super(`Waited ${budgetMs / 1000} s in vain for ${what}${reason}`, options);
	}
}

/**
 * Asks until there is an answer other than undefined and false, and returns it. An attempt that throws counts as "not yet".
 *
 * @throws {WaitTimeoutError} when the budget is spent.
 * @throws the signal's reason when the signal is aborted.
 */
export const until = async <Answer>(
	ask: () => Promise<Answer | undefined | false>,
	{what, budgetMs, intervalMs = 50, signal}: UntilOptions,
): Promise<Answer> => {
	const deadlineMs = performance.now() + budgetMs;
	let lastError: unknown;
	do {
		try {
			const answer = await ask();
			if (answer !== undefined && answer !== false) {
				return answer;
			}

			lastError = undefined;
		} catch (error) {
			lastError = error;
		}

		await delay(intervalMs, undefined, {signal}).catch(() => {});
		signal?.throwIfAborted();
	} while (performance.now() < deadlineMs);

	throw new WaitTimeoutError(what, budgetMs, {cause: lastError});
};
