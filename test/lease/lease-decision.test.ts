import test from 'ava';
import fc from 'fast-check';
import {decide} from '../../src/lease/lease-decision.ts';
import type {Decision, Situation} from '../../src/lease/lease-decision.ts';
import type {LeaseRecord} from '../../src/lease/lease-record.ts';

type Case = Partial<Omit<Situation, 'record' | 'identity'>> & {readonly holder?: string; readonly line?: readonly string[]};

const record = (holder: string | undefined, waiters: readonly string[]): LeaseRecord =>
	({uid: 'u', resourceVersion: '7', holder, waiters, renewTime: 'then', durationMs: 3000, transitions: 0});

/** We are `me`; without a wish, without work, and with nothing due, unless told otherwise. */
const decideAs = ({holder, line = [], ...situation}: Case): Decision => decide({
	record: record(holder, line),
	identity: 'me',
	isWanted: false,
	isWorking: false,
	hasWorked: false,
	expectsMore: false,
	isRecentlyUsed: false,
	isExpired: false,
	isRenewalDue: false,
	...situation,
});

const rest = {action: 'rest'} as const;
const work = {action: 'work'} as const;
const write = (because: Extract<Decision, {action: 'write'}>['because'], holder: string | undefined, ...waiters: readonly string[]): Decision => ({action: 'write', because, holder, waiters});
const line = (because: 'join' | 'leave', ...waiters: readonly string[]): Decision => ({action: 'queue', because, waiters});

const decides = test.macro((t, example: Case, expected: Decision) => {
	t.deepEqual(decideAs(example), expected);
});

test('a Lease that does not exist is created where it is wanted, and only there', t => {
	const situation = {record: undefined, identity: 'me', isWanted: false, expectsMore: false, isWorking: false, hasWorked: false, isRecentlyUsed: true, isExpired: true, isRenewalDue: true};
	t.deepEqual(decide(situation), rest);
	t.deepEqual(decide({...situation, isWanted: true}), {action: 'create', because: 'create'});
});

test('nobody wants it: rest', decides, {}, rest);
test('nobody holds it: take it', decides, {isWanted: true}, write('take', 'me'));
test('nobody holds it and others wait: take it, and leave them their places', decides, {isWanted: true, line: ['a', 'me', 'b']}, write('take', 'me', 'a', 'b'));
test('nobody holds it and it has not changed for long: it is taken, not taken over', decides, {isWanted: true, isExpired: true, line: ['a']}, write('take', 'me', 'a'));
test('somebody holds it, and we do not want it: rest', decides, {holder: 'a', line: ['b']}, rest);
test('somebody holds it, and we want it: join the line', decides, {holder: 'a', isWanted: true}, line('join', 'me'));
test('the newest joins last', decides, {holder: 'a', line: ['b', 'c'], isWanted: true}, line('join', 'b', 'c', 'me'));
test('we are in line: rest', decides, {holder: 'a', line: ['me', 'b'], isWanted: true}, rest);
test('we are in line and no longer want it: leave', decides, {holder: 'a', line: ['b', 'me', 'c']}, line('leave', 'b', 'c'));
test('we are in line twice, by somebody\'s hand: leave both places', decides, {holder: 'a', line: ['me', 'b', 'me']}, line('leave', 'b'));
test('nobody holds it, and we are in line and no longer want it: leave', decides, {line: ['me', 'b']}, line('leave', 'b'));
test('the holder is dead: take over, and empty the line', decides, {holder: 'a', line: ['b', 'me', 'c'], isWanted: true, isExpired: true}, write('take over', 'me'));
test('the holder is dead, and we do not want it: rest', decides, {holder: 'a', isExpired: true}, rest);
test('the holder is dead, and we are in line and no longer want it: leave', decides, {holder: 'a', line: ['me'], isExpired: true}, line('leave'));

test('we hold it and have work: work', decides, {holder: 'me', isWanted: true}, work);
test('we hold it and have work before others have waited: work', decides, {holder: 'me', line: ['a'], isWanted: true}, work);
test('we hold it for long already: renew before more work', decides, {holder: 'me', line: ['a'], isWanted: true, isRenewalDue: true}, write('renew', 'me', 'a'));
test('we work: rest, whoever waits', decides, {holder: 'me', line: ['a'], isWorking: true, hasWorked: true}, rest);
test('we work and have the next work: rest', decides, {holder: 'me', isWorking: true, isWanted: true}, rest);
test('we work for long: renew, and keep the line', decides, {holder: 'me', line: ['a', 'b'], isWorking: true, isRenewalDue: true}, write('renew', 'me', 'a', 'b'));
test('we have worked and others wait: hand it over', decides, {holder: 'me', line: ['a', 'b'], hasWorked: true}, write('hand over', 'a', 'b'));
test('we have worked, have more work, and others wait: hand it over and queue again', decides, {holder: 'me', line: ['a', 'b'], hasWorked: true, isWanted: true}, write('hand over', 'a', 'b', 'me'));
test('we need it no longer and others wait: hand it over, also unused', decides, {holder: 'me', line: ['a']}, write('hand over', 'a'));
test('others who wait come before stickiness', decides, {holder: 'me', line: ['a'], hasWorked: true, isRecentlyUsed: true}, write('hand over', 'a'));
test('a handover needs no renewal', decides, {holder: 'me', line: ['a'], hasWorked: true, isWanted: true, isRenewalDue: true}, write('hand over', 'a', 'me'));
test('we hold it and are in line, from before: our place is not handed to ourselves', decides, {holder: 'me', line: ['me', 'a', 'me'], hasWorked: true}, write('hand over', 'a'));
test('we hold it and only we are in line: work', decides, {holder: 'me', line: ['me'], hasWorked: true, isWanted: true}, work);
test('more work is expected: hand it on and stay in line', decides, {holder: 'me', line: ['a', 'b'], hasWorked: true, expectsMore: true}, write('hand over', 'a', 'b', 'me'));
test('what was expected has not come when it is our turn: hand it on and leave', decides, {holder: 'me', line: ['a'], expectsMore: true}, write('hand over', 'a'));
test('somebody else has it and work is expected: stay in line', decides, {holder: 'a', line: ['me'], expectsMore: true}, rest);
test('somebody else has it and work is expected, but we are not in line: that is no reason to join', decides, {holder: 'a', expectsMore: true}, rest);
test('we have just used it: keep it', decides, {holder: 'me', hasWorked: true, isRecentlyUsed: true}, rest);
test('we have just used it and have more work: work', decides, {holder: 'me', hasWorked: true, isRecentlyUsed: true, isWanted: true}, work);
test('it lies idle: clear it', decides, {holder: 'me', hasWorked: true}, write('clear', undefined));
test('it lies idle with our own place in line: clear both', decides, {holder: 'me', line: ['me']}, write('clear', undefined));
test('our own Lease does not expire for us', decides, {holder: 'me', isWanted: true, isExpired: true}, work);

/** One version of the Lease at the API server, and the replicas that see some version of it. No time passes but by `expire`. */
class World {
	version = 1;
	holder: string | undefined;
	waiters: readonly string[] = [];
	/** Changes with each write of the holder, as renewTime does. */
	renewals = 0;
	readonly transitions: string[] = [];

	/** @returns whether the write, made from `seen`, was accepted. */
	swap(seen: number, change: {readonly holder?: string | undefined; readonly waiters: readonly string[]}): boolean {
		if (seen !== this.version) {
			return false;
		}

		this.version += 1;
		this.waiters = change.waiters;
		if ('holder' in change) {
			this.renewals += 1;
			if (change.holder !== undefined && change.holder !== this.holder) {
				this.transitions.push(change.holder);
			}

			this.holder = change.holder;
		}

		return true;
	}
}

class Replica {
	readonly name: string;
	readonly #world: World;
	/** What it read last. */
	seen = {version: 1, holder: undefined as string | undefined, waiters: [] as readonly string[], renewals: 0};
	isWanted = false;
	isWorking = false;
	hasWorked = false;
	isRecentlyUsed = false;
	worked = 0;
	lastDecision: Decision = rest;

	constructor(name: string, world: World) {
		this.name = name;
		this.#world = world;
	}

	get believesToHold(): boolean {
		return this.seen.holder === this.name;
	}

	read(): void {
		const {version, holder, waiters, renewals} = this.#world;
		if (holder === this.name && !this.believesToHold) {
			this.hasWorked = false;
			this.isRecentlyUsed = false;
		}

		this.seen = {version, holder, waiters, renewals};
	}

	/** One decision and what follows from it; a conflict is answered by reading. */
	step({isExpired = false, isRenewalDue = false} = {}): Decision {
		const {holder, waiters} = this.seen;
		const {isWanted, isWorking, hasWorked, isRecentlyUsed} = this;
		const decision = this.lastDecision = decide({record: record(holder, waiters), identity: this.name, isWanted, expectsMore: false, isWorking, hasWorked, isRecentlyUsed, isExpired, isRenewalDue});
		if (decision.action === 'work') {
			this.isWorking = true;
			this.isWanted = false;
		} else if (decision.action === 'write' || decision.action === 'queue') {
			this.#world.swap(this.seen.version, decision);
			this.read();
		}

		return decision;
	}

	finish(): void {
		if (this.isWorking) {
			this.isWorking = false;
			this.hasWorked = true;
			this.isRecentlyUsed = true;
			this.worked += 1;
		}
	}
}

const names = ['a', 'b', 'c', 'd'];

/** What may happen to a replica, besides that it looks at what it has read and acts. */
const events = {
	want(replica: Replica) {
		replica.isWanted ||= !replica.isWorking;
	},
	giveUp(replica: Replica) {
		replica.isWanted = false;
	},
	read(replica: Replica) {
		replica.read();
	},
	finish(replica: Replica) {
		replica.finish();
	},
	idle(replica: Replica) {
		replica.isRecentlyUsed = false;
	},
	step(replica: Replica) {
		replica.step();
	},
	renew(replica: Replica) {
		replica.step({isRenewalDue: true});
	},
	expire(replica: Replica) {
		replica.step({isExpired: true});
	},
};

type Event = keyof typeof events;

const historyOf = (...kinds: readonly Event[]) =>
	fc.array(fc.tuple(fc.nat({max: names.length - 1}), fc.constantFrom(...kinds)), {minLength: 20, maxLength: 200});

const peacefulHistory = historyOf('want', 'giveUp', 'read', 'read', 'step', 'step', 'step', 'finish', 'idle', 'renew');
const anyHistory = historyOf('want', 'giveUp', 'read', 'read', 'step', 'step', 'step', 'finish', 'idle', 'renew', 'expire');

const withReplicas = () => {
	const world = new World();
	return {world, replicas: names.map(name => new Replica(name, world))};
};

/** Everybody takes turns until nothing changes any more. */
const settle = (replicas: readonly Replica[]): number => {
	for (let round = 1; round <= 100; round++) {
		let isQuiet = true;
		for (const replica of replicas) {
			replica.read();
			replica.finish();
			replica.isRecentlyUsed = false;
			isQuiet &&= replica.step().action === 'rest';
		}

		if (isQuiet) {
			return round;
		}
	}

	return Infinity;
};

test('as long as nobody is taken for dead, one at most works, whatever happens in whatever order', t => {
	fc.assert(fc.property(peacefulHistory, history => {
		const {replicas} = withReplicas();
		for (const [index, event] of history) {
			events[event](replicas[index]!);
			t.true(replicas.filter(({isWorking}) => isWorking).length <= 1);
		}
	}), {numRuns: 1000});
});

test('also where the living are taken for dead, one at most works on what is current', t => {
	fc.assert(fc.property(anyHistory, history => {
		const {world, replicas} = withReplicas();
		for (const [index, event] of history) {
			events[event](replicas[index]!);
			const current = replicas.filter(({seen, isWorking}) => isWorking && seen.version === world.version);
			t.true(current.filter(({believesToHold}) => believesToHold).length <= 1);
		}
	}), {numRuns: 1000});
});

test('joining and leaving is no change of the holder, and no sign of its life', t => {
	fc.assert(fc.property(anyHistory, history => {
		const {world, replicas} = withReplicas();
		for (const [index, event] of history) {
			const {holder, renewals} = world;
			const replica = replicas[index]!;
			events[event](replica);
			t.true(replica.lastDecision.action !== 'queue' || (world.holder === holder && world.renewals === renewals));
		}
	}));
});

test('nobody stands in line twice, and the holder does not wait', t => {
	fc.assert(fc.property(anyHistory, history => {
		const {world, replicas} = withReplicas();
		for (const [index, event] of history) {
			events[event](replicas[index]!);
			t.is(new Set([...world.waiters, world.holder]).size, world.waiters.length + 1);
		}
	}));
});

test('whatever has happened before, everybody who wants it is served once all take turns, and nobody holds it in the end', t => {
	fc.assert(fc.property(anyHistory, history => {
		const {world, replicas} = withReplicas();
		for (const [index, event] of history) {
			events[event](replicas[index]!);
		}

		const worked = replicas.map(replica => replica.worked);
		const owed = replicas.map(({isWanted, isWorking}) => Number(isWanted) + Number(isWorking));
		t.true(settle(replicas) <= 10 * names.length);
		t.deepEqual(replicas.map((replica, index) => replica.worked - worked[index]!), owed);
		t.is(world.holder, undefined);
		t.deepEqual(world.waiters, []);
	}), {numRuns: 1000});
});

test('those who wait are served in the order in which they joined', t => {
	fc.assert(fc.property(fc.uniqueArray(fc.constantFrom('b', 'c', 'd'), {minLength: 1, maxLength: 3}), fc.boolean(), (order, wantsMore) => {
		const {world, replicas} = withReplicas();
		const [holder, ...others] = replicas;
		holder!.isWanted = true;
		holder!.step();
		holder!.step();
		for (const name of order) {
			const waiter = others.find(replica => replica.name === name)!;
			waiter.isWanted = true;
			waiter.read();
			waiter.step();
		}

		t.deepEqual(world.waiters, order);
		holder!.isWanted = wantsMore;
		holder!.finish();
		settle(replicas);
		t.deepEqual(world.transitions, ['a', ...order, ...(wantsMore ? ['a'] : [])]);
	}));
});

test('a handover costs one write, and its line goes with it', t => {
	const {world, replicas: [a, b, c]} = withReplicas();
	for (const replica of [a!, b!, c!]) {
		replica.isWanted = true;
		replica.read();
		replica.step();
	}

	a!.step();
	a!.finish();
	a!.read();
	const {version} = world;
	t.like(a!.step(), {because: 'hand over'});
	t.is(world.version, version + 1);
	t.is(world.holder, 'b');
	t.deepEqual(world.waiters, ['c']);
});

test('a holder that dies costs one expiry, also where the whole line has died with it', t => {
	fc.assert(fc.property(fc.subarray(['b', 'c', 'd'], {minLength: 1}), living => {
		const {world, replicas} = withReplicas();
		for (const replica of replicas) {
			replica.isWanted = true;
			replica.read();
			replica.step();
		}

		t.is(world.holder, 'a');
		t.deepEqual(world.waiters, ['b', 'c', 'd']);
		const survivors = replicas.filter(({name}) => living.includes(name));
		survivors[0]!.read();
		t.like(survivors[0]!.step({isExpired: true}), {because: 'take over'});
		t.deepEqual(world.waiters, []);
		settle(survivors);
		t.true(survivors.every(({worked}) => worked === 1));
	}));
});
