/**
 * What a replica does next with the Lease. Pure, and decided again from each version of the Lease: the replica remembers
 * neither that it joined the queue nor that it is next. (A version that did could wait forever: the simulation keeps it as a variant.)
 */
import type {LeaseRecord} from './lease-record.ts';

export type Situation = {
	/** Undefined where there is no Lease. */
	readonly record: LeaseRecord | undefined;
	readonly identity: string;
	/** A caller waits for the Lease. */
	readonly isWanted: boolean;
	/** More work is likely to come soon, so a place in the queue is kept for it. */
	readonly expectsMore: boolean;
	/** Work is under way. */
	readonly isWorking: boolean;
	/** Work has ended since this replica got the Lease, so the first waiter is next. */
	readonly hasWorked: boolean;
	/** The Lease was acquired or used a moment ago. It is kept in case more work comes. */
	readonly isRecentlyUsed: boolean;
	/** Holder and renewTime have stayed the same for the Lease's whole duration, as measured by this replica. */
	readonly isExpired: boolean;
	/** A third of the duration has passed since this replica renewed the Lease. */
	readonly isRenewalDue: boolean;
};

export type Decision =
	/** Nothing to do until something changes. */
	| {readonly action: 'rest'}
	/** This replica holds the Lease: the waiting caller may work. */
	| {readonly action: 'work'}
	| LeaseWrite;

/** A change of the Lease, made as one compare-and-swap. */
export type LeaseWrite =
	| {readonly action: 'create'; readonly because: 'create'}
	/** Set the holder (undefined: none) and the queue. */
	| {readonly action: 'write'; readonly because: 'take' | 'take over' | 'hand over' | 'clear' | 'renew'; readonly holder: string | undefined; readonly waiters: readonly string[]}
	/** Set the queue and leave the rest. */
	| {readonly action: 'queue'; readonly because: 'join' | 'leave'; readonly waiters: readonly string[]};

export const decide = (situation: Situation): Decision => {
	const {record, identity, isWanted} = situation;
	if (!record) {
		return isWanted ? {action: 'create', because: 'create'} : {action: 'rest'};
	}

	return record.holder === identity ? decideAsHolder(situation, record) : decideAsOther(situation, record);
};

const decideAsHolder = ({identity, isWanted, expectsMore, isWorking, hasWorked, isRecentlyUsed, isRenewalDue}: Situation, {waiters}: LeaseRecord): Decision => {
	const [next, ...rest] = waiters.filter(waiter => waiter !== identity);
	if (isWorking) {
		return isRenewalDue ? {action: 'write', because: 'renew', holder: identity, waiters} : {action: 'rest'};
	}

	if (next !== undefined && (hasWorked || !isWanted)) {
		return {action: 'write', because: 'hand over', holder: next, waiters: isWanted || (hasWorked && expectsMore) ? [...rest, identity] : rest};
	}

	if (isWanted) {
		return isRenewalDue ? {action: 'write', because: 'renew', holder: identity, waiters} : {action: 'work'};
	}

	return isRecentlyUsed ? {action: 'rest'} : {action: 'write', because: 'clear', holder: undefined, waiters: []};
};

const decideAsOther = ({identity, isWanted, expectsMore, isExpired}: Situation, {holder, waiters}: LeaseRecord): Decision => {
	const others = waiters.filter(waiter => waiter !== identity);
	const isQueued = others.length < waiters.length;
	if (!isWanted) {
		return isQueued && !expectsMore ? {action: 'queue', because: 'leave', waiters: others} : {action: 'rest'};
	}

	if (holder === undefined) {
		return {action: 'write', because: 'take', holder: identity, waiters: others};
	}

	if (isExpired) {
		// The waiters behind a dead holder may be dead too, and each would cost a Lease duration. The living ones join again.
		return {action: 'write', because: 'take over', holder: identity, waiters: []};
	}

	return isQueued ? {action: 'rest'} : {action: 'queue', because: 'join', waiters: [...waiters, identity]};
};
