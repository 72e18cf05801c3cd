/** Who has the numbers of a range, for a person who asks why too few are free. Pure. */
import type {PodDemand} from './demand.ts';
import {parseEntryKey, protocolBit, protocolMask} from './ledger-entry.ts';
import type {EntryState} from './ledger-entry.ts';
import type {LedgerPage} from './ledger-page.ts';

/** The holder of a number, 0 if it has none: a Pod that is gone or not stored yet; a Pod or Service without the operator; a live Pod that was given the number. */
const held = 1;
const foreign = 2;
const live = 3;

const holderOf: Readonly<Record<EntryState, number>> = {pending: held, released: held, foreign, bound: live};

/**
 * How many numbers of the Pod's range live Pods have, how many are held for Pods that are gone or not stored yet, and how
 * many are foreign, for any of the Pod's protocols. A number with several holders counts once: for a live Pod rather than for
 * a foreign one, and for that rather than as held. Excluded numbers do not count.
 *
 * @param pages of the ledger. Those that give no ports are left out.
 */
export const countHolders = ({numbers, basePort, maxPort, excluded = []}: PodDemand, pages: Iterable<LedgerPage>): {readonly live: number; readonly held: number; readonly foreign: number} => {
	const mask = protocolMask(numbers.flatMap(({ports}) => ports));
	const counts = [0, 0, 0, 0];
	for (const page of pages) {
		const {unusable, first, blockSize} = page;
		const from = Math.max(first, basePort);
		const end = Math.min(first + blockSize, maxPort + 1);
		if (unusable || from >= end) {
			continue;
		}

		const {byNumber, total} = holdersIn(page, mask);
		const add = (some: readonly number[], sign: 1 | -1) => {
			for (const holder of [held, foreign, live]) {
				counts[holder]! += sign * some[holder]!;
			}
		};

		add(end - from === blockSize ? total : countsIn(byNumber.subarray(from - first, end - first)), 1);
		for (const out of excluded) {
			if (out.first < end && out.last >= from) {
				add(countsIn(byNumber.subarray(Math.max(out.first, from) - first, Math.min(out.last + 1, end) - first)), -1);
			}
		}
	}

	return {live: counts[live]!, held: counts[held]!, foreign: counts[foreign]!};
};

type Holders = {
	/** The holder of each number of the page. */
	readonly byNumber: Uint8Array;
	readonly total: readonly number[];
};

/** Computed once for a version of a page: a full range is denied to hundreds of Pods a second. */
const holdersIn = (page: LedgerPage, mask: number): Holders => {
	const byMask = cache.get(page) ?? new Map<number, Holders>();
	cache.set(page, byMask);
	const cached = byMask.get(mask);
	if (cached) {
		return cached;
	}

	const {first, blockSize, entries} = page;
	const byNumber = new Uint8Array(blockSize);
	for (const [key, {state}] of entries) {
		const {port, protocol} = parseEntryKey(key)!;
		if ((mask & protocolBit[protocol]) !== 0) {
			byNumber[port - first] = Math.max(byNumber[port - first]!, holderOf[state]);
		}
	}

	const holders = {byNumber, total: countsIn(byNumber)};
	byMask.set(mask, holders);
	return holders;
};

const cache = new WeakMap<LedgerPage, Map<number, Holders>>();

/** How many numbers each holder has, by holder. */
const countsIn = (byNumber: Uint8Array): readonly number[] => {
	const counts = [0, 0, 0, 0];
	for (const holder of byNumber) {
		counts[holder]! += 1;
	}

	return counts;
};
