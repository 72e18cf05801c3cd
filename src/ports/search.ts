/** Where the search for one Pod's numbers stands, and which numbers it may still find. */
import type {PodDemand} from './demand.ts';
import {everyProtocol, protocolBit, protocolMask} from './ledger-entry.ts';
import {highestPort} from './port-range.ts';
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
	 * For each port number the protocols that the Pod has on it already: those that it takes without us, and all on the
	 * numbers found so far. A table, for a hostile Pod takes tens of thousands.
	 */
	readonly own: Readonly<Uint8Array>;
};

export const startSearch = (space: PortSpace, demand: PodDemand): Search => {
	const masks = demand.numbers.map(({ports}) => protocolMask(ports));
	const own = new Uint8Array(highestPort + 1);
	for (const {port, protocol} of demand.taken) {
		own[port]! |= protocolBit[protocol];
	}

	return {space, demand, masks, numbers: masks.map(() => undefined), own};
};

/** @param numbers what the search has, and what has been found in addition. */
export const withNumbers = (search: Search, numbers: Search['numbers']): Search => {
	const own = Uint8Array.from(search.own);
	for (const port of numbers) {
		if (port !== undefined) {
			own[port] = everyProtocol;
		}
	}

	return {...search, numbers, own};
};

/** The indices of the demanded numbers that are still missing. */
export const missingOf = ({numbers}: Search): number[] =>
	numbers.flatMap((number, index) => number === undefined ? [index] : []);

/** Whether the Pod may have these protocols on this number: it is in its range, and not the Pod's own already. */
export const isAllowed = ({demand: {basePort, maxPort}, own}: Search, port: number, mask: number): boolean =>
	port >= basePort && port <= maxPort && (own[port]! & mask) === 0;

/** Whether, besides, nobody else has them. */
export const isAvailable = (search: Search, port: number, mask: number): boolean =>
	isAllowed(search, port, mask) && search.space.isFree(port, mask);

/** All numbers that are available for these protocols, ascending. */
export const availableNumbers = (search: Search, mask: number): number[] => {
	const {demand: {basePort, maxPort}} = search;
	const available: number[] = [];
	for (let port = basePort; port <= maxPort; port++) {
		if (isAvailable(search, port, mask)) {
			available.push(port);
		}
	}

	return available;
};
