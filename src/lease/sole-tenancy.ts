/** Since when no other replica can have held the Lease, concluded from each version of it. Pure. */
import type {LeaseRecord} from './lease-record.ts';

/** From `since` to the version with this uid and this count, no other replica has held the Lease. */
export type SoleTenancy = {
	readonly since: number;
	readonly uid: string;
	readonly transitions: number;
};

/**
 * Continues or begins a sole tenancy with the next version of the Lease that `identity` sees at `now`. Undefined while
 * another replica may hold the Lease.
 */
export const soleTenancyWith = (before: SoleTenancy | undefined, record: LeaseRecord | undefined, identity: string, now: number): SoleTenancy | undefined => {
	if (!record || (record.holder !== undefined && record.holder !== identity)) {
		return undefined;
	}

	const {uid, holder, transitions} = record;
	// This replica may have added one transition by taking the Lease. Clearing adds none.
	const ownTransitions = holder === identity ? [0, 1] : [0];
	const isContinued = before?.uid === uid && ownTransitions.includes(transitions - before.transitions);
	return {uid, transitions, since: isContinued ? before.since : now};
};
