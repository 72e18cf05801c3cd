/** Plans with cached pages, reads those that are too old for that plan, and plans again. For commits and dry runs. */
import {timestamp} from '../clock.ts';
import type {Clock} from '../clock.ts';
import {planBatch} from '../ports/batch-plan.ts';
import type {Batch, BatchPlan} from '../ports/batch-plan.ts';
import type {LedgerPage} from '../ports/ledger-page.ts';
import type {LedgerCache} from './ledger-cache.ts';
import {requiredReads} from './required-reads.ts';
import type {RequiredReads, TimedRequest} from './required-reads.ts';

export type FreshPlanOptions<R extends TimedRequest> = {
	readonly cache: LedgerCache;
	readonly clock: Clock;
	/** Uniform in [0, 1). */
	readonly random: () => number;
	/** What to plan for. Called anew for each plan, because requests arrive and leave meanwhile. */
	readonly takeBatch: () => Batch<R>;
	/** Set for commits: every page that the plan writes must exist. */
	readonly writable?: 'writable';
	/** Reads what the cache does not cover. */
	readonly read: (required: RequiredReads, signal: AbortSignal) => Promise<void>;
	/** See `RequiredReadsInput`. */
	readonly soleHolderSince: number;
	readonly startedAt: number;
	readonly signal: AbortSignal;
};

export type FreshPlan<R extends TimedRequest> = {
	readonly plan: BatchPlan<R>;
	/** The versions of the pages that the plan rests on, by their first port. */
	readonly pages: ReadonlyMap<number, LedgerPage>;
};

/** How often to look whether the quarantine of a new page is over. */
const newPagePollMs = 50;

/** @throws the signal's reason when it is aborted, or what a read failed with. */
export const planWithFreshPages = async <R extends TimedRequest>({cache, clock, random, takeBatch, writable, read, soleHolderSince, startedAt, signal}: FreshPlanOptions<R>): Promise<FreshPlan<R>> => {
	for (;;) {
		signal.throwIfAborted();
		const batch = takeBatch();
		// A copy: other pages may be read during a commit, but each write must name the version that this plan used.
		const pages = cache.pagesForPlan();
		const plan = planBatch(pages, cache.blockSize, batch, random, timestamp(clock.date()));
		const required = requiredReads({
			plan,
			repairs: batch.repairs,
			blockSize: cache.blockSize,
			pageStartsBetween: (base, max) => cache.pageStartsBetween(base, max),
			soleHolderSince,
			startedAt,
			now: clock.now(),
		});
		if (!cache.covers(required, writable)) {
			await read(required, signal);
			continue;
		}

		const awaited = newPagesOf(plan, cache);
		if (awaited.length === 0) {
			return {plan, pages};
		}

		// The index may not list these pages yet.
		cache.invalidateIndex();
		for (const first of awaited) {
			cache.invalidate(first);
		}

		await clock.sleep(newPagePollMs, signal);
	}
};

/** Pages that a refused request needs and that this replica first saw in quarantine under a second ago. Their quarantine is probably about to end. */
const newPagesOf = ({requests}: BatchPlan<TimedRequest>, cache: LedgerCache): number[] => requests.flatMap(({request: {demand: {basePort, maxPort}}, outcome}) => {
	if (outcome.kind === 'unusable page') {
		return cache.justCreated(outcome.port.port, outcome.port.port);
	}

	return outcome.kind === 'exhausted' ? cache.justCreated(basePort, maxPort) : [];
});
