/** Ends the quarantine of pages that have just been created, so that they give ports at once. */
import type {Logger} from 'pino';
import type {Clock} from '../clock.ts';
import type {LedgerPage} from '../ports/ledger-page.ts';
import {retry} from '../retry.ts';
import type {Ledger} from './ledger.ts';
import type {Quarantine} from './quarantine.ts';

export type LiftNewPagesOptions = {
	readonly ledger: Ledger;
	readonly quarantine: Quarantine;
	readonly clock: Clock;
	/** Uniform in [0, 1). */
	readonly random: () => number;
	readonly logger: Logger;
};

/** Attempts. After the last one, the pages wait out the hold time. */
const maximumAttempts = 4;

/**
 * Tries several times, because otherwise these pages wait out the hold time.
 *
 * @param pages as they were read before this call, by the replica that added them to an index without quarantine.
 * @throws what the last attempt failed with, or the signal's reason.
 */
export const liftNewPages = async ({ledger, quarantine, clock, random, logger}: LiftNewPagesOptions, pages: readonly LedgerPage[], signal: AbortSignal): Promise<void> => {
	if (pages.length === 0) {
		return;
	}

	let attempts = 0;
	const lifted = await retry(async () => quarantine.liftPages(pages, signal), {
		clock,
		random,
		firstMs: 100,
		longestMs: 400,
		signal,
		onFailure(error) {
			attempts++;
			if (attempts === maximumAttempts) {
				throw error;
			}

			logger.debug({err: error}, 'the quarantine of new pages could not be lifted: trying again');
		},
	});
	for (const page of lifted) {
		ledger.cache.storePage(page);
	}
};
