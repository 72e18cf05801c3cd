/** The invariants of one entry of the ledger: what a single write may change about it. */
import type {LedgerEntry} from '../../../src/ports/ledger-entry.ts';
import type {Invariant} from './invariants.ts';
import {decodedEntry} from './stored-ledger.ts';

/** Everything that has happened to the entry of one port. */
export class EntryPast {
	/** When the latest claim was written. */
	claimedAt = -Infinity;
	/** When it was last released. */
	releasedAt = -Infinity;
	/** When each Pod last reserved the port, by the Pod's name in the ledger. */
	readonly reservedAt = new Map<string, number>();
	readonly #claims = new Set<string>();

	/** Adds a change. Returns `old claim` if the claim that it writes was written before. */
	record(old: LedgerEntry | undefined, next: LedgerEntry | undefined, now: number): 'old claim' | undefined {
		if (next?.state === 'released' && old?.state !== 'released') {
			this.releasedAt = now;
		}

		if (next?.claim === undefined || next.claim === old?.claim) {
			return undefined;
		}

		const isOld = this.#claims.has(next.claim);
		this.#claims.add(next.claim);
		this.claimedAt = now;
		this.reservedAt.set(next.pod.split(' ')[0]!, now);
		return isOld ? 'old claim' : undefined;
	}
}

export type EntryChange = {
	/** The value before; undefined if there was none. */
	readonly was: string | undefined;
	/** The value after; undefined if it was removed. */
	readonly is: string | undefined;
	readonly past: EntryPast;
	/** UIDs of the Pods and Services that have ever had the port. */
	readonly usedBy: ReadonlySet<string> | undefined;
	/** The shortest time for which an entry must be held. */
	readonly holdMs: number;
	readonly now: number;
};

/** Only Pods of dry runs have such names. */
const dryRunName = /^[^/]+\/dry-/;

/** The invariants that a replica breaks with this change. */
export const rulesBroken = (change: EntryChange): Invariant[] => {
	const {was, is, usedBy} = change;
	const [old, next] = [decodedEntry(was), decodedEntry(is)];
	if (was !== undefined && !old) {
		return ['manual edits are kept'];
	}

	const broken: Invariant[] = [];
	if (next && dryRunName.test(next.pod)) {
		broken.push('no trace of a dry run');
	}

	if (next?.uid && next.uid !== old?.uid && !usedBy?.has(next.uid)) {
		broken.push('bound to a Pod with the port');
	}

	if (old) {
		broken.push(...(next ? brokenByTransition(old, next) : brokenByRemoval(old, change)));
	}

	return broken;
};

const brokenByRemoval = (old: LedgerEntry, {past, holdMs, now}: EntryChange): Invariant[] => {
	const heldMs = now - Math.max(past.claimedAt, old.state === 'released' ? past.releasedAt : -Infinity);
	return [
		...(old.claim !== undefined && heldMs < holdMs ? ['held for the hold time' as const] : []),
		...(old.state === 'bound' || (old.state === 'foreign' && old.claim !== undefined) ? ['states move forward' as const] : []),
	];
};

const brokenByTransition = (old: LedgerEntry, next: LedgerEntry): Invariant[] => {
	if ((next.state === 'released' && old.state === 'pending') || (next.state === 'pending' && old.state !== 'pending' && next.claim === old.claim)) {
		return ['states move forward'];
	}

	const isSuccessor = next.state === 'pending' && next.pod === old.pod && !next.pod.includes(' ') && old.state !== 'foreign';
	return next.claim !== old.claim && old.claim !== undefined && !isSuccessor ? ['only a successor takes over'] : [];
};
