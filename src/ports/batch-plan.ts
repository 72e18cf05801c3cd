/** Plans a batch: admissions first, then the repairs of entries that no admission has changed. Pure. */
import {allocate} from './allocator.ts';
import type {Outcome, PendingRequest} from './allocator.ts';
import {isSameEntry, parseEntryKey} from './ledger-entry.ts';
import type {LedgerEntry} from './ledger-entry.ts';
import {isVacant, pageOf, pageOfKey} from './ledger-page.ts';
import type {LedgerPage, PageChanges} from './ledger-page.ts';
import {PortSpace} from './port-space.ts';
import type {Repair} from './repair.ts';

export type PlannedRequest<R extends PendingRequest> = {
	readonly request: R;
	readonly outcome: Outcome;
	/** First ports of the pages that must be committed before the request may be answered. */
	readonly touchedPages: ReadonlySet<number>;
};

export type BatchPlan<R extends PendingRequest> = {
	readonly requests: ReadonlyArray<PlannedRequest<R>>;
	/**
	 * The changes of each page, by its first port, in the order of the commits: first the pages that admissions wait for,
	 * then the others, each group in ascending order.
	 */
	readonly changes: ReadonlyMap<number, PageChanges>;
	/** The repairs that the changes include. Repairs whose entry has changed are dropped. */
	readonly repairs: readonly Repair[];
};

export type Batch<R extends PendingRequest> = {
	readonly requests: readonly R[];
	readonly repairs: readonly Repair[];
};

/** Plans the requests one after the other, so that none gets what an earlier one got. For `random` and `since` see `allocate`. */
export const planBatch = <R extends PendingRequest>(
	pages: ReadonlyMap<number, LedgerPage>,
	blockSize: number,
	{requests, repairs}: Batch<R>,
	random: () => number,
	since: string,
): BatchPlan<R> => {
	const space = new PortSpace(pages, blockSize);
	const changes = new Map<number, Map<string, LedgerEntry | undefined>>();
	const change = (key: string, entry: LedgerEntry | undefined): number => {
		const first = pageOfKey(key, blockSize);
		changes.set(first, (changes.get(first) ?? new Map<string, LedgerEntry | undefined>()).set(key, entry));
		return first;
	};

	const planned = requests.map((request): PlannedRequest<R> => {
		const outcome = allocate(space, request, random, since);
		const touched = outcome.kind === 'allocated' ? [...outcome.changes].map(([key, entry]) => change(key, entry)) : [];
		return {request, outcome, touchedPages: new Set(touched)};
	});
	const fitting = repairs.filter(({key, judged}) => {
		const {port} = parseEntryKey(key)!;
		const first = pageOf(port, blockSize);
		const page = pages.get(first);
		// Since the entry was judged, an admission may have taken the port over, or a person may have written to the page.
		return page && !page.unusable && !changes.get(first)?.has(key) && isSameEntry(page.entries.get(key), judged)
			&& (judged !== undefined || isVacant(page, key));
	});
	for (const {key, next} of fitting) {
		change(key, next);
	}

	const awaited = new Set(planned.flatMap(({touchedPages}) => [...touchedPages]));
	const rank = (first: number) => (awaited.has(first) ? 0 : 1);
	return {requests: planned, changes: new Map([...changes].toSorted(([a], [b]) => rank(a) - rank(b) || a - b)), repairs: fitting};
};
