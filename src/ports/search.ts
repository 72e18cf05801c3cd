/** The state of the search for one Pod's numbers, and the numbers that it may still find. Pure. */
import type {PodDemand} from './demand.ts';
import {everyProtocol, protocolBit, protocolMask} from './ledger-entry.ts';
import type {NumberSet} from './number-set.ts';
import {rangeContaining} from './port-range.ts';
import type {PortSpace} from './port-space.ts';

/** A value that never changes: each step of the search makes a new one. */
export type Search = {
	readonly space: PortSpace;
	readonly demand: PodDemand;
	/** The protocols of each demanded number. */
	readonly masks: readonly number[];
	/** One for each demanded number; undefined if it is still missing. */
	readonly numbers: ReadonlyArray<number | undefined>;
	/** By number, the protocols that this Pod already uses: its own ports, and every protocol of the numbers found so far. */
	readonly own: ReadonlyMap<number, number>;
};

export const startSearch = (space: PortSpace, demand: PodDemand): Search => {
	const masks = demand.numbers.map(({ports}) => protocolMask(ports));
	const own = new Map<number, number>();
	for (const {port, protocol} of demand.ownPorts) {
		own.set(port, (own.get(port) ?? 0) | protocolBit[protocol]);
	}

	return {space, demand, masks, numbers: masks.map(() => undefined), own};
};

/** @param numbers those of the search and those found in addition. */
export const withNumbers = (search: Search, numbers: Search['numbers']): Search => {
	const own = new Map(search.own);
	for (const port of numbers) {
		if (port !== undefined) {
			own.set(port, everyProtocol);
		}
	}

	return {...search, numbers, own};
};

/** The indices of the demanded numbers that are still missing. */
export const missingOf = ({numbers}: Search): number[] =>
	numbers.flatMap((number, index) => number === undefined ? [index] : []);

/** Whether the Pod may have these protocols on this number: it is in the Pod's range, not excluded, and the Pod does not have them already. */
export const isAllowed = ({demand: {basePort, maxPort, excluded = []}, own}: Search, port: number, mask: number): boolean =>
	port >= basePort && port <= maxPort && ((own.get(port) ?? 0) & mask) === 0 && !rangeContaining(excluded, port);

/** The same, and the number is free. */
export const isAvailable = (search: Search, port: number, mask: number): boolean =>
	isAllowed(search, port, mask) && search.space.isFree(port, mask);

/** The numbers that this Pod may get for these protocols, and free ones outside its range. The caller must not change the set. */
export const availableNumbers = ({space, own, demand: {excluded = []}}: Search, mask: number): NumberSet => {
	const free = space.freeFor(mask);
	if (own.size === 0 && excluded.length === 0) {
		return free;
	}

	const available = free.copy();
	for (const {first, last} of excluded) {
		available.deleteBetween(first, last);
	}

	for (const [port, ownMask] of own) {
		if ((ownMask & mask) !== 0) {
			available.delete(port);
		}
	}

	return available;
};

/** How many numbers of the Pod's range are free for these protocols. */
export const countAvailable = (search: Search, mask: number): number =>
	availableNumbers(search, mask).countBetween(search.demand.basePort, search.demand.maxPort);
