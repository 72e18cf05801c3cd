/** Waiting for something to become true, by asking again and again. */
import {setTimeout as delay} from 'node:timers/promises';

export type UntilOptions = {
	/** What is waited for, as a sentence would name it: "the API server to be ready". */
	readonly what: string;
	readonly budgetMs: number;
	/** Default 50 ms: asking costs less than waiting does. */
	readonly intervalMs?: number;
	readonly signal?: AbortSignal | undefined;
};

/** Something did not become true in time. The cause is the last error, if asking failed. */
export class WaitTimeoutError extends Error {
	override name = 'WaitTimeoutError';

	constructor(what: string, budgetMs: number, options?: ErrorOptions) {
		const reason = options?.cause instanceof Error ? `: ${options.cause.message}` : '';
		super(`Waited ${budgetMs / 1000} s in vain for ${what}${reason}`, options);
	}
}

/**
 * Returns the first answer that is neither undefined nor false. An attempt that throws counts as "not yet".
 *
 * @throws {WaitTimeoutError}
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
