/** What must have been read, and how recently, before a plan may be committed or answered (docs/adr/0003-freshness.md). Pure. */
import type {PendingRequest} from '../ports/allocator.ts';
import type {BatchPlan} from '../ports/batch-plan.ts';
import {pageOf, pageOfKey} from '../ports/ledger-page.ts';
import type {Repair} from '../ports/repair.ts';

/** Times are on the reader's monotonic clock. */
export type RequiredReads = {
	/** The index must have been read after this. */
	readonly index: number;
	/** By first port: the page, or its absence, must have been read after this. */
	readonly pages: ReadonlyMap<number, number>;
	/** The pages that the plan writes. */
	readonly written: ReadonlySet<number>;
	/**
	 * Pages that must come from etcd. A stale read of any other page is safe: the plan only writes there, and a write to a
	 * stale version fails.
	 */
	readonly consistent: ReadonlySet<number>;
};

export type TimedRequest = PendingRequest & {
	readonly arrivedAt: number;
	/** Pages that a write of unknown outcome may have changed. */
	readonly unconfirmedPages: ReadonlySet<number>;
};

export type RequiredReadsInput = {
	readonly plan: BatchPlan<TimedRequest>;
	/** All repairs of the batch, also those that were dropped: only a fresh page tells which still apply. */
	readonly repairs: readonly Repair[];
	readonly blockSize: number;
	/** First ports of the pages that exist between two ports. */
	readonly pageStartsBetween: (base: number, max: number) => readonly number[];
	/** No other replica has held the Lease after this. */
	readonly soleHolderSince: number;
	/** When planning for this batch began. */
	readonly startedAt: number;
	readonly now: number;
};

/**
 * A page that may hold the predecessor's ports is read again if it was read longer than this before planning began or the Pod
 * arrived, whichever is later. The Lease alone is not enough: a commit may begin while the Lease is being acquired, and pages
 * are created ahead without it.
 */
const predecessorLifetimeMs = 1000;

/** Greatest age of a page that the plan skips because it is full. Bounds how long a freed port is overlooked. */
const fullPageLifetimeMs = 10_000;

/** A page is current if it was read after another replica last held the Lease. Writing an older page costs a conflict, never a duplicate. */
export const requiredReads = ({plan, repairs, blockSize, pageStartsBetween, soleHolderSince, startedAt, now}: RequiredReadsInput): RequiredReads => {
	const pages = new Map<number, number>();
	const consistent = new Set<number>();
	const require = (first: number, readAfter: number) => pages.set(first, Math.max(readAfter, pages.get(first) ?? -Infinity));
	for (const {key} of repairs) {
		require(pageOfKey(key, blockSize), soleHolderSince);
	}

	let index = -Infinity;
	for (const {request: {demand, arrivedAt, unconfirmedPages}, outcome, touchedPages} of plan.requests) {
		for (const first of [...touchedPages, ...unconfirmedPages]) {
			require(first, soleHolderSince);
		}

		for (const first of unconfirmedPages) {
			consistent.add(first);
		}

		if (outcome.kind === 'taken' || outcome.kind === 'unusable page') {
			// No compare-and-swap proves this denial either.
			const first = pageOf(outcome.port.port, blockSize);
			require(first, startedAt);
			consistent.add(first);
		}

		const limit = outcome.kind === 'over limit' ? outcome.limit : outcome.kind === 'allocated' ? outcome.nearLimit : undefined;
		if (limit) {
			// Nor does one prove a count over several pages. Under the Lease no other replica adds to it.
			const countedAfter = outcome.kind === 'over limit' ? startedAt : soleHolderSince;
			index = Math.max(index, countedAfter);
			for (const first of pageStartsBetween(limit.first, limit.last)) {
				require(first, countedAfter);
				consistent.add(first);
			}
		}

		// A predecessor's ports, or the last free port, may be on any page, and no compare-and-swap proves that they are on none.
		const mustSeeAll = demand.hasFixedName || outcome.kind === 'exhausted';
		const predecessorReadAfter = Math.max(soleHolderSince, Math.max(startedAt, arrivedAt) - predecessorLifetimeMs);
		const allReadAfter = outcome.kind === 'exhausted' ? startedAt : predecessorReadAfter;
		index = mustSeeAll ? Math.max(index, allReadAfter) : index;
		for (const first of pageStartsBetween(demand.basePort, demand.maxPort)) {
			require(first, mustSeeAll ? allReadAfter : now - fullPageLifetimeMs);
			if (mustSeeAll) {
				consistent.add(first);
			}
		}
	}

	return {index, pages, written: new Set(plan.changes.keys()), consistent};
};
