/**
 * Decides which Pod gets which numbers. Pure: pages and demands in, numbers and ledger entries out. The Pod's unmanaged ports
 * keep their numbers (own-ports.ts). For the others `allocate` prefers, in this order: numbers that an earlier attempt of the
 * same request has reserved, numbers of the Pod's predecessor of the same name, numbers by the Pod's ordinal, and then free
 * numbers.
 */
import {longestRun, withOneRun} from './contiguous.ts';
import type {HeldLimit, PodDemand} from './demand.ts';
import {reserve} from './entry-states.ts';
import {withRandom, withRun, withSingles} from './free-numbers.ts';
import {checkHeld} from './held-numbers.ts';
import type {OverLimit} from './held-numbers.ts';
import {entryKey} from './ledger-entry.ts';
import type {LedgerEntry} from './ledger-entry.ts';
import {ownPortsToEnter, problemOfOwnPorts} from './own-ports.ts';
import type {OwnPortProblem} from './own-ports.ts';
import type {PortSpace} from './port-space.ts';
import {withOrdinal, withPredecessors, withReservedEarlier} from './preferred-numbers.ts';
import {countAvailable, startSearch} from './search.ts';
import type {Search} from './search.ts';

/** One admission that waits for its ports. */
export type PendingRequest = {
	readonly demand: PodDemand;
	/** The token for entries made by this attempt. Each attempt has its own, so that a late write of an earlier attempt is not mistaken for this one. */
	readonly claim: string;
	/** The tokens of earlier attempts whose writes may have succeeded although no reply came. */
	readonly earlierClaims: readonly string[];
};

export type Outcome =
	| OwnPortProblem
	| OverLimit
	| {
		readonly kind: 'allocated';
		/** One for each of `demand.numbers`, in their order. */
		readonly numbers: readonly number[];
		/** Must be committed before the request may be answered. Empty if an earlier attempt has reserved all ports. */
		readonly changes: ReadonlyMap<string, LedgerEntry>;
		/** Set if the namespace may be at this limit, so that its held numbers must be counted in fresh pages. */
		readonly nearLimit?: HeldLimit;
	}
	| {
		readonly kind: 'exhausted';
		/** Free numbers of the range for the first port that got none, counted before the Pod's other ports took numbers. */
		readonly free: number;
		/** The length of the longest free run, if the Pod must have one. */
		readonly longestRun?: number;
	};

/**
 * Allocates for one request. Takes the numbers from `space`, so that the next request of the batch does not get them. If
 * not every port can get a number, or an unmanaged port can't keep its own, or the namespace would hold too many, takes none.
 *
 * @param random uniform in [0, 1), for the `Random` strategy.
 * @param since the time to show in the new entries, RFC 3339, for people.
 */
export const allocate = (space: PortSpace, request: PendingRequest, random: () => number, since: string): Outcome => {
	const {demand, claim, earlierClaims} = request;
	const problem = problemOfOwnPorts(space, request);
	if (problem) {
		return problem;
	}

	const reservedEarlier = withReservedEarlier(startSearch(space, demand), earlierClaims);
	const known = withPredecessors(reservedEarlier);
	const preferred = demand.contiguous ? known : withOrdinal(known);
	const numbers = demand.contiguous ? withOneRun(known, random)?.numbers : freeNumbers(preferred, random);
	if (!numbers || !isComplete(numbers)) {
		const protocols = preferred.masks[numbers?.indexOf(undefined) ?? 0]!;
		return {kind: 'exhausted', free: countAvailable(preferred, protocols), ...(demand.contiguous && {longestRun: longestRun(known)})};
	}

	const given = demand.numbers.flatMap(({ports}, index) => numbers[index] === reservedEarlier.numbers[index]
		? []
		: ports.map(({name, protocol}) => ({name, protocol, port: numbers[index]!})));
	const ports = [...given, ...ownPortsToEnter(space, request)];
	const limit = checkHeld(space, demand, ports);
	if (limit?.kind === 'over limit') {
		return limit;
	}

	const changes = new Map<string, LedgerEntry>();
	for (const {port, protocol, name} of ports) {
		const entry = reserve(demand.pod, name, claim, since);
		changes.set(entryKey(port, protocol), entry);
		space.take(port, protocol, entry);
	}

	return {kind: 'allocated', numbers, changes, ...(limit && {nearLimit: limit.limit})};
};

const freeNumbers = (preferred: Search, random: () => number): Search['numbers'] =>
	(preferred.demand.strategy === 'Random' ? withRandom(preferred, random) : withRun(preferred) ?? withSingles(preferred)).numbers;

const isComplete = (numbers: ReadonlyArray<number | undefined>): numbers is readonly number[] => !numbers.includes(undefined);
