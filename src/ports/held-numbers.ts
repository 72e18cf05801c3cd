/**
 * How many numbers a namespace holds without a live Pod. A Pod that is rejected after its admission holds its numbers for the
 * hold time, and its controller sends it again and again: without a limit, one namespace could hold a whole range. Pure.
 */
import type {HeldLimit, PodDemand, Protocol} from './demand.ts';
import {parseEntryKey} from './ledger-entry.ts';
import type {LedgerEntry} from './ledger-entry.ts';
import type {LedgerPage} from './ledger-page.ts';
import {clipRanges, countNumbers, defaultBasePort, rangeContaining} from './port-range.ts';
import type {AllowedRange, PortRange} from './port-range.ts';
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

export type NearLimit = {
	readonly kind: 'near limit';
	readonly limit: HeldLimit;
};

/** The share of a range that one namespace may hold, unless the administrator says otherwise. */
const defaultShare = 1 / 3;

/**
 * A namespace that holds less than this share of its limit is counted from cached pages, which costs nothing. So with n
 * replicas, parallel commits may exceed the limit by n times this share, and else by what they commit at the same time.
 */
const uncheckedShare = 1 / 8;

/**
 * The limits for a Pod whose range begins at `basePort`. By default a third of the range; and a third of its part from the
 * default base port on, which is all that Pods without `hostport.io/base-port` have: it is so small that a third of the whole
 * range would fill it.
 *
 * @param most what the administrator allows in the range; undefined: these thirds.
 */
export const heldLimitsOf = (ranges: readonly AllowedRange[], basePort: number, most: number | undefined): readonly HeldLimit[] => {
	const range = rangeContaining(ranges, basePort);
	if (!range) {
		return [];
	}

	const {first, last} = range;
	if (most !== undefined) {
		return [{first, last, most}];
	}

	const byDefault = defaultBasePort(ranges) ?? first;
	return [first, ...(byDefault > first && byDefault <= last ? [byDefault] : [])].map(from => thirdOf(range, {first: from, last}));
};

const thirdOf = ({excluded = []}: AllowedRange, part: PortRange): HeldLimit =>
	({...part, most: Math.max(1, Math.floor((countNumbers([part]) - countNumbers(clipRanges(excluded, part))) * defaultShare))});

/** `game` of `game/server-0`. */
export const namespaceOf = (pod: string): string => pod.slice(0, Math.max(0, pod.indexOf('/')));

export const isHeld = ({state}: LedgerEntry): boolean => state === 'pending' || state === 'released';

type GivenPort = {readonly port: number; readonly protocol: Protocol};

/**
 * Whether the Pod may reserve these ports: `over limit` if not, `near limit` if only a count of fresh pages can tell. A number
 * that the Pod takes over from its predecessor, or that its namespace holds already, is no further number. A Pod may always
 * have its numbers if its namespace holds none, however many they are.
 */
export const checkHeld = (space: PortSpace, {pod, heldLimits = []}: PodDemand, ports: readonly GivenPort[]): OverLimit | NearLimit | undefined => {
	const checks = heldLimits.map(limit => checkLimit(space, namespaceOf(pod), limit, ports));
	return checks.find(check => check?.kind === 'over limit') ?? checks.find(check => check !== undefined);
};

const checkLimit = (space: PortSpace, namespace: string, limit: HeldLimit, ports: readonly GivenPort[]): OverLimit | NearLimit | undefined => {
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

	return sum > limit.most * uncheckedShare ? {kind: 'near limit', limit} : undefined;
};

/** The numbers of a page that a namespace holds. */
export const heldIn = (page: LedgerPage, namespace: string): readonly number[] => {
	const cached = cache.get(page);
	if (cached) {
		return cached.get(namespace) ?? [];
	}

	const byNamespace = new Map<string, number[]>();
	for (const [key, entry] of page.entries) {
		if (isHeld(entry)) {
			const name = namespaceOf(entry.pod);
			const numbers = byNamespace.get(name) ?? [];
			byNamespace.set(name, numbers);
			numbers.push(parseEntryKey(key)!.port);
		}
	}

	cache.set(page, byNamespace);
	return byNamespace.get(namespace) ?? [];
};

/** Computed once for a version of a page. */
const cache = new WeakMap<LedgerPage, ReadonlyMap<string, readonly number[]>>();
