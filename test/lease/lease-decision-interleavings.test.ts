/** Replicas that decide on one Lease, each from some version of it, in any order. */
import test from 'ava';
import fc from 'fast-check';
import {decide} from '../../src/lease/lease-decision.ts';
import type {Decision} from '../../src/lease/lease-decision.ts';

/** The Lease at the API server. */
class World {
	version = 1;
	holder: string | undefined;
	waiters: readonly string[] = [];
	/** Changes with each write of the holder, as renewTime does. */
	renewals = 0;
	readonly transitions: string[] = [];

	/** Returns whether the write was accepted, that is, whether `seen` was the present version. */
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
	/** The version that it read last. */
	seen = {version: 1, holder: undefined as string | undefined, waiters: [] as readonly string[], renewals: 0};
	isWanted = false;
	isWorking = false;
	hasWorked = false;
	isRecentlyUsed = false;
	worked = 0;
	lastDecision: Decision = {action: 'rest'};

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

	/** Makes one decision and carries it out. After a write, refused or not, it reads. */
	step({isExpired = false, isRenewalDue = false} = {}): Decision {
		const {holder, waiters} = this.seen;
		const record = {uid: 'u', resourceVersion: '7', holder, waiters, renewTime: 'then', durationMs: 3000, transitions: 0};
		const {isWanted, isWorking, hasWorked, isRecentlyUsed} = this;
		const decision = this.lastDecision = decide({record, identity: this.name, isWanted, expectsMore: false, isWorking, hasWorked, isRecentlyUsed, isExpired, isRenewalDue});
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

/** What may happen to a replica. No time passes but by `idle`, `renew` and `expire`. */
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

/** Lets all replicas act in turn until all rest. Returns the number of rounds. */
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

test('while no replica is taken for dead, at most one works, in any order of events', t => {
	fc.assert(fc.property(peacefulHistory, history => {
		const {replicas} = withReplicas();
		for (const [index, event] of history) {
			events[event](replicas[index]!);
			t.true(replicas.filter(({isWorking}) => isWorking).length <= 1);
		}
	}), {numRuns: 1000});
});

test('even when living replicas are taken for dead, at most one current holder works', t => {
	fc.assert(fc.property(anyHistory, history => {
		const {world, replicas} = withReplicas();
		for (const [index, event] of history) {
			events[event](replicas[index]!);
			const current = replicas.filter(({seen, isWorking}) => isWorking && seen.version === world.version);
			t.true(current.filter(({believesToHold}) => believesToHold).length <= 1);
		}
	}), {numRuns: 1000});
});

test('joining and leaving change neither the holder nor its renewals', t => {
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

test('no replica is queued twice, and the holder is not queued', t => {
	fc.assert(fc.property(anyHistory, history => {
		const {world, replicas} = withReplicas();
		for (const [index, event] of history) {
			events[event](replicas[index]!);
			t.is(new Set([...world.waiters, world.holder]).size, world.waiters.length + 1);
		}
	}));
});

test('after any history, each replica that wants the Lease works once, and it ends up free', t => {
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

test('waiters work in the order in which they joined', t => {
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

test('handing over is one write, which keeps the rest of the queue', t => {
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

test('a dead holder costs one expiry, even if its whole queue is dead too', t => {
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
