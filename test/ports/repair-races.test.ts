/**
 * Admissions, Pods and two reconcilers in random order, with delays between reads, lists and commits, slow Pods, names that
 * are used again, removed annotations and foreign Pods. In every order, no two live Pods were given the same port.
 */
import test from 'ava';
import fc from 'fast-check';
import {planBatch} from '../../src/ports/batch-plan.ts';
import type {Batch} from '../../src/ports/batch-plan.ts';
import type {PendingRequest} from '../../src/ports/allocator.ts';
import {hostPortsOf, isLive} from '../../src/ports/host-port-use.ts';
import type {StoredPod} from '../../src/ports/host-port-use.ts';
import {decodePage, withChanges} from '../../src/ports/ledger-page.ts';
import type {LedgerPage} from '../../src/ports/ledger-page.ts';
import {planPass} from '../../src/ports/repair.ts';
import type {Repair} from '../../src/ports/repair.ts';
import type {Sightings} from '../../src/ports/sightings.ts';
import {demandFor, pageObject, requestOf, since} from '../helpers/ledger-builders.ts';

const blockSize = 10;
const first = 100;

/** Few ports, so that they are soon given again. */
const ports = [100, 101] as const;

/** The longest that a Pod may be on its way from its admission to storage, and the hold time. */
const storageMs = 60_000;
const holdMs = 2 * storageMs;

type Way = {readonly name: string | undefined; readonly port: number; readonly admittedAt: number};

type Reconciler = {
	/** The zero of its own monotonic clock. */
	readonly zero: number;
	sightings: Sightings;
	read?: {readonly pages: ReadonlyMap<number, LedgerPage>; readonly now: number} | undefined;
	repairs: readonly Repair[];
};

class World {
	#now = 0;
	#version = 7;
	#tokens = 0;
	#pages: ReadonlyMap<number, LedgerPage> = new Map([[first, decodePage(pageObject({first, blockSize}), first, blockSize)]]);
	#onTheirWay: Way[] = [];
	#pods: StoredPod[] = [];
	/** The port that each Pod was given, by UID, even if its annotation is gone. */
	readonly #given = new Map<string, number>();
	readonly #reconcilers: readonly Reconciler[] = [0, -12_345_678].map(zero => ({zero, sightings: new Map(), repairs: []}));

	/** An admission. Storage may still reject the Pod. */
	admit(name: string | undefined): void {
		const demand = demandFor(['grpc'], {basePort: ports[0], maxPort: ports.at(-1)!, ...(name && {pod: `game/${name}`, hasFixedName: true})});
		const {requests: [planned]} = this.#commit({requests: [requestOf(demand, {claim: this.#token()})], repairs: []});
		if (planned?.outcome.kind === 'allocated') {
			this.#onTheirWay.push({name, port: planned.outcome.numbers[0]!, admittedAt: this.#now});
		}
	}

	/** Storage accepts one live Pod of each name. */
	store(index: number): void {
		const [way] = this.#onTheirWay.splice(index, 1);
		if (way && !this.#pods.some(({metadata}) => metadata.name === way.name)) {
			const uid = this.#create(way.name ?? `server-${this.#token()}`, way.port, {'hostport.io/allocated-grpc': String(way.port)});
			this.#given.set(uid, way.port);
		}
	}

	reject(index: number): void {
		this.#onTheirWay.splice(index, 1);
	}

	createForeign(port: number): void {
		this.#create(`proxy-${this.#token()}`, port, {});
	}

	remove(index: number): void {
		this.#pods = this.#pods.filter((_, place) => place !== index);
	}

	finish(index: number): void {
		this.#pods = this.#pods.map((pod, place) => place === index ? {...pod, status: {phase: 'Succeeded'}} : pod);
	}

	strip(index: number): void {
		this.#pods = this.#pods.map((pod, place) => place === index ? {...pod, metadata: {...pod.metadata, annotations: {}}} : pod);
	}

	pass(ms: number): void {
		this.#now += ms;
		this.#onTheirWay = this.#onTheirWay.filter(({admittedAt}) => this.#now - admittedAt <= storageMs);
	}

	read(index: number): void {
		const reconciler = this.#reconcilers[index]!;
		reconciler.read = {pages: this.#pages, now: this.#now - reconciler.zero};
	}

	list(index: number): void {
		const reconciler = this.#reconcilers[index]!;
		if (reconciler.read) {
			const uses = this.#pods.flatMap(hostPortsOf);
			const {sightings} = reconciler;
			Object.assign(reconciler, planPass({...reconciler.read, blockSize, uses, sightings, holdMs, since, mintClaim: () => this.#token()}));
			reconciler.read = undefined;
		}
	}

	apply(index: number): void {
		const reconciler = this.#reconcilers[index]!;
		this.#commit({requests: [], repairs: reconciler.repairs});
		reconciler.repairs = [];
	}

	restart(index: number): void {
		Object.assign(this.#reconcilers[index]!, {sightings: new Map(), read: undefined, repairs: []});
	}

	/** Ports that several live Pods were given. */
	get duplicates(): number[] {
		const given = this.#pods.filter(isLive).flatMap(({metadata: {uid}}) => this.#given.get(uid) ?? []);
		return given.filter((port, index) => given.indexOf(port) !== index);
	}

	/** The entries that are left after all Pods are gone and several hold times are over. */
	settle(): string[] {
		this.pass(10 * holdMs);
		this.#pods = [];
		for (let times = 0; times < 4; times++) {
			this.read(0);
			this.list(0);
			this.apply(0);
			this.pass(holdMs);
		}

		return [...this.#pages.values()].flatMap(({entries}) => Array.from(entries.keys()));
	}

	#commit(batch: Batch<PendingRequest>) {
		const plan = planBatch(this.#pages, blockSize, batch, () => 0, since);
		this.#pages = new Map([...this.#pages].map(([first, page]) => [first, withChanges(page, plan.changes.get(first) ?? new Map(), String(++this.#version))]));
		return plan;
	}

	#create(name: string, port: number, annotations: Readonly<Record<string, string>>): string {
		const uid = this.#token();
		this.#pods.push({metadata: {name, namespace: 'game', uid, annotations}, spec: {containers: [{ports: [{name: 'grpc', containerPort: port, hostPort: port}]}]}});
		return uid;
	}

	#token(): string {
		return `token-${++this.#tokens}`;
	}
}

type Step = readonly [what: string, run: (world: World) => void];

// Mostly the oldest, so that several things happen to the same Pod.
const index = fc.constantFrom(0, 0, 0, 1, 2);
const reconciler = fc.constantFrom(0, 0, 0, 1);
const name = fc.constantFrom('server-0', 'server-0', undefined);

const event: fc.Arbitrary<Step> = fc.oneof(
	{weight: 6, arbitrary: name.map((name): Step => [`admit ${name ?? 'unnamed'}`, world => world.admit(name)])},
	{weight: 4, arbitrary: index.map((index): Step => [`store ${index}`, world => world.store(index)])},
	{weight: 1, arbitrary: index.map((index): Step => [`reject ${index}`, world => world.reject(index)])},
	{weight: 4, arbitrary: index.map((index): Step => [`remove ${index}`, world => world.remove(index)])},
	{weight: 1, arbitrary: index.map((index): Step => [`finish ${index}`, world => world.finish(index)])},
	{weight: 1, arbitrary: index.map((index): Step => [`strip ${index}`, world => world.strip(index)])},
	{weight: 1, arbitrary: fc.constantFrom(...ports).map((port): Step => [`foreign ${port}`, world => world.createForeign(port)])},
	{weight: 4, arbitrary: fc.constantFrom(1, 1000, storageMs, storageMs + 1, holdMs).map((ms): Step => [`${ms} ms`, world => world.pass(ms)])},
);

const nothing: Step = ['', () => {}];
const interruption = fc.oneof({weight: 3, arbitrary: fc.constant(nothing)}, {weight: 1, arbitrary: event});

/** A pass, with any event between the read and the list, and between the list and the commits. */
const passOfReconciler: fc.Arbitrary<Step> = fc.tuple(reconciler, interruption, interruption)
	.map(([index, [beforeList, runBeforeList], [beforeCommit, runBeforeCommit]]): Step => [`pass by ${index} (${beforeList}; ${beforeCommit})`, world => {
		world.read(index);
		runBeforeList(world);
		world.list(index);
		runBeforeCommit(world);
		world.apply(index);
	}]);

const steps: fc.Arbitrary<Step[]> = fc.array(fc.oneof(
	{weight: 21, arbitrary: event},
	{weight: 10, arbitrary: passOfReconciler},
	{weight: 1, arbitrary: reconciler.map((index): Step => [`read by ${index}`, world => world.read(index)])},
	{weight: 1, arbitrary: reconciler.map((index): Step => [`list by ${index}`, world => world.list(index)])},
	{weight: 1, arbitrary: reconciler.map((index): Step => [`apply by ${index}`, world => world.apply(index)])},
	{weight: 1, arbitrary: reconciler.map((index): Step => [`restart of ${index}`, world => world.restart(index)])},
), {maxLength: 60, size: 'max'});

test('in every order of events, no two live Pods were given the same port', t => {
	fc.assert(fc.property(steps, steps => {
		const world = new World();
		for (const [index, [, run]] of steps.entries()) {
			run(world);
			t.deepEqual(world.duplicates, [], steps.slice(0, index + 1).map(([what]) => what).join(', '));
		}
	}), {numRuns: 5000});
});

test('in every order of events, no port is lost for ever', t => {
	fc.assert(fc.property(steps, steps => {
		const world = new World();
		for (const [, run] of steps) {
			run(world);
		}

		t.deepEqual(world.settle(), [], steps.map(([what]) => what).join(', '));
	}), {numRuns: 500});
});
