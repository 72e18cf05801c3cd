/**
 * What a replica does with the Lease as it has just read it. Pure, and decided afresh from every record: nobody
 * remembers having joined the line or having been promised anything (a design that did was caught waiting for ever).
 */
import type {LeaseRecord} from './lease-record.ts';

export type Situation = {
	/** Undefined where there is no Lease. */
	readonly record: LeaseRecord | undefined;
	readonly identity: string;
	/** Work is waiting for the Lease. */
	readonly wanted: boolean;
	/** No work is waiting, but some is likely to come soon: a place in the line is kept for it. */
	readonly expected: boolean;
	/** Work is going on under it. */
	readonly working: boolean;
	/** Some work has been done since it was acquired: then whoever waits is next. */
	readonly served: boolean;
	/** It was used a moment ago, and may be again. */
	readonly sticky: boolean;
	/** This process has watched holder and renewTime stay the same for the whole duration. */
	readonly expired: boolean;
	/** A third of its duration has passed since it was renewed. */
	readonly renewalDue: boolean;
};

export type Decision =
	/** Nothing to write: look again when something changes. */
	| {readonly action: 'rest'}
	/** We hold it and may work. */
	| {readonly action: 'work'}
	/** Make the Lease, which does not exist. */
	| {readonly action: 'create'}
	/** Write this holder and this line. */
	| {readonly action: 'write'; readonly because: 'take' | 'take over' | 'hand over' | 'clear' | 'renew'; readonly holder: string | undefined; readonly waiters: readonly string[]}
	/** Write this line and leave the rest. */
	| {readonly action: 'line'; readonly because: 'join' | 'leave'; readonly waiters: readonly string[]};

export const decide = (situation: Situation): Decision => {
	const {record, identity, wanted} = situation;
	if (!record) {
		return {action: wanted ? 'create' : 'rest'};
	}

	return record.holder === identity ? decideAsHolder(situation, record) : decideAsOther(situation, record);
};

const decideAsHolder = ({identity, wanted, expected, working, served, sticky, renewalDue}: Situation, {waiters: line}: LeaseRecord): Decision => {
	const [next, ...rest] = line.filter(waiter => waiter !== identity);
	if (working) {
		return renewalDue ? {action: 'write', because: 'renew', holder: identity, waiters: line} : {action: 'rest'};
	}

	if (next !== undefined && (served || !wanted)) {
		return {action: 'write', because: 'hand over', holder: next, waiters: wanted || (served && expected) ? [...rest, identity] : rest};
	}

	if (wanted) {
		return renewalDue ? {action: 'write', because: 'renew', holder: identity, waiters: line} : {action: 'work'};
	}

	return sticky ? {action: 'rest'} : {action: 'write', because: 'clear', holder: undefined, waiters: []};
};

const decideAsOther = ({identity, wanted, expected, expired}: Situation, {holder, waiters: line}: LeaseRecord): Decision => {
	const others = line.filter(waiter => waiter !== identity);
	if (!wanted) {
		return others.length < line.length && !expected ? {action: 'line', because: 'leave', waiters: others} : {action: 'rest'};
	}

	if (holder === undefined) {
		return {action: 'write', because: 'take', holder: identity, waiters: others};
	}

	if (expired) {
		// Whoever waited behind a dead holder may be dead too, and would cost a Lease duration each. The living join again.
		return {action: 'write', because: 'take over', holder: identity, waiters: []};
	}

	return others.length < line.length ? {action: 'rest'} : {action: 'line', because: 'join', waiters: [...line, identity]};
};
