/**
 * Who gets which numbers. Pure: pages and demands in, numbers and ledger entries out. The order of preference is
 * the order of the functions below: what an earlier attempt already has in the ledger, what the Pod's predecessor of
 * the same name had, what its ordinal stands for, and only then a free run or single free numbers.
 */
import type {NamedPort, NumberDemand, PodDemand} from './demand.ts';
import {entryKey, parseEntryKey, protocolBit, protocolMask} from './ledger-entry.ts';
import type {LedgerEntry} from './ledger-entry.ts';
import {pageOf} from './ledger-page.ts';
import type {PortSpace} from './port-space.ts';

/** One admission's wish, as it stands in the queue. */
export type Request = {
	readonly demand: PodDemand;
	/** The token that entries made now will carry. Fresh for each attempt, so that a late write can be told from a new one. */
	readonly claim: string;
	/** The tokens of earlier attempts whose outcome is unknown: their writes may have landed. */
	readonly earlierClaims: readonly string[];
};

export type Outcome =
	| {
		readonly kind: 'allocated';
		/** One for each `demand.numbers`, in their order. */
		readonly numbers: readonly number[];
		/** What must be committed before the numbers may be told to anybody; empty where an earlier attempt has landed. */
		readonly changes: ReadonlyMap<string, LedgerEntry>;
	}
	| {
		readonly kind: 'exhausted';
		/** How many numbers between base and maximum are free for the first port that found none. */
		readonly free: number;
	};

/** Where one request's search stands: `numbers` has a number, or undefined, for each demanded one. */
type Search = {
	readonly space: PortSpace;
	readonly demand: PodDemand;
	/** The protocols of each demanded number. */
	readonly masks: readonly number[];
	readonly numbers: ReadonlyArray<number | undefined>;
};

/**
 * Allocates for one request and takes the numbers from `space`, so that the next request of the batch does not get them.
 *
 * @param random uniform in [0, 1), for the `Random` strategy.
 * @param since the time that new entries show, RFC 3339.
 */
export const allocate = (space: PortSpace, request: Request, random: () => number, since: string): Outcome => {
	const {demand} = request;
	const masks = demand.numbers.map(({ports}) => protocolMask(ports));
	const landed = withLanded({space, demand, masks, numbers: masks.map(() => undefined)}, request.earlierClaims);
	const known = withOrdinal(withPredecessors(landed));
	const complete = demand.strategy === 'Random' ? withRandom(known, random) : withRun(known) ?? withSingles(known);
	if (!complete) {
		return {kind: 'exhausted', free: countFree(known)};
	}

	const numbers = complete.numbers as number[];
	const changes = new Map<string, LedgerEntry>();
	for (const [index, {ports}] of demand.numbers.entries()) {
		for (const {name, protocol} of landed.numbers[index] === undefined ? ports : []) {
			const entry: LedgerEntry = {pod: demand.pod, port: name, state: 'pending', claim: request.claim, since};
			changes.set(entryKey(numbers[index]!, protocol), entry);
			space.take(numbers[index]!, protocol, entry);
		}
	}

	return {kind: 'allocated', numbers, changes};
};

/** Numbers that an earlier attempt of this same request reserved: its answer was lost, not its write. */
const withLanded = (search: Search, earlierClaims: readonly string[]): Search => {
	const isOurs = ({claim}: LedgerEntry) => claim !== undefined && earlierClaims.includes(claim);
	return earlierClaims.length === 0 ? search : withEntries(search, ({ports}, port) =>
		ports.every(named => hasEntry(search, port, named, isOurs)));
};

/**
 * A Pod with a fixed name takes over what its predecessor of that name had, in any state but `foreign`. Storage admits
 * one live Pod for each name: if the old one still lives, the new one is refused and the entries follow the old one.
 */
const withPredecessors = (search: Search): Search => {
	const {space, demand} = search;
	return demand.hasFixedName ? withEntries(search, ({ports}, port) => {
		const others = ports.filter(named => !hasEntry(search, port, named, ({state}) => state !== 'foreign'));
		return others.length < ports.length && space.isFree(port, protocolMask(others));
	}) : search;
};

const hasEntry = ({space, demand}: Search, port: number, {name, protocol}: NamedPort, isOurs: (entry: LedgerEntry) => boolean): boolean => {
	const entry = space.entryAt(port, protocol);
	return entry?.pod === demand.pod && entry.port === name && isOurs(entry);
};

/** Fills in numbers whose entries name this Pod, the lowest first, where `fits` holds. */
const withEntries = (search: Search, fits: (number: NumberDemand, port: number) => boolean): Search => {
	const {space, demand, masks} = search;
	const candidates = new Set(space.keysOf(demand.pod).map(key => parseEntryKey(key)!.port).toSorted((a, b) => a - b));
	const numbers = [...search.numbers];
	for (const [index, number] of demand.numbers.entries()) {
		numbers[index] ??= candidates.values().find(port =>
			!numbers.includes(port) && isAllowed(demand, port, masks[index]!) && fits(number, port));
	}

	return {...search, numbers};
};

/** Pod 0 gets the first numbers from base, Pod 1 the next ones: what a person expects to read off a StatefulSet. */
const withOrdinal = (search: Search): Search => {
	const {demand: {strategy, ordinal, basePort}, numbers} = search;
	if (strategy !== 'Sequential' || ordinal === undefined || numbers.some(number => number !== undefined)) {
		return search;
	}

	const start = basePort + ordinal * numbers.length;
	const run = numbers.map((_, index) => start + index);
	return run.every((port, index) => isAvailable(search, index, port)) ? {...search, numbers: run} : search;
};

/**
 * The first free run of consecutive numbers from base upward, for all that are still missing. A run inside one page
 * comes first: it costs one write, and the Pod's ports are then committed together or not at all.
 */
const withRun = (search: Search): Search | undefined => {
	const {space: {blockSize}, demand: {basePort, maxPort}} = search;
	const missing = missingOf(search);
	const runFrom = (start: number): Search =>
		({...search, numbers: search.numbers.map((number, index) => number ?? start + missing.indexOf(index))});
	let straddling: number | undefined;
	for (let start = basePort; start + missing.length - 1 <= maxPort; start++) {
		if (!missing.every((index, position) => isAvailable(search, index, start + position))) {
			continue;
		}

		if (missing.length < 2 || pageOf(start, blockSize) === pageOf(start + missing.length - 1, blockSize)) {
			return runFrom(start);
		}

		straddling ??= start;
	}

	return straddling === undefined ? undefined : runFrom(straddling);
};

/** The first free numbers, wherever they are. */
const withSingles = (search: Search): Search | undefined =>
	withEach(search, available => available.next().value);

/**
 * Each number uniform among the free ones. After the first, numbers of the same page are preferred: the page was hit
 * in proportion to its free numbers, so every number is as likely as before, and the Pod is committed in one write.
 */
const withRandom = (search: Search, random: () => number): Search | undefined => {
	let page: number | undefined;
	return withEach(search, available => {
		const free = [...available];
		const together = free.filter(port => pageOf(port, search.space.blockSize) === page);
		const choices = together.length > 0 ? together : free;
		const pick = choices[Math.floor(random() * choices.length)];
		page ??= pick && pageOf(pick, search.space.blockSize);
		return pick;
	});
};

/** Fills in what is missing one by one; undefined as soon as `choose` finds nothing. */
const withEach = (search: Search, choose: (available: Generator<number, undefined>) => number | undefined): Search | undefined => {
	const numbers = [...search.numbers];
	for (const index of missingOf(search)) {
		numbers[index] = choose(availableNumbers({...search, numbers}, index));
		if (numbers[index] === undefined) {
			return undefined;
		}
	}

	return {...search, numbers};
};

function * availableNumbers(search: Search, index: number): Generator<number, undefined> {
	for (let port = search.demand.basePort; port <= search.demand.maxPort; port++) {
		if (isAvailable(search, index, port)) {
			yield port;
		}
	}

	return undefined;
}

const missingOf = ({numbers}: Search): number[] =>
	numbers.flatMap((number, index) => number === undefined ? [index] : []);

/** Whether the number is free, allowed, and not one that this Pod already has. */
const isAvailable = ({space, demand, masks, numbers}: Search, index: number, port: number): boolean =>
	space.isFree(port, masks[index]!) && isAllowed(demand, port, masks[index]!) && !numbers.includes(port);

/** Whether the Pod may have this number: in its range, and not one that it takes by itself. */
const isAllowed = ({basePort, maxPort, taken}: PodDemand, port: number, mask: number): boolean =>
	port >= basePort && port <= maxPort
	&& !taken.some(own => own.port === port && (protocolBit[own.protocol] & mask) !== 0);

const countFree = (search: Search): number => {
	const index = missingOf(search)[0]!;
	return availableNumbers(search, index).reduce(count => count + 1, 0);
};
