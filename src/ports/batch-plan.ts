/** A plan for everything that waits in the queue, and what must be read before it may be committed. Pure. */
import {allocate} from './allocator.ts';
import type {Outcome, Request} from './allocator.ts';
import type {LedgerEntry} from './ledger-entry.ts';
import {parseEntryKey} from './ledger-entry.ts';
import {pageOf} from './ledger-page.ts';
import type {LedgerPage} from './ledger-page.ts';
import {PortSpace} from './port-space.ts';

export type PlannedRequest<R extends Request> = {
	readonly request: R;
	readonly outcome: Outcome;
	/** First ports of the pages that must be committed before the request may be answered. */
	readonly pages: ReadonlySet<number>;
};

export type BatchPlan<R extends Request> = {
	readonly requests: ReadonlyArray<PlannedRequest<R>>;
	/** The changes of each page, by its first port, ascending: the order in which they are committed. */
	readonly changes: ReadonlyMap<number, ReadonlyMap<string, LedgerEntry>>;
};

/** Plans one request after the other on the same space; see `allocate` for the parameters. */
export const planBatch = <R extends Request>(
	pages: ReadonlyMap<number, LedgerPage>,
	blockSize: number,
	requests: readonly R[],
	random: () => number,
	since: string,
): BatchPlan<R> => {
	const space = new PortSpace(pages, blockSize);
	const changes = new Map<number, Map<string, LedgerEntry>>();
	const planned = requests.map((request): PlannedRequest<R> => {
		const outcome = allocate(space, request, random, since);
		const touched = new Set<number>();
		for (const [key, entry] of outcome.kind === 'allocated' ? outcome.changes : []) {
			const first = pageOf(parseEntryKey(key)!.port, blockSize);
			touched.add(first);
			changes.set(first, (changes.get(first) ?? new Map<string, LedgerEntry>()).set(key, entry));
		}

		return {request, outcome, pages: touched};
	});
	return {requests: planned, changes: new Map([...changes].toSorted(([a], [b]) => a - b))};
};
