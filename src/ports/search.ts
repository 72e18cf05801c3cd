/** Where the search for one Pod's numbers stands, and which numbers it may still find. */
import type {PodDemand} from './demand.ts';
import {everyProtocol, protocolBit, protocolMask} from './ledger-entry.ts';
import type {NumberSet} from './number-set.ts';
import type {PortSpace} from './port-space.ts';

/** A value: each step of the search makes the next one. */
export type Search = {
	readonly space: PortSpace;
	readonly demand: PodDemand;
	/** The protocols of each demanded number. */
	readonly masks: readonly number[];
	/** One for each demanded number; undefined where it is still missing. */
	readonly numbers: ReadonlyArray<number | undefined>;
	/**
	 * By port number, the protocols that the Pod has on it already: those that it takes without us, and all on the numbers
	 * found so far.
	 */
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

/** @param numbers what the search has, and what has been found in addition. */
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

/** Whether the Pod may have these protocols on this number: it is in its range, and not the Pod's own already. */
export const isAllowed = ({demand: {basePort, maxPort}, own}: Search, port: number, mask: number): boolean =>
	port >= basePort && port <= maxPort && ((own.get(port) ?? 0) & mask) === 0;

/** Whether, besides, nobody else has them. */
export const isAvailable = (search: Search, port: number, mask: number): boolean =>
	isAllowed(search, port, mask) && search.space.isFree(port, mask);

/** The numbers that these protocols may have, also beyond the Pod's range. Must not be changed. */
export const availableNumbers = ({space, own}: Search, mask: number): NumberSet => {
	const free = space.freeFor(mask);
	if (own.size === 0) {
		return free;
	}

	const available = free.copy();
	for (const [port, ownMask] of own) {
		if ((ownMask & mask) !== 0) {
			available.delete(port);
		}
	}

	return available;
};

/** How many numbers of the Pod's range these protocols may have. */
export const countAvailable = (search: Search, mask: number): number =>
	availableNumbers(search, mask).countBetween(search.demand.basePort, search.demand.maxPort);
