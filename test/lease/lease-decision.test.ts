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
	wanted: false,
	working: false,
	served: false,
	expected: false,
	sticky: false,
	expired: false,
	renewalDue: false,
	...situation,
});

const rest = {action: 'rest'} as const;
const work = {action: 'work'} as const;
const write = (because: Extract<Decision, {action: 'write'}>['because'], holder: string | undefined, ...waiters: readonly string[]): Decision => ({action: 'write', because, holder, waiters});
const line = (because: 'join' | 'leave', ...waiters: readonly string[]): Decision => ({action: 'line', because, waiters});

const decides = test.macro((t, example: Case, expected: Decision) => {
	t.deepEqual(decideAs(example), expected);
});

test('a Lease that does not exist is created where it is wanted, and only there', t => {
	const situation = {record: undefined, identity: 'me', wanted: false, expected: false, working: false, served: false, sticky: true, expired: true, renewalDue: true};
	t.deepEqual(decide(situation), rest);
	t.deepEqual(decide({...situation, wanted: true}), {action: 'create'});
});

test('nobody wants it: rest', decides, {}, rest);
test('nobody holds it: take it', decides, {wanted: true}, write('take', 'me'));
test('nobody holds it and others wait: take it, and leave them their places', decides, {wanted: true, line: ['a', 'me', 'b']}, write('take', 'me', 'a', 'b'));
test('nobody holds it and it has not changed for long: it is taken, not taken over', decides, {wanted: true, expired: true, line: ['a']}, write('take', 'me', 'a'));
test('somebody holds it, and we do not want it: rest', decides, {holder: 'a', line: ['b']}, rest);
test('somebody holds it, and we want it: join the line', decides, {holder: 'a', wanted: true}, line('join', 'me'));
test('the newest joins last', decides, {holder: 'a', line: ['b', 'c'], wanted: true}, line('join', 'b', 'c', 'me'));
test('we are in line: rest', decides, {holder: 'a', line: ['me', 'b'], wanted: true}, rest);
test('we are in line and no longer want it: leave', decides, {holder: 'a', line: ['b', 'me', 'c']}, line('leave', 'b', 'c'));
test('we are in line twice, by somebody\'s hand: leave both places', decides, {holder: 'a', line: ['me', 'b', 'me']}, line('leave', 'b'));
test('nobody holds it, and we are in line and no longer want it: leave', decides, {line: ['me', 'b']}, line('leave', 'b'));
test('the holder is dead: take over, and empty the line', decides, {holder: 'a', line: ['b', 'me', 'c'], wanted: true, expired: true}, write('take over', 'me'));
test('the holder is dead, and we do not want it: rest', decides, {holder: 'a', expired: true}, rest);
test('the holder is dead, and we are in line and no longer want it: leave', decides, {holder: 'a', line: ['me'], expired: true}, line('leave'));

test('we hold it and have work: work', decides, {holder: 'me', wanted: true}, work);
test('we hold it and have work before others have waited: work', decides, {holder: 'me', line: ['a'], wanted: true}, work);
test('we hold it for long already: renew before more work', decides, {holder: 'me', line: ['a'], wanted: true, renewalDue: true}, write('renew', 'me', 'a'));
test('we work: rest, whoever waits', decides, {holder: 'me', line: ['a'], working: true, served: true}, rest);
test('we work and have the next work: rest', decides, {holder: 'me', working: true, wanted: true}, rest);
test('we work for long: renew, and keep the line', decides, {holder: 'me', line: ['a', 'b'], working: true, renewalDue: true}, write('renew', 'me', 'a', 'b'));
test('we have worked and others wait: hand it over', decides, {holder: 'me', line: ['a', 'b'], served: true}, write('hand over', 'a', 'b'));
test('we have worked, have more work, and others wait: hand it over and queue again', decides, {holder: 'me', line: ['a', 'b'], served: true, wanted: true}, write('hand over', 'a', 'b', 'me'));
test('we need it no longer and others wait: hand it over, also unused', decides, {holder: 'me', line: ['a']}, write('hand over', 'a'));
test('others who wait come before stickiness', decides, {holder: 'me', line: ['a'], served: true, sticky: true}, write('hand over', 'a'));
test('a handover needs no renewal', decides, {holder: 'me', line: ['a'], served: true, wanted: true, renewalDue: true}, write('hand over', 'a', 'me'));
test('we hold it and are in line, from before: our place is not handed to ourselves', decides, {holder: 'me', line: ['me', 'a', 'me'], served: true}, write('hand over', 'a'));
test('we hold it and only we are in line: work', decides, {holder: 'me', line: ['me'], served: true, wanted: true}, work);
test('more work is expected: hand it on and stay in line', decides, {holder: 'me', line: ['a', 'b'], served: true, expected: true}, write('hand over', 'a', 'b', 'me'));
test('what was expected has not come when it is our turn: hand it on and leave', decides, {holder: 'me', line: ['a'], expected: true}, write('hand over', 'a'));
test('somebody else has it and work is expected: stay in line', decides, {holder: 'a', line: ['me'], expected: true}, rest);
test('somebody else has it and work is expected, but we are not in line: that is no reason to join', decides, {holder: 'a', expected: true}, rest);
test('we have just used it: keep it', decides, {holder: 'me', served: true, sticky: true}, rest);
test('we have just used it and have more work: work', decides, {holder: 'me', served: true, sticky: true, wanted: true}, work);
test('it lies idle: clear it', decides, {holder: 'me', served: true}, write('clear', undefined));
test('it lies idle with our own place in line: clear both', decides, {holder: 'me', line: ['me']}, write('clear', undefined));
test('our own Lease does not expire for us', decides, {holder: 'me', wanted: true, expired: true}, work);

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
	wanted = false;
	working = false;
	served = false;
	sticky = false;
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
			this.served = false;
			this.sticky = false;
		}

		this.seen = {version, holder, waiters, renewals};
	}

	/** One decision and what follows from it; a conflict is answered by reading. */
	step({expired = false, renewalDue = false} = {}): Decision {
		const {holder, waiters} = this.seen;
		const {wanted, working, served, sticky} = this;
		const decision = this.lastDecision = decide({record: record(holder, waiters), identity: this.name, wanted, expected: false, working, served, sticky, expired, renewalDue});
		if (decision.action === 'work') {
			this.working = true;
			this.wanted = false;
		} else if (decision.action === 'write' || decision.action === 'line') {
			this.#world.swap(this.seen.version, decision);
			this.read();
		}

		return decision;
	}

	finish(): void {
		if (this.working) {
			this.working = false;
			this.served = true;
			this.sticky = true;
			this.worked += 1;
		}
	}
}

const names = ['a', 'b', 'c', 'd'];

/** What may happen to a replica, besides that it looks at what it has read and acts. */
const events = {
	want(replica: Replica) {
		replica.wanted ||= !replica.working;
	},
	giveUp(replica: Replica) {
		replica.wanted = false;
	},
	read(replica: Replica) {
		replica.read();
	},
	finish(replica: Replica) {
		replica.finish();
	},
	idle(replica: Replica) {
		replica.sticky = false;
	},
	step(replica: Replica) {
		replica.step();
	},
	renew(replica: Replica) {
		replica.step({renewalDue: true});
	},
	expire(replica: Replica) {
		replica.step({expired: true});
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
			replica.sticky = false;
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
			t.true(replicas.filter(({working}) => working).length <= 1);
		}
	}), {numRuns: 1000});
});

test('also where the living are taken for dead, one at most works on what is current', t => {
	fc.assert(fc.property(anyHistory, history => {
		const {world, replicas} = withReplicas();
		for (const [index, event] of history) {
			events[event](replicas[index]!);
			const current = replicas.filter(({seen, working}) => working && seen.version === world.version);
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
			t.true(replica.lastDecision.action !== 'line' || (world.holder === holder && world.renewals === renewals));
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
		const owed = replicas.map(({wanted, working}) => Number(wanted) + Number(working));
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
		holder!.wanted = true;
		holder!.step();
		holder!.step();
		for (const name of order) {
			const waiter = others.find(replica => replica.name === name)!;
			waiter.wanted = true;
			waiter.read();
			waiter.step();
		}

		t.deepEqual(world.waiters, order);
		holder!.wanted = wantsMore;
		holder!.finish();
		settle(replicas);
		t.deepEqual(world.transitions, ['a', ...order, ...(wantsMore ? ['a'] : [])]);
	}));
});

test('a handover costs one write, and its line goes with it', t => {
	const {world, replicas: [a, b, c]} = withReplicas();
	for (const replica of [a!, b!, c!]) {
		replica.wanted = true;
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
			replica.wanted = true;
			replica.read();
			replica.step();
		}

		t.is(world.holder, 'a');
		t.deepEqual(world.waiters, ['b', 'c', 'd']);
		const survivors = replicas.filter(({name}) => living.includes(name));
		survivors[0]!.read();
		t.like(survivors[0]!.step({expired: true}), {because: 'take over'});
		t.deepEqual(world.waiters, []);
		settle(survivors);
		t.true(survivors.every(({worked}) => worked === 1));
	}));
});
