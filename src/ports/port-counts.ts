/** How full the ledger is in each configured range, for the metrics. Pure. */
import {everyProtocol, parseEntryKey} from './ledger-entry.ts';
import type {EntryState, LedgerEntry} from './ledger-entry.ts';
import type {LedgerPage} from './ledger-page.ts';
import {countNumbers, formatPortRange, rangeContaining} from './port-range.ts';
import type {AllowedRange, PortRange} from './port-range.ts';
import {PortSpace} from './port-space.ts';

/** For entries outside of every configured range. */
const otherRange = 'other';

type StateCount = {readonly state: EntryState; readonly range: string; readonly count: number};

/** The number of entries for each range, the configured ones first, and each state; also those that are zero. */
export const countEntries = (entries: Iterable<readonly [key: string, entry: Pick<LedgerEntry, 'state'>]>, states: readonly EntryState[], ranges: readonly PortRange[]): StateCount[] => {
	const counts = new Map<string, number>();
	for (const [key, {state}] of entries) {
		const range = rangeContaining(ranges, parseEntryKey(key)!.port);
		const name = `${range ? formatPortRange(range) : otherRange} ${state}`;
		counts.set(name, (counts.get(name) ?? 0) + 1);
	}

	return [...ranges.map(range => formatPortRange(range)), otherRange].flatMap(range =>
		states.map(state => ({state, range, count: counts.get(`${range} ${state}`) ?? 0})));
};

type FreeCount = {readonly range: string; readonly free: number; readonly size: number};

/** For each range, how many numbers Pods may get, and how many of them are free for all protocols. An unusable page counts as full, a missing page as empty. */
export const countFree = (pages: ReadonlyMap<number, LedgerPage>, blockSize: number, ranges: readonly AllowedRange[]): FreeCount[] => {
	const free = new PortSpace(pages, blockSize).freeFor(everyProtocol).copy();
	for (const {first, last} of ranges.flatMap(({excluded = []}) => excluded)) {
		free.deleteBetween(first, last);
	}

	return ranges.map(range => ({
		range: formatPortRange(range),
		free: free.countBetween(range.first, range.last),
		size: countNumbers([range]) - countNumbers(range.excluded ?? []),
	}));
};
