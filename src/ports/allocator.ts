/**
 * Who gets which numbers. Pure: pages and demands in, numbers and ledger entries out. The order of preference is the
 * order of the steps in `allocate`: what an earlier attempt already has in the ledger, what the Pod's predecessor of the
 * same name had, what its ordinal stands for, and only then a free run or single free numbers.
 */
import type {PodDemand} from './demand.ts';
import {reserve} from './entry-states.ts';
import {withRandom, withRun, withSingles} from './free-numbers.ts';
import {withReservedEarlier, withOrdinal, withPredecessors} from './preferred-numbers.ts';
import {entryKey} from './ledger-entry.ts';
import type {LedgerEntry} from './ledger-entry.ts';
import type {PortSpace} from './port-space.ts';
import {countAvailable, missingOf, startSearch} from './search.ts';

/** One admission's wish, as it stands in the queue. */
export type PendingRequest = {
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
		/** How many numbers between base and maximum were free for the first port that found none, before the Pod's others took theirs. */
		readonly free: number;
	};

/**
 * Allocates for one request and takes the numbers from `space`, so that the next request of the batch does not get them.
 *
 * @param random uniform in [0, 1), for the `Random` strategy.
 * @param since the time that new entries show, RFC 3339.
 */
export const allocate = (space: PortSpace, request: PendingRequest, random: () => number, since: string): Outcome => {
	const {demand, claim, earlierClaims} = request;
	const landed = withReservedEarlier(startSearch(space, demand), earlierClaims);
	const known = withOrdinal(withPredecessors(landed));
	const {numbers} = demand.strategy === 'Random' ? withRandom(known, random) : withRun(known) ?? withSingles(known);
	if (!isComplete(numbers)) {
		const lacking = known.masks[numbers.indexOf(undefined)]!;
		return {kind: 'exhausted', free: countAvailable(known, lacking)};
	}

	const changes = new Map<string, LedgerEntry>();
	for (const index of missingOf(landed)) {
		for (const {name, protocol} of demand.numbers[index]!.ports) {
			const entry = reserve(demand.pod, name, claim, since);
			changes.set(entryKey(numbers[index]!, protocol), entry);
			space.take(numbers[index]!, protocol, entry);
		}
	}

	return {kind: 'allocated', numbers, changes};
};

const isComplete = (numbers: ReadonlyArray<number | undefined>): numbers is readonly number[] => !numbers.includes(undefined);
