/** What a page contains besides its entries: keys and values of a person, or of another version. All of it is kept. Pure. */
import {clipRanges, formatPortRange, isPort} from './port-range.ts';
import type {PortRange} from './port-range.ts';

export type DamagedEntry = {
	readonly key: string;
	/** The numbers of this page that count as taken because of it, for every protocol; absent if it has no effect. */
	readonly reserves?: PortRange;
	/** What is wrong with it and what it does: the rest of a sentence that begins with the key. */
	readonly problem: string;
};

/**
 * Reads the numbers with which a key begins, `30558…` or `30600-30650…`. The value may stand for any protocol, so each of
 * them counts as taken: better to leak a port than to give it twice. A number of another page is not reserved by this one: a
 * replica that gives it reads only that other page.
 *
 * @param fault why key or value is not an entry; undefined if it would be one in another page.
 * @param block The numbers of this page.
 * @param pageNameOf The ConfigMap that owns a number.
 */
export const readDamaged = (key: string, fault: string | undefined, block: PortRange, pageNameOf: (port: number) => string): DamagedEntry => {
	const numbers = numbersOf(key);
	if (typeof numbers === 'string') {
		return {key, problem: `has no effect: ${numbers}`};
	}

	const [reserves] = clipRanges([numbers], block);
	if (!reserves) {
		return {key, problem: `has no effect here: ${describe(numbers)} must be in the ConfigMap ${pageNameOf(numbers.first)}`};
	}

	const others = [{first: numbers.first, last: block.first - 1}, {first: block.last + 1, last: numbers.last}].filter(({first, last}) => first <= last);
	const elsewhere = others.map(range => `; ${describe(range)} must be in other ConfigMaps, from ${pageNameOf(range.first)} on`);
	return {key, reserves, problem: `reserves ${describe(reserves)} for every protocol${fault ? ` (${fault})` : ''}${elsewhere.join('')}`};
};

const numbersOf = (key: string): PortRange | string => {
	const [, from, to] = /^(\d+)(?:-(\d+))?/.exec(key) ?? [];
	const range = {first: Number(from), last: Number(to ?? from)};
	if (from === undefined || !isPort(range.first) || !isPort(range.last)) {
		return 'it does not begin with a port number';
	}

	return range.first <= range.last ? range : 'the range ends before it begins';
};

const describe = (range: PortRange): string => range.first === range.last ? String(range.first) : formatPortRange(range);
