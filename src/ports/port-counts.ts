/** How full the ledger is, by configured range: what the metrics show. Pure. */
import {everyProtocol, parseEntryKey} from './ledger-entry.ts';
import type {EntryState, LedgerEntry} from './ledger-entry.ts';
import type {LedgerPage} from './ledger-page.ts';
import {formatPortRange, rangeContaining} from './port-range.ts';
import type {PortRange} from './port-range.ts';
import {PortSpace} from './port-space.ts';

/** Stands for whatever lies in no configured range. */
const otherRange = 'other';

export type StateCount = {readonly state: EntryState; readonly range: string; readonly count: number};

/** Entries by range, the configured ones first, and state; also those of which there are none. */
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

export type FreeCount = {readonly range: string; readonly free: number; readonly size: number};

/** Numbers of each range that no protocol has. A page that gives no ports counts as full, one that does not exist as empty. */
export const countFree = (pages: ReadonlyMap<number, LedgerPage>, blockSize: number, ranges: readonly PortRange[]): FreeCount[] => {
	const free = new PortSpace(pages, blockSize).freeFor(everyProtocol);
	return ranges.map(range => ({range: formatPortRange(range), free: free.countBetween(range.first, range.last), size: range.last - range.first + 1}));
};
