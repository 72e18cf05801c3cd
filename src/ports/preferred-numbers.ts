/** Numbers that a Pod gets before others: those that the ledger already has for it, and those of its ordinal. Pure. */
import type {NamedPort, NumberDemand} from './demand.ts';
import {canBeReservedAgain} from './entry-states.ts';
import {parseEntryKey, protocolMask} from './ledger-entry.ts';
import type {LedgerEntry} from './ledger-entry.ts';
import {isAllowed, isAvailable, withNumbers} from './search.ts';
import type {Search} from './search.ts';

/** Numbers that an earlier attempt of the same request reserved: its write succeeded, but the reply was lost. */
export const withReservedEarlier = (search: Search, earlierClaims: readonly string[]): Search => {
	const isOurs = ({claim}: LedgerEntry) => claim !== undefined && earlierClaims.includes(claim);
	return earlierClaims.length === 0 ? search : withEntries(search, ({ports}, port) =>
		ports.every(named => hasEntry(search, port, named, isOurs)));
};

/**
 * A Pod with a fixed name takes over the numbers of its predecessor of that name. There is only one live Pod of each name:
 * if the predecessor still lives, the API server rejects the new Pod, and the entries follow the predecessor.
 */
export const withPredecessors = (search: Search): Search => {
	const {space, demand} = search;
	return demand.hasFixedName ? withEntries(search, ({ports}, port) => {
		// At least one port that shares the number has the predecessor's entry. For the others the number must be free.
		const others = ports.filter(named => !hasEntry(search, port, named, canBeReservedAgain));
		return others.length < ports.length && space.isFree(port, protocolMask(others));
	}) : search;
};

/** Pod 0 of a StatefulSet gets the first numbers from the base port, Pod 1 the next ones, so that people can predict them. */
export const withOrdinal = (search: Search): Search => {
	const {demand: {strategy, ordinal, basePort}, masks, numbers} = search;
	if (strategy !== 'Sequential' || ordinal === undefined || numbers.some(number => number !== undefined)) {
		return search;
	}

	const start = basePort + ordinal * numbers.length;
	return masks.every((mask, index) => isAvailable(search, start + index, mask))
		? withNumbers(search, masks.map((_, index) => start + index))
		: search;
};

/** Finds for each missing number the lowest one whose entry names this Pod and port and for which `fits` is true. */
const withEntries = (search: Search, fits: (number: NumberDemand, port: number) => boolean): Search => {
	const {space, demand, masks} = search;
	const entries = space.keysOf(demand.pod).map(key => parseEntryKey(key)!);
	const entriesByName = Map.groupBy(entries, ({port, protocol}) => space.entryAt(port, protocol)?.portName);
	const found = new Set(search.numbers);
	const numbers = search.numbers.map((reservedEarlier, index) => {
		const number = demand.numbers[index]!;
		const candidates = number.ports.flatMap(({name}) => entriesByName.get(name) ?? []).map(({port}) => port).toSorted((a, b) => a - b);
		const next = reservedEarlier ?? candidates.find(port => !found.has(port) && isAllowed(search, port, masks[index]!) && fits(number, port));
		found.add(next);
		return next;
	});
	return withNumbers(search, numbers);
};

const hasEntry = ({space, demand}: Search, port: number, {name, protocol}: NamedPort, isOurs: (entry: LedgerEntry) => boolean): boolean => {
	const entry = space.entryAt(port, protocol);
	return entry?.pod === demand.pod && entry.portName === name && isOurs(entry);
};
