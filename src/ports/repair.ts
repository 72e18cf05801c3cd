/**
 * Makes the ledger follow the cluster: what one pass changes. Pure. A page must have been read *before* the Pods were
 * listed: then an entry without a live Pod in the list is a leak, or its Pod is not stored yet; the hold time decides. Entries
 * and uses are matched by port and protocol alone, never by a name or token that a user could change.
 */
import {observe} from './entry-states.ts';
import type {Transition, TransitionInput} from './entry-states.ts';
import {isNodePort} from './host-port-use.ts';
import type {HostPortUse} from './host-port-use.ts';
import {entryKey} from './ledger-entry.ts';
import type {LedgerEntry} from './ledger-entry.ts';
import {isVacant, pageOf} from './ledger-page.ts';
import type {LedgerPage} from './ledger-page.ts';
import {sightingOf} from './sightings.ts';
import type {Sighting, Sightings} from './sightings.ts';

/** One change, with the exact entry that was judged: if the entry has changed by the time of the commit, the change is dropped. */
export type Repair = Transition & {
	readonly key: string;
	/** Undefined: there was none. */
	readonly judged: LedgerEntry | undefined;
};

/** A port that we gave to a Pod and that another live Pod, or a Service as NodePort, has too. */
export type Duplicate = {
	readonly key: string;
	/** `NodePort`: one Pod and at least one Service have it. `Pod`: several Pods. */
	readonly kind: DuplicateKind;
	/** One for each Pod and Service. */
	readonly uses: readonly HostPortUse[];
	/** The `pod` of the use that the ledger's entry names after this pass. */
	readonly holder: string;
};

export const duplicateKinds = ['Pod', 'NodePort'] as const;
export type DuplicateKind = (typeof duplicateKinds)[number];

export type PassInput = TransitionInput & {
	/** By first port. Pages in quarantine, or that can't be read, are left alone. */
	readonly pages: ReadonlyMap<number, LedgerPage>;
	readonly blockSize: number;
	/** Host ports of all live Pods, and NodePorts of all Services, from lists taken after the pages were read. */
	readonly uses: readonly HostPortUse[];
	/** Of the previous pass. */
	readonly sightings: Sightings;
	/** When the pages were read, on the clock of the sightings. */
	readonly now: number;
	/** The hold time. */
	readonly holdMs: number;
};

export type Pass = {
	readonly repairs: readonly Repair[];
	readonly sightings: Sightings;
	readonly duplicates: readonly Duplicate[];
	/** When the hold time of an entry will next be over; undefined if none is held. */
	readonly nextDue: number | undefined;
};

/** The repair that enters a port which is in use and has no entry. @param uses at least one. */
export const entering = (key: string, uses: readonly HostPortUse[], input: TransitionInput): Repair =>
	({...observe(undefined, uses, false, input)!, key, judged: undefined});

export const planPass = (input: PassInput): Pass => {
	const {pages, blockSize, now, holdMs} = input;
	const usesByKey = Map.groupBy(input.uses, ({port, protocol}) => entryKey(port, protocol));
	const sightings = new Map<string, Sighting>();
	const repairs: Repair[] = [];
	let nextDue: number | undefined;
	for (const page of pages.values()) {
		for (const [key, entry] of page.unusable ? [] : page.entries) {
			const sighting = sightingOf(input.sightings, key, entry, now);
			sightings.set(key, sighting);
			const uses = usesByKey.get(key) ?? [];
			const transition = observe(entry, uses, now - sighting.firstSeen >= holdMs, input);
			if (transition) {
				repairs.push({...transition, key, judged: entry});
			} else if (uses.length === 0) {
				nextDue = Math.min(nextDue ?? Infinity, sighting.firstSeen + holdMs);
			}
		}
	}

	for (const [key, uses] of usesByKey) {
		const {port} = uses[0]!;
		const page = pages.get(pageOf(port, blockSize));
		// A page that does not exist gets entries for its ports in use when it is created.
		if (page && !page.unusable && isVacant(page, key)) {
			repairs.push(entering(key, uses, input));
		}
	}

	return {repairs, sightings, duplicates: findDuplicates(usesByKey, repairs, input), nextDue};
};

/**
 * Pods on different nodes may share a number that is written in them, as those of a DaemonSet do; a number that we gave never
 * may be shared. An annotation does not prove that we gave it, because anyone can write one: the entry, as it was read, must
 * have a claim. Nothing is said of a port whose page could not be read or is in quarantine.
 */
const findDuplicates = (usesByKey: ReadonlyMap<string, readonly HostPortUse[]>, repairs: readonly Repair[], {pages, blockSize}: PassInput): Duplicate[] => {
	const nextByKey = new Map(repairs.map(({key, next}) => [key, next]));
	const duplicates: Duplicate[] = [];
	for (const [key, all] of usesByKey) {
		const uses = [...new Map(all.map(use => [use.uid, use])).values()];
		const page = pages.get(pageOf(all[0]!.port, blockSize));
		const entry = page?.unusable ? undefined : page?.entries.get(key);
		if (uses.length > 1 && entry?.claim !== undefined && uses.some(({given}) => given)) {
			const pods = uses.filter(use => !isNodePort(use));
			duplicates.push({key, kind: pods.length > 1 ? 'Pod' : 'NodePort', uses, holder: (nextByKey.get(key) ?? entry).pod});
		}
	}

	return duplicates;
};
