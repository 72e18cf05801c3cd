/**
 * Makes the ledger follow the cluster: what one pass changes, and why. Pure. A page must have been read *before* the Pods
 * were listed: then an entry in it without a live Pod in the list is a leak, or a Pod that is still on its way, and the
 * hold time tells which. An entry follows the live Pod that has its port: binding, releasing and removing look at
 * (protocol, port), never at a name or a token that a user could change.
 */
import type {HostPortUse} from './host-port-use.ts';
import {entryOf} from './host-port-use.ts';
import {entryKey} from './ledger-entry.ts';
import type {LedgerEntry} from './ledger-entry.ts';
import {pageOf} from './ledger-page.ts';
import type {LedgerPage} from './ledger-page.ts';

export type RepairReason = 'bind' | 'release' | 'expire' | 'adopt' | 'foreign' | 'gone';

/** One change, named with the exact entry that was judged: if that has changed by the time of the commit, it is dropped. */
export type Repair = {
	readonly reason: RepairReason;
	readonly key: string;
	/** Undefined: there was none. */
	readonly judged: LedgerEntry | undefined;
	/** Undefined: the port becomes free. */
	readonly next: LedgerEntry | undefined;
};

/** Since when this process has seen an entry as it is. A (port, claim, state) never comes back once it has gone. */
export type Sighting = {
	readonly claim: string | undefined;
	readonly state: LedgerEntry['state'];
	/** On the caller's monotonic clock, milliseconds. */
	readonly firstSeen: number;
};

/** A port that several live Pods have, one of them at least by us. */
export type Duplicate = {
	readonly key: string;
	/** One for each Pod. */
	readonly uses: readonly HostPortUse[];
};

export type PassInput = {
	/** By first port. Pages in quarantine, or that can't be read, are left alone. */
	readonly pages: ReadonlyMap<number, LedgerPage>;
	readonly blockSize: number;
	/** Host ports of all live Pods, and NodePorts of all Services, from lists taken after the pages were read. */
	readonly uses: readonly HostPortUse[];
	/** Of the pass before. */
	readonly sightings: ReadonlyMap<string, Sighting>;
	/** When the pages were read, on the same clock as the sightings. */
	readonly now: number;
	/** H, milliseconds. */
	readonly holdMs: number;
	/** What new states show as their beginning, RFC 3339. */
	readonly since: string;
	readonly mintClaim: () => string;
};

export type Pass = {
	readonly repairs: readonly Repair[];
	readonly sightings: ReadonlyMap<string, Sighting>;
	readonly duplicates: readonly Duplicate[];
	/** When the next entry will have been held long enough; undefined where none is. */
	readonly nextDue: number | undefined;
};

export const planPass = (input: PassInput): Pass => {
	const {pages, blockSize, uses, now, holdMs} = input;
	const usesByKey = Map.groupBy(uses, ({port, protocol}) => entryKey(port, protocol));
	const sightings = new Map<string, Sighting>();
	const repairs: Repair[] = [];
	let nextDue: number | undefined;
	for (const page of pages.values()) {
		for (const [key, entry] of page.unusable ? [] : page.entries) {
			const sighting = seen(input, key, entry);
			sightings.set(key, sighting);
			const repair = judge(input, key, entry, usesByKey.get(key) ?? [], now - sighting.firstSeen >= holdMs);
			if (repair) {
				repairs.push(repair);
			} else if (isHeld(entry) && !usesByKey.has(key)) {
				nextDue = Math.min(nextDue ?? Infinity, sighting.firstSeen + holdMs);
			}
		}
	}

	for (const [key, ofKey] of usesByKey) {
		const {port} = ofKey[0]!;
		const page = pages.get(pageOf(port, blockSize));
		// A page that does not exist gets its Pods when it is opened; a damaged entry counts as taken already.
		if (page && !page.unusable && !page.entries.has(key) && !page.damaged.some(damaged => damaged.port === port)) {
			repairs.push(appear(input, preferred(ofKey, undefined)));
		}
	}

	return {repairs, sightings, duplicates: findDuplicates(usesByKey), nextDue};
};

/** What becomes of an entry. */
const judge = (input: PassInput, key: string, entry: LedgerEntry, uses: readonly HostPortUse[], isOld: boolean): Repair | undefined => {
	if (uses.length > 0) {
		return follow(input, key, entry, preferred(uses, entry));
	}

	// A claim that a foreign use has covered is an admission's: its Pod may still be on its way.
	if (entry.state === 'bound' || (entry.state === 'foreign' && entry.claim !== undefined)) {
		return {reason: 'release', key, judged: entry, next: {...entry, state: 'released', since: input.since}};
	}

	if (entry.state === 'foreign') {
		return {reason: 'gone', key, judged: entry, next: undefined};
	}

	// Better to leak a port for two minutes than to give it twice.
	return isOld ? {reason: 'expire', key, judged: entry, next: undefined} : undefined;
};

/**
 * A live Pod has the port: the entry says so, whatever it said before. The claim stays, for it never enters twice, and
 * also under a foreign use: what an admission has given may only become free after the hold time.
 */
const follow = ({since, mintClaim}: PassInput, key: string, entry: LedgerEntry, use: HostPortUse): Repair | undefined => {
	const [, fresh] = entryOf(use, entry.claim ?? mintClaim(), since);
	const next = {...fresh, portName: entry.pod === fresh.pod ? entry.portName : fresh.portName, ...(entry.claim !== undefined && {claim: entry.claim})};
	const isSame = (['pod', 'portName', 'state', 'uid', 'node'] as const).every(member => entry[member] === next[member]);
	return isSame ? undefined : {reason: next.state === 'foreign' ? 'foreign' : 'bind', key, judged: entry, next};
};

const appear = ({since, mintClaim}: PassInput, use: HostPortUse): Repair => {
	const [key, next] = entryOf(use, mintClaim(), since);
	return {reason: next.state === 'foreign' ? 'foreign' : 'adopt', key, judged: undefined, next};
};

/** Where several have it: whom the entry names already, else one of ours, else the first by name, so that passes agree. */
const preferred = (uses: readonly HostPortUse[], entry: LedgerEntry | undefined): HostPortUse => {
	const rank = (use: HostPortUse) => (use.uid === entry?.uid ? 0 : use.managed ? 1 : 2);
	// A foreign DaemonSet has its port on every node: one look at each, no sorting.
	return uses.reduce((best, use) => (rank(use) - rank(best) || (use.pod < best.pod ? -1 : 1)) < 0 ? use : best);
};

const isHeld = ({state}: LedgerEntry): boolean => state === 'pending' || state === 'released';

const seen = ({sightings, now}: PassInput, key: string, {claim, state}: LedgerEntry): Sighting => {
	const known = sightings.get(key);
	return known && known.claim === claim && known.state === state ? known : {claim, state, firstSeen: now};
};

/** Foreign Pods on different nodes may well share a number (a DaemonSet does); ours never may. */
const findDuplicates = (usesByKey: ReadonlyMap<string, readonly HostPortUse[]>): Duplicate[] =>
	[...usesByKey]
		.filter(([, uses]) => uses.length > 1)
		.map(([key, uses]) => ({key, uses: [...new Map(uses.map(use => [use.uid, use])).values()]}))
		.filter(({uses}) => uses.length > 1 && uses.some(({managed}) => managed));
