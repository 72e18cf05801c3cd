/** How full the ledger is, by configured range: what the metrics show. Pure. */
import {parseEntryKey} from './ledger-entry.ts';
import type {EntryState, LedgerEntry} from './ledger-entry.ts';
import type {LedgerPage} from './ledger-page.ts';
import {formatPortRange, rangeContaining} from './port-range.ts';
import type {PortRange} from './port-range.ts';

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
export const countFree = (pages: Iterable<Pick<LedgerPage, 'first' | 'blockSize' | 'taken' | 'unusable'>>, ranges: readonly PortRange[]): FreeCount[] => {
	const counts = ranges.map(range => ({range, size: range.last - range.first + 1, taken: 0}));
	for (const {first, blockSize, taken, unusable} of pages) {
		for (const count of counts) {
			const to = Math.min(first + blockSize - 1, count.range.last);
			for (let port = Math.max(first, count.range.first); port <= to; port++) {
				count.taken += unusable || taken[port - first] !== 0 ? 1 : 0;
			}
		}
	}

	return counts.map(({range, size, taken}) => ({range: formatPortRange(range), free: size - taken, size}));
};
