/**
 * How many numbers a namespace holds without a live Pod. A Pod that is rejected after its admission holds its numbers for the
 * hold time, and its controller sends it again and again: without a limit, one namespace could hold a whole range. Pure.
 */
import type {HeldLimit, PodDemand, Protocol} from './demand.ts';
import {parseEntryKey} from './ledger-entry.ts';
import type {LedgerEntry} from './ledger-entry.ts';
import type {LedgerPage} from './ledger-page.ts';
import {countNumbers, rangeContaining} from './port-range.ts';
import type {AllowedRange} from './port-range.ts';
import type {PortSpace} from './port-space.ts';

export type OverLimit = {
	readonly kind: 'over limit';
	readonly namespace: string;
	/** How many numbers the namespace holds. */
	readonly held: number;
	/** How many more the Pod needs. */
	readonly needed: number;
	readonly limit: HeldLimit;
};

/** The share of a range that one namespace may hold, unless the administrator says otherwise. */
const defaultShare = 1 / 3;

/**
 * A namespace that holds less than this share of its limit is counted from cached pages, which costs nothing. So with n
 * replicas, parallel commits may exceed the limit by n times this share, and else by what they commit at the same time.
 */
const uncheckedShare = 1 / 8;

/** The limit for a Pod whose range begins at `basePort`. @param most what the administrator allows; undefined: a third of the range. */
export const heldLimitOf = (ranges: readonly AllowedRange[], basePort: number, most: number | undefined): HeldLimit | undefined => {
	const range = rangeContaining(ranges, basePort);
	return range && {
		first: range.first,
		last: range.last,
		most: most ?? Math.max(1, Math.floor((countNumbers([range]) - countNumbers(range.excluded ?? [])) * defaultShare)),
	};
};

/** `game` of `game/server-0`. */
export const namespaceOf = (pod: string): string => pod.slice(0, Math.max(0, pod.indexOf('/')));

export const isHeld = ({state}: LedgerEntry): boolean => state === 'pending' || state === 'released';

/**
 * Whether the Pod may reserve these ports: `over limit` if not, `near limit` if only a count of fresh pages can tell. A number
 * that the Pod takes over from its predecessor, or that its namespace holds already, is no further number. A Pod may always
 * have its numbers if its namespace holds none, however many they are.
 */
export const checkHeld = (space: PortSpace, {pod, heldLimit: limit}: PodDemand, ports: ReadonlyArray<{readonly port: number; readonly protocol: Protocol}>): OverLimit | 'near limit' | undefined => {
	if (!limit) {
		return undefined;
	}

	const namespace = namespaceOf(pod);
	const held = space.heldBy(namespace, limit);
	const further = new Set(ports
		.filter(({port, protocol}) => port >= limit.first && port <= limit.last && !held.has(port) && !space.entryAt(port, protocol))
		.map(({port}) => port));
	if (further.size === 0 || held.size === 0) {
		return undefined;
	}

	const sum = held.size + further.size;
	if (sum > limit.most) {
		return {kind: 'over limit', namespace, held: held.size, needed: further.size, limit};
	}

	return sum > limit.most * uncheckedShare ? 'near limit' : undefined;
};

/** The numbers of a page that a namespace holds. */
export const heldIn = (page: LedgerPage, namespace: string): readonly number[] => {
	const byNamespace = cache.get(page) ?? Map.groupBy([...page.entries].filter(([, entry]) => isHeld(entry)), ([, {pod}]) => namespaceOf(pod));
	cache.set(page, byNamespace);
	return (byNamespace.get(namespace) ?? []).map(([key]) => parseEntryKey(key)!.port);
};

/** Computed once for a version of a page. */
const cache = new WeakMap<LedgerPage, ReadonlyMap<string, ReadonlyArray<readonly [key: string, entry: LedgerEntry]>>>();
