/** What must have been read, and since when, before a plan may be committed (docs/adr/0003-freshness.md). Pure. */
import type {PendingRequest} from '../ports/allocator.ts';
import type {BatchPlan} from '../ports/batch-plan.ts';
import {parseEntryKey} from '../ports/ledger-entry.ts';
import {pageOf} from '../ports/ledger-page.ts';
import type {Repair} from '../ports/repair.ts';

/** Times on the clock of whoever reads. */
export type Needs = {
	/** The index must have been read since. */
	readonly index: number;
	/** By first port: since when each page, or that there is none, must have been read. */
	readonly pages: ReadonlyMap<number, number>;
	/** The pages that will be written. */
	readonly touched: ReadonlySet<number>;
	/**
	 * Pages of which a stale answer would do harm. Of the others the plan wants no more than where to write: the
	 * compare-and-swap shows whether the answer was the latest.
	 */
	readonly consistent: ReadonlySet<number>;
};

/** What is known of a request that waits. */
export type Waited = {
	/** When it came. */
	readonly since: number;
	/** Pages that a write of unknown outcome may have changed. */
	readonly doubtfulPages: ReadonlySet<number>;
};

export type FreshnessInput = {
	readonly plan: BatchPlan<PendingRequest & Waited>;
	/** All that are in the batch, for only a fresh page tells which of them still fit. */
	readonly repairs: readonly Repair[];
	readonly blockSize: number;
	/** First ports of the pages that exist between two ports, as far as is known. */
	readonly existingBetween: (base: number, max: number) => readonly number[];
	/** Since when no other replica has had the Lease. */
	readonly since: number;
	/** When planning for this group began. */
	readonly startedAt: number;
	readonly now: number;
};

/**
 * Where a predecessor's ports are looked for, a page may be this old when the Pod comes: not every write is made under the
 * Lease. One that was made just before a Lease could be taken, or pages that were made ahead, leave no trace in it.
 */
const predecessorLifetimeMs = 1000;

/** A page that is only looked past, because it is full, may be this old: then freed ports are found again. */
const fullPageLifetimeMs = 10_000;

/**
 * What another replica has written before us is found by reading once after that; a stale page would cost a conflict,
 * never a duplicate.
 */
export const needsOf = ({plan, repairs, blockSize, existingBetween, since, startedAt, now}: FreshnessInput): Needs => {
	const readSince = new Map<number, number>();
	const need = (first: number, time: number) => readSince.set(first, Math.max(time, readSince.get(first) ?? -Infinity));
	for (const {key} of repairs) {
		need(pageOf(parseEntryKey(key)!.port, blockSize), since);
	}

	const consistent = new Set<number>();
	let indexSince = -Infinity;
	for (const {request: {demand, since: askedAt, doubtfulPages: written}, outcome, pages: touched} of plan.requests) {
		// Blocks may have had another size then.
		const doubtfulPages = [...written].map(first => pageOf(first, blockSize));
		for (const first of [...touched, ...doubtfulPages]) {
			need(first, since);
		}

		for (const first of doubtfulPages) {
			consistent.add(first);
		}

		// Its predecessor's ports, or the last free one, may be on any page. A refusal is the one answer that no write proves.
		const mustSeeAll = demand.hasFixedName || outcome.kind === 'exhausted';
		const allSince = outcome.kind === 'exhausted' ? startedAt : Math.max(since, Math.max(startedAt, askedAt) - predecessorLifetimeMs);
		indexSince = mustSeeAll ? Math.max(indexSince, allSince) : indexSince;
		for (const first of existingBetween(demand.basePort, demand.maxPort)) {
			need(first, mustSeeAll ? allSince : now - fullPageLifetimeMs);
			if (mustSeeAll) {
				consistent.add(first);
			}
		}
	}

	return {index: indexSince, pages: readSince, touched: new Set(plan.changes.keys()), consistent};
};
