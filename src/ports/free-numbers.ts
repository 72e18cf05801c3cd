/** How each strategy chooses among free numbers. Pure. */
import {pageOf} from './ledger-page.ts';
import {lowestBit} from './number-set.ts';
import type {NumberSet} from './number-set.ts';
import {availableNumbers, missingOf, withNumbers} from './search.ts';
import type {Search} from './search.ts';

/**
 * The first free run of consecutive numbers from the base port on, for all numbers that are still missing; undefined if
 * there is none. A run inside one page is preferred: it costs one write, which commits all ports of the Pod or none.
 *
 * @param from the lowest number that the run may have.
 */
export const withRun = (search: Search, from = search.demand.basePort): Search | undefined => {
	const {space: {blockSize}, demand: {maxPort}} = search;
	const missing = missingOf(search);
	if (missing.length === 0) {
		return search;
	}

	const available = availableByMask(search);
	const sets = missing.map(index => available.get(search.masks[index]!)!);
	const lastPage = (start: number) => pageOf(start + sets.length - 1, blockSize);
	const first = firstRun(sets, from, maxPort);
	// Skips runs that cross a page border, which need two commits, and falls back on the first one.
	let start = first;
	while (start !== undefined && pageOf(start, blockSize) !== lastPage(start)) {
		start = firstRun(sets, lastPage(start), maxPort);
	}

	const run = start ?? first;
	return run === undefined ? undefined : withRunFrom(search, missing, run);
};

/** The lowest start of a run between `from` and `last` whose nth number is in the nth set. */
const firstRun = (sets: readonly NumberSet[], from: number, last: number): number | undefined => {
	for (let port = sets[0]!.next(from); port + sets.length - 1 <= last; port = sets[0]!.next(port + 32)) {
		// Checks thirty-two starts at once: each number of the run keeps the starts for which its set contains it.
		let starts = sets[0]!.window(port);
		for (let position = 1; position < sets.length && starts !== 0; position++) {
			starts &= sets[position]!.window(port + position);
		}

		if (starts !== 0) {
			const start = port + lowestBit(starts);
			return start + sets.length - 1 <= last ? start : undefined;
		}
	}

	return undefined;
};

const withRunFrom = (search: Search, missing: readonly number[], start: number): Search => {
	const numbers = [...search.numbers];
	for (const [position, index] of missing.entries()) {
		numbers[index] = start + position;
	}

	return withNumbers(search, numbers);
};

/** The first free numbers, wherever they are. */
export const withSingles = (search: Search): Search => {
	const {demand: {basePort, maxPort}} = search;
	const nextByMask = new Map<number, number>();
	return withEach(search, (available, mask) => {
		const port = available.next(nextByMask.get(mask) ?? basePort);
		nextByMask.set(mask, port);
		return port <= maxPort ? port : undefined;
	});
};

/**
 * Random free numbers, all in one page if it has enough, so that one write commits the Pod. The page is that of a number
 * drawn from all free numbers. So a page is chosen in proportion to its free numbers, and every number is equally likely.
 */
export const withRandom = (search: Search, random: () => number): Search => {
	const {space: {blockSize}, demand: {basePort, maxPort}} = search;
	const draw = (available: NumberSet, first: number, last: number) => {
		const count = available.countBetween(first, last);
		return count === 0 ? undefined : available.at(Math.floor(random() * count), first, last);
	};

	let page: {readonly first: number; readonly last: number} | undefined;
	return withEach(search, available => {
		if (!page) {
			const lot = draw(available, basePort, maxPort) ?? basePort;
			const first = pageOf(lot, blockSize);
			page = {first: Math.max(first, basePort), last: Math.min(first + blockSize - 1, maxPort)};
		}

		return draw(available, page.first, page.last) ?? draw(available, basePort, maxPort);
	});
};

/** Fills in the missing numbers one after the other with what `choose` finds among those available for their protocols. */
const withEach = (search: Search, choose: (available: NumberSet, mask: number) => number | undefined): Search => {
	const numbers = [...search.numbers];
	const left = new Map([...availableByMask(search)].map(([mask, available]) => [mask, available.copy()]));
	for (const index of missingOf(search)) {
		const mask = search.masks[index]!;
		const port = choose(left.get(mask)!, mask);
		numbers[index] = port;
		for (const available of port === undefined ? [] : left.values()) {
			available.delete(port!);
		}
	}

	return withNumbers(search, numbers);
};

const availableByMask = (search: Search): ReadonlyMap<number, NumberSet> => {
	const masks = new Set(missingOf(search).map(index => search.masks[index]!));
	return new Map([...masks].map(mask => [mask, availableNumbers(search, mask)]));
};
