/** What holds for every batch, whatever the ledger: the invariant that the whole product is about. */
import test from 'ava';
import fc from 'fast-check';
import {planBatch} from '../../src/ports/batch-plan.ts';
import type {BatchPlan} from '../../src/ports/batch-plan.ts';
import type {Request} from '../../src/ports/allocator.ts';
import type {PodDemand, Protocol} from '../../src/ports/demand.ts';
import {entryKey} from '../../src/ports/ledger-entry.ts';
import type {LedgerEntry} from '../../src/ports/ledger-entry.ts';
import {decodePage, pageOf, withChanges} from '../../src/ports/ledger-page.ts';
import type {LedgerPage} from '../../src/ports/ledger-page.ts';
import type {Repair} from '../../src/ports/repair.ts';
import {arbitraryLedger, arbitraryRequest, arbitraryRequests, arbitrarySeed, blockSize} from '../helpers/arbitrary-ledger.ts';
import {demandFor, entryWith, ledgerOf, pageObject, requestOf, since} from '../helpers/ledger-builders.ts';
import {seededRandom} from '../helpers/seeded-random.ts';

type Batch = {
	readonly pages: ReadonlyMap<number, LedgerPage>;
	readonly requests: readonly Request[];
	readonly plan: BatchPlan<Request>;
};

const checkEach = (check: (batch: Batch) => void): void => {
	fc.assert(fc.property(arbitraryLedger, arbitraryRequests, arbitrarySeed, (pages, requests, seed) => {
		check({pages, requests, plan: planBatch(pages, blockSize, {requests, repairs: []}, seededRandom(seed), since)});
	}), {numRuns: 500});
};

type Gift = {readonly request: Request; readonly port: number; readonly protocol: Protocol; readonly key: string; readonly name: string};

/** Every port that is given to a request. */
const giftsOf = ({requests}: BatchPlan<Request>): Gift[] => requests.flatMap(({request, outcome}) =>
	request.demand.numbers.flatMap(({ports}, index) => outcome.kind !== 'allocated' ? [] : ports.map(({name, protocol}) => {
		const port = outcome.numbers[index]!;
		return {request, port, protocol, key: entryKey(port, protocol), name};
	})));

/** The pages after everything has been committed. */
const committed = ({pages, plan}: Pick<Batch, 'pages' | 'plan'>): ReadonlyMap<number, LedgerPage> => {
	const after = new Map(pages);
	for (const [first, changes] of plan.changes) {
		const page = after.get(first) ?? decodePage(pageObject({first, blockSize}), first, blockSize);
		after.set(first, withChanges(page, changes, '8'));
	}

	return after;
};

test('no port is given to two Pods', t => {
	checkEach(({plan}) => {
		// Of one name there is one live Pod, so its successor may have what it has.
		for (const [key, gifts] of Map.groupBy(giftsOf(plan), ({key}) => key)) {
			const owners = gifts.map(({request: {demand}}, index) => demand.hasFixedName ? demand.pod : index);
			t.is(new Set(owners).size, 1, key);
		}
	});
});

test('no Pod gets a number twice', t => {
	checkEach(({plan}) => {
		for (const {outcome} of plan.requests) {
			t.true(outcome.kind === 'exhausted' || new Set(outcome.numbers).size === outcome.numbers.length);
		}
	});
});

test('a port that is taken is given only to the successor of its Pod, or to the attempt that took it', t => {
	checkEach(({pages, plan}) => {
		for (const {request: {demand, earlierClaims}, port, protocol, key, name} of giftsOf(plan)) {
			const page = pages.get(pageOf(port, blockSize));
			const entry = page?.entries.get(key);
			const isSuccessor = demand.hasFixedName && entry?.state !== 'foreign';
			t.is(page?.unusable, undefined);
			t.true(entry !== undefined || (page?.damaged.every(damaged => damaged.port !== port) ?? true));
			t.true(entry === undefined || (entry.pod === demand.pod && entry.port === name && (isSuccessor || earlierClaims.includes(entry.claim ?? ''))), `${port}/${protocol}`);
		}
	});
});

test('every number is in the range asked for, and not one that the Pod takes itself', t => {
	checkEach(({plan}) => {
		for (const {request: {demand}, port, protocol} of giftsOf(plan)) {
			t.true(port >= demand.basePort && port <= demand.maxPort);
			t.false(demand.taken.some(own => own.port === port && own.protocol === protocol));
		}
	});
});

test('every request is planned, in its order, and has a number for each that it demands', t => {
	checkEach(({requests, plan}) => {
		t.deepEqual(plan.requests.map(({request}) => request), requests);
		for (const {request, outcome} of plan.requests) {
			t.true(outcome.kind === 'exhausted' || outcome.numbers.length === request.demand.numbers.length);
		}
	});
});

test('every change is in the page that owns its port, and the pages are in order', t => {
	checkEach(({plan}) => {
		const firsts = [...plan.changes.keys()];
		t.deepEqual(firsts, firsts.toSorted((a, b) => a - b));
		for (const [first, changes] of plan.changes) {
			t.true(changes.size > 0);
			t.true([...changes.keys()].every(key => pageOf(Number.parseInt(key, 10), blockSize) === first));
		}
	});
});

test('a request waits for exactly the pages that hold its changes, and the ledger then has what it was told', t => {
	checkEach(batch => {
		const after = committed(batch);
		for (const {request, outcome, pages} of batch.plan.requests) {
			const changes: ReadonlyMap<string, LedgerEntry> = outcome.kind === 'allocated' ? outcome.changes : new Map();
			t.deepEqual(pages, new Set([...changes.keys()].map(key => pageOf(Number.parseInt(key, 10), blockSize))));
			t.true(changes.values().every(({claim, pod, state}) => claim === request.claim && pod === request.demand.pod && state === 'pending'));
		}

		for (const {port, key, request, name} of giftsOf(batch.plan)) {
			t.like(after.get(pageOf(port, blockSize))?.entries.get(key), {pod: request.demand.pod, port: name});
		}
	});
});

test('a request whose answer was lost is answered alike the next time, and writes nothing', t => {
	fc.assert(fc.property(arbitraryLedger, arbitraryRequest, arbitrarySeed, (pages, request, seed) => {
		const plan = planBatch(pages, blockSize, {requests: [request], repairs: []}, seededRandom(seed), since);
		const outcome = plan.requests[0]?.outcome;
		fc.pre(outcome?.kind === 'allocated');
		const next = {...request, claim: 'again', earlierClaims: [...request.earlierClaims, request.claim]};
		const again = planBatch(committed({pages, plan}), blockSize, {requests: [next], repairs: []}, seededRandom(seed + 1), since);
		t.deepEqual(again.requests[0]?.outcome, {...outcome, changes: new Map()});
		t.deepEqual(again.requests[0]?.pages, new Set());
		t.is(again.changes.size, 0);
	}), {numRuns: 500});
});

test('planning leaves the pages as they were', t => {
	fc.assert(fc.property(arbitraryLedger, arbitraryRequests, arbitrarySeed, (pages, requests, seed) => {
		const before = structuredClone(pages);
		planBatch(pages, blockSize, {requests, repairs: []}, seededRandom(seed), since);
		t.deepEqual(pages, before);
	}));
});

test('requests get consecutive numbers in the order in which they came', t => {
	const plan = planBatch(new Map(), 500, {requests: ['a', 'b', 'c'].map(claim => requestOf(demandFor(['grpc', 'health']), {claim})), repairs: []}, Math.random, since);
	t.deepEqual(plan.requests.map(({outcome}) => outcome.kind === 'allocated' && outcome.numbers), [[30_558, 30_559], [30_560, 30_561], [30_562, 30_563]]);
	t.deepEqual([...plan.changes.keys()], [30_500]);
});

test('two Pods of one name in a batch get the same numbers, and the ledger names the later', t => {
	const demand = demandFor(['grpc'], {pod: 'game/server-0', hasFixedName: true});
	const plan = planBatch(new Map(), 500, {requests: [requestOf(demand, {claim: 'former'}), requestOf(demand, {claim: 'latter'})], repairs: []}, Math.random, since);
	t.deepEqual(plan.requests.map(({outcome}) => outcome.kind === 'allocated' && outcome.numbers), [[30_558], [30_558]]);
	t.is(plan.changes.get(30_500)?.get('30558.tcp')?.claim, 'latter');
});

test('an empty batch changes nothing', t => {
	t.deepEqual(planBatch(new Map(), 500, {requests: [], repairs: []}, Math.random, since), {requests: [], changes: new Map(), repairs: []});
});

const entry = entryWith({pod: 'game/server-0', state: 'bound', claim: 'c'});
const release: Repair = {reason: 'release', key: '30558.tcp', expected: entry, next: {...entry, state: 'released'}};
const expire: Repair = {reason: 'expire', key: '30558.tcp', expected: entry, next: undefined};
const adopt: Repair = {reason: 'adopt', key: '30558.tcp', expected: undefined, next: entry};

/** On a page that has, or has not, an entry at that port. */
const isRepaired = test.macro((t, repair: Repair, found: LedgerEntry | undefined, expected: boolean) => {
	const pages = ledgerOf([['30500.tcp', entryWith()], ...(found ? [['30558.tcp', found] as const] : [])]);
	const {repairs, changes} = planBatch(pages, 500, {requests: [], repairs: [repair]}, Math.random, since);
	t.deepEqual(repairs, expected ? [repair] : []);
	t.deepEqual([...changes], expected ? [[30_500, new Map([['30558.tcp', repair.next]])]] : []);
});

test('a repair of what was judged is made', isRepaired, release, {...entry}, true);
test('a repair that takes an entry away is made', isRepaired, expire, {...entry}, true);
test('a repair of a port without an entry is made', isRepaired, adopt, undefined, true);
test('a repair is dropped when the claim is another', isRepaired, expire, {...entry, claim: 'd'}, false);
test('a repair is dropped when the state is another', isRepaired, expire, {...entry, state: 'released'}, false);
test('a repair is dropped when the Pod is another', isRepaired, release, {...entry, uid: 'u1'}, false);
test('a repair is dropped when the entry is gone', isRepaired, release, undefined, false);
test('a repair of a port without an entry is dropped when it has one', isRepaired, adopt, entryWith({state: 'pending'}), false);

const isOvertaken = test.macro((t, repair: Repair, pages: ReadonlyMap<number, LedgerPage>, demand: PodDemand) => {
	const plan = planBatch(pages, 500, {requests: [requestOf(demand)], repairs: [repair]}, Math.random, since);
	t.deepEqual(plan.repairs, []);
	t.like(plan.changes.get(30_500)?.get('30558.tcp'), {state: 'pending', claim: 'mine'});
});

const ledger = ledgerOf([['30500.tcp', entryWith()], ['30558.tcp', entry]]);
const successor = demandFor(['grpc'], {pod: 'game/server-0', hasFixedName: true});

test('a repair is dropped when an admission of the batch takes the port over', isOvertaken, expire, ledger, successor);
test('a release is dropped when an admission of the batch takes the port over', isOvertaken, release, ledger, successor);
test('a repair is dropped when an admission of the batch is given the port', isOvertaken, adopt, ledgerOf([['30500.tcp', entryWith()]]), demandFor(['grpc']));

test('a repair is dropped when its page is in quarantine, or not there', t => {
	for (const pages of [ledgerOf([['30558.tcp', entry]], {quarantined: [30_500]}), ledgerOf([])]) {
		for (const repair of [release, expire, adopt]) {
			const {repairs, changes} = planBatch(pages, 500, {requests: [], repairs: [repair]}, Math.random, since);
			t.deepEqual([repairs, changes.size], [[], 0]);
		}
	}
});

test('a repair is dropped when somebody has written something by hand where there was no entry', t => {
	const {repairs, changes} = planBatch(ledgerOf([], {damaged: ['30558.tcp']}), 500, {requests: [], repairs: [adopt]}, Math.random, since);
	t.deepEqual([repairs, changes.size], [[], 0]);
});

test('a port that a repair frees is not given in the same batch', t => {
	const demand = demandFor(['grpc'], {maxPort: 30_558});
	const {requests, repairs} = planBatch(ledger, 500, {requests: [requestOf(demand)], repairs: [expire]}, Math.random, since);
	t.is(requests[0]?.outcome.kind, 'exhausted');
	t.deepEqual(repairs, [expire]);
});

test('pages that admissions wait for are committed before those that only repairs change', t => {
	const pages = ledgerOf([['2000.tcp', entry], ['30500.tcp', entryWith()], ['31000.tcp', entry]]);
	const repairs = [{...expire, key: '2000.tcp'}, {...expire, key: '31000.tcp'}];
	const {changes} = planBatch(pages, 500, {requests: [requestOf(demandFor(['grpc']))], repairs}, Math.random, since);
	t.deepEqual([...changes.keys()], [30_500, 2000, 31_000]);
});

/** For some of the entries, and some ports that had none: what was judged may have been something else. */
const arbitraryRepairs = (pages: ReadonlyMap<number, LedgerPage>): fc.Arbitrary<Repair[]> => {
	const existing = [...pages.values()].flatMap(({entries}) => Array.from(entries));
	const free = ['95.tcp', '100.udp', '110.tcp', '134.tcp'].map(key => [key, undefined] as const);
	const repair = fc.constantFrom(...existing, ...free).chain(([key, found]) => fc.record({
		reason: fc.constant('bind' as const),
		key: fc.constant(key),
		expected: fc.constantFrom(found, found, undefined, entry),
		next: fc.constantFrom(undefined, entryWith({claim: 'repaired'})),
	}));
	return fc.uniqueArray(repair, {selector: ({key}) => key, maxLength: 20});
};

const changeCount = ({changes}: BatchPlan<Request>): number => changes.values().reduce((sum, {size}) => sum + size, 0);

test('whatever is repaired, admissions get what they would get without, and only what was judged is changed', t => {
	const arbitrary = arbitraryLedger.chain(pages => fc.tuple(fc.constant(pages), arbitraryRepairs(pages)));
	fc.assert(fc.property(arbitrary, arbitraryRequests, arbitrarySeed, ([pages, judged], requests, seed) => {
		const without = planBatch(pages, blockSize, {requests, repairs: []}, seededRandom(seed), since);
		const plan = planBatch(pages, blockSize, {requests, repairs: judged}, seededRandom(seed), since);
		t.deepEqual(plan.requests, without.requests);
		const repaired = new Map(plan.repairs.map(({key, next}) => [key, next]));
		for (const {key, expected} of plan.repairs) {
			const page = pages.get(pageOf(Number.parseInt(key, 10), blockSize));
			t.deepEqual(page?.entries.get(key), expected);
			t.is(page?.unusable, undefined);
		}

		for (const [first, changes] of plan.changes) {
			for (const [key, next] of changes) {
				t.deepEqual(next, repaired.has(key) ? repaired.get(key) : without.changes.get(first)?.get(key));
			}
		}

		t.is(changeCount(plan), changeCount(without) + repaired.size);
	}), {numRuns: 500});
});
