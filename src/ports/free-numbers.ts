/** Numbers that nobody has: how each strategy chooses among them. */
import {pageOf} from './ledger-page.ts';
import {availableNumbers, isAvailable, missingOf, withNumbers} from './search.ts';
import type {Search} from './search.ts';

/**
 * The first free run of consecutive numbers from base upward, for all that are still missing; undefined where there is
 * none. A run inside one page comes first: it costs one write, and the Pod's ports are then committed together or not at all.
 */
export const withRun = (search: Search): Search | undefined => {
	const {space: {blockSize}, demand: {basePort, maxPort}} = search;
	const missing = missingOf(search);
	const masks = missing.map(index => search.masks[index]!);
	const someMasks = new Set(masks);
	let straddling: number | undefined;
	let start = basePort;
	while (start + masks.length - 1 <= maxPort) {
		const blocked = masks.findLastIndex((mask, position) => !isAvailable(search, start + position, mask));
		const lastPage = pageOf(start + masks.length - 1, blockSize);
		if (blocked !== -1) {
			// No run can contain a number that fits none of them: going on behind it makes the search for a long run linear.
			start += someMasks.values().some(mask => isAvailable(search, start + blocked, mask)) ? 1 : blocked + 1;
		} else if (start < lastPage) {
			straddling ??= start;
			start = lastPage;
		} else {
			return withRunFrom(search, missing, start);
		}
	}

	return straddling === undefined ? undefined : withRunFrom(search, missing, straddling);
};

const withRunFrom = (search: Search, missing: readonly number[], start: number): Search => {
	const numbers = [...search.numbers];
	for (const [position, index] of missing.entries()) {
		numbers[index] = start + position;
	}

	return withNumbers(search, numbers);
};

/** The first free numbers, wherever they are. */
export const withSingles = (search: Search): Search =>
	withEach(search, available => available);

/**
 * Each number uniform among the free ones, but all in one page where it has enough, so that the Pod is committed in one
 * write. The page is that of a number drawn from all: so it is hit in proportion to its free numbers, and each is as likely as before.
 */
export const withRandom = (search: Search, random: () => number): Search => {
	const {space: {blockSize}, masks} = search;
	const [lot] = shuffled(availableNumbers(search, masks[missingOf(search)[0] ?? 0]!), random);
	const isTogether = (port: number) => lot !== undefined && pageOf(port, blockSize) === pageOf(lot, blockSize);
	return withEach(search, function * (available) {
		yield * shuffled(available.filter(port => isTogether(port)), random);
		yield * shuffled(available.filter(port => !isTogether(port)), random);
	});
};

/** Fills in what is missing one after the other, as far as there is something, in the order in which `arrange` puts what is available. */
const withEach = (search: Search, arrange: (available: readonly number[]) => Iterable<number>): Search => {
	const numbers = [...search.numbers];
	const found = new Set<number | undefined>();
	const candidatesByMask = new Map<number, IteratorObject<number, undefined>>();
	for (const index of missingOf(search)) {
		const mask = search.masks[index]!;
		const candidates = candidatesByMask.get(mask) ?? Iterator.from(arrange(availableNumbers(search, mask))).filter(port => !found.has(port));
		candidatesByMask.set(mask, candidates);
		numbers[index] = candidates.next().value;
		found.add(numbers[index]);
	}

	return withNumbers(search, numbers);
};

/** In random order, drawn one by one. */
function * shuffled(numbers: readonly number[], random: () => number): Generator<number, undefined> {
	const rest = [...numbers];
	while (rest.length > 0) {
		const index = Math.floor(random() * rest.length);
		yield rest[index]!;
		rest[index] = rest.at(-1)!;
		rest.pop();
	}

	return undefined;
}
