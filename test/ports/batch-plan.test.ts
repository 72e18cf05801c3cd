/** Properties of every batch on any ledger, above all that no port is given twice. */
import test from 'ava';
import fc from 'fast-check';
import {planBatch} from '../../src/ports/batch-plan.ts';
import type {BatchPlan} from '../../src/ports/batch-plan.ts';
import type {PendingRequest} from '../../src/ports/allocator.ts';
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
	readonly requests: readonly PendingRequest[];
	readonly plan: BatchPlan<PendingRequest>;
};

const checkEach = (check: (batch: Batch) => void): void => {
	fc.assert(fc.property(arbitraryLedger, arbitraryRequests, arbitrarySeed, (pages, requests, seed) => {
		check({pages, requests, plan: planBatch(pages, blockSize, {requests, repairs: []}, seededRandom(seed), since)});
	}), {numRuns: 500});
};

type Gift = {readonly request: PendingRequest; readonly port: number; readonly protocol: Protocol; readonly key: string; readonly name: string};

/** Every port that is given to a request. */
const giftsOf = ({requests}: BatchPlan<PendingRequest>): Gift[] => requests.flatMap(({request, outcome}) =>
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
		// There is one live Pod of a name, so its successor may have the same ports.
		for (const [key, gifts] of Map.groupBy(giftsOf(plan), ({key}) => key)) {
			const owners = gifts.map(({request: {demand}}, index) => demand.hasFixedName ? demand.pod : index);
			t.is(new Set(owners).size, 1, key);
		}
	});
});

test('no Pod gets a number twice', t => {
	checkEach(({plan}) => {
		for (const {outcome} of plan.requests) {
			t.true(outcome.kind !== 'allocated' || new Set(outcome.numbers).size === outcome.numbers.length);
		}
	});
});

test('an unmanaged port has the number that is written in its Pod, and the page has its entry', t => {
	checkEach(batch => {
		const after = committed(batch);
		for (const {request: {demand}, outcome} of batch.plan.requests) {
			for (const {port, protocol} of outcome.kind === 'allocated' ? demand.ownPorts : []) {
				t.is(after.get(pageOf(port, blockSize))?.entries.get(entryKey(port, protocol))?.pod, demand.pod);
			}
		}
	});
});

test('a taken port is given only to its Pod\'s successor or to the request that took it', t => {
	checkEach(({pages, plan}) => {
		for (const {request: {demand, earlierClaims}, port, protocol, key, name} of giftsOf(plan)) {
			const page = pages.get(pageOf(port, blockSize));
			const entry = page?.entries.get(key);
			const isSuccessor = demand.hasFixedName && entry?.state !== 'foreign';
			t.is(page?.unusable, undefined);
			t.true(entry !== undefined || (page?.damaged.every(({reserves}) => !reserves || port < reserves.first || port > reserves.last) ?? true));
			t.true(entry === undefined || (entry.pod === demand.pod && entry.portName === name && (isSuccessor || earlierClaims.includes(entry.claim ?? ''))), `${port}/${protocol}`);
		}
	});
});

test('every number is in the Pod\'s range and not one of its own ports', t => {
	checkEach(({plan}) => {
		for (const {request: {demand}, port, protocol} of giftsOf(plan)) {
			t.true(port >= demand.basePort && port <= demand.maxPort);
			t.false(demand.excluded?.some(({first, last}) => port >= first && port <= last) ?? false);
			t.false(demand.ownPorts.some(own => own.port === port && own.protocol === protocol));
		}
	});
});

test('every request is planned in order and gets every number that it demands', t => {
	checkEach(({requests, plan}) => {
		t.deepEqual(plan.requests.map(({request}) => request), requests);
		for (const {request, outcome} of plan.requests) {
			t.true(outcome.kind !== 'allocated' || outcome.numbers.length === request.demand.numbers.length);
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

test('a request waits for the pages of its changes, which then hold its ports', t => {
	checkEach(batch => {
		const after = committed(batch);
		for (const {request, outcome, touchedPages} of batch.plan.requests) {
			const changes: ReadonlyMap<string, LedgerEntry> = outcome.kind === 'allocated' ? outcome.changes : new Map();
			t.deepEqual(touchedPages, new Set([...changes.keys()].map(key => pageOf(Number.parseInt(key, 10), blockSize))));
			t.true(changes.values().every(({claim, pod, state}) => claim === request.claim && pod === request.demand.pod && state === 'pending'));
		}

		for (const {port, key, request, name} of giftsOf(batch.plan)) {
			const entry = after.get(pageOf(port, blockSize))?.entries.get(key);
			t.is(entry?.pod, request.demand.pod);
			// A later Pod of the same name may have the number for another port.
			t.true(entry?.portName === name || request.demand.hasFixedName);
		}
	});
});

test('a retry after a lost reply gets the same numbers and writes nothing', t => {
	fc.assert(fc.property(arbitraryLedger, arbitraryRequest, arbitrarySeed, (pages, request, seed) => {
		const plan = planBatch(pages, blockSize, {requests: [request], repairs: []}, seededRandom(seed), since);
		const outcome = plan.requests[0]?.outcome;
		fc.pre(outcome?.kind === 'allocated');
		const next = {...request, claim: 'again', earlierClaims: [...request.earlierClaims, request.claim]};
		const again = planBatch(committed({pages, plan}), blockSize, {requests: [next], repairs: []}, seededRandom(seed + 1), since);
		t.deepEqual(again.requests[0]?.outcome, {...outcome, changes: new Map()});
		t.deepEqual(again.requests[0]?.touchedPages, new Set());
		t.is(again.changes.size, 0);
	}), {numRuns: 500});
});

test('planning does not change the pages', t => {
	fc.assert(fc.property(arbitraryLedger, arbitraryRequests, arbitrarySeed, (pages, requests, seed) => {
		const before = structuredClone(pages);
		planBatch(pages, blockSize, {requests, repairs: []}, seededRandom(seed), since);
		t.deepEqual(pages, before);
	}));
});

test('requests get consecutive numbers in their order', t => {
	const plan = planBatch(new Map(), 500, {requests: ['a', 'b', 'c'].map(claim => requestOf(demandFor(['grpc', 'health']), {claim})), repairs: []}, Math.random, since);
	t.deepEqual(plan.requests.map(({outcome}) => outcome.kind === 'allocated' && outcome.numbers), [[30_558, 30_559], [30_560, 30_561], [30_562, 30_563]]);
	t.deepEqual([...plan.changes.keys()], [30_500]);
});

test('two Pods of one name in a batch get the same numbers, with the later one\'s claim', t => {
	const demand = demandFor(['grpc'], {pod: 'game/server-0', hasFixedName: true});
	const plan = planBatch(new Map(), 500, {requests: [requestOf(demand, {claim: 'former'}), requestOf(demand, {claim: 'latter'})], repairs: []}, Math.random, since);
	t.deepEqual(plan.requests.map(({outcome}) => outcome.kind === 'allocated' && outcome.numbers), [[30_558], [30_558]]);
	t.is(plan.changes.get(30_500)?.get('30558.tcp')?.claim, 'latter');
});

test('an empty batch changes nothing', t => {
	t.deepEqual(planBatch(new Map(), 500, {requests: [], repairs: []}, Math.random, since), {requests: [], changes: new Map(), repairs: []});
});

const entry = entryWith({pod: 'game/server-0', state: 'bound', claim: 'c'});
const release: Repair = {reason: 'release', key: '30558.tcp', judged: entry, next: {...entry, state: 'released'}};
const expire: Repair = {reason: 'expire', key: '30558.tcp', judged: entry, next: undefined};
const adopt: Repair = {reason: 'adopt', key: '30558.tcp', judged: undefined, next: entry};

/** A repair on a page that has an entry at that port, or has none. */
const isRepaired = test.macro((t, repair: Repair, found: LedgerEntry | undefined, expected: boolean) => {
	const pages = ledgerOf([['30500.tcp', entryWith()], ...(found ? [['30558.tcp', found] as const] : [])]);
	const {repairs, changes} = planBatch(pages, 500, {requests: [], repairs: [repair]}, Math.random, since);
	t.deepEqual(repairs, expected ? [repair] : []);
	t.deepEqual([...changes], expected ? [[30_500, new Map([['30558.tcp', repair.next]])]] : []);
});

test('a repair is made if the entry is as it was judged', isRepaired, release, {...entry}, true);
test('a repair that removes an entry is made', isRepaired, expire, {...entry}, true);
test('a repair of a port without an entry is made', isRepaired, adopt, undefined, true);
test('a repair is dropped if the claim differs', isRepaired, expire, {...entry, claim: 'd'}, false);
test('a repair is dropped if the state differs', isRepaired, expire, {...entry, state: 'released'}, false);
test('a repair is dropped if the Pod differs', isRepaired, release, {...entry, uid: 'u1'}, false);
test('a repair is dropped if the entry is gone', isRepaired, release, undefined, false);
test('a repair of a port without an entry is dropped if it has one now', isRepaired, adopt, entryWith({state: 'pending'}), false);

const isOvertaken = test.macro((t, repair: Repair, pages: ReadonlyMap<number, LedgerPage>, demand: PodDemand) => {
	const plan = planBatch(pages, 500, {requests: [requestOf(demand)], repairs: [repair]}, Math.random, since);
	t.deepEqual(plan.repairs, []);
	t.like(plan.changes.get(30_500)?.get('30558.tcp'), {state: 'pending', claim: 'mine'});
});

const ledger = ledgerOf([['30500.tcp', entryWith()], ['30558.tcp', entry]]);
const successor = demandFor(['grpc'], {pod: 'game/server-0', hasFixedName: true});

test('a repair is dropped if an admission of the batch takes the port over', isOvertaken, expire, ledger, successor);
test('a release is dropped if an admission of the batch takes the port over', isOvertaken, release, ledger, successor);
test('a repair is dropped if an admission of the batch gets the port', isOvertaken, adopt, ledgerOf([['30500.tcp', entryWith()]]), demandFor(['grpc']));

test('a repair is dropped if its page is in quarantine or missing', t => {
	for (const pages of [ledgerOf([['30558.tcp', entry]], {quarantined: [30_500]}), ledgerOf([])]) {
		for (const repair of [release, expire, adopt]) {
			const {repairs, changes} = planBatch(pages, 500, {requests: [], repairs: [repair]}, Math.random, since);
			t.deepEqual([repairs, changes.size], [[], 0]);
		}
	}
});

test('a repair is dropped if a person has written to the key of a free port', t => {
	const {repairs, changes} = planBatch(ledgerOf([], {damaged: ['30558.tcp']}), 500, {requests: [], repairs: [adopt]}, Math.random, since);
	t.deepEqual([repairs, changes.size], [[], 0]);
});

test('a port that a repair frees is not given in the same batch', t => {
	const demand = demandFor(['grpc'], {maxPort: 30_558});
	const {requests, repairs} = planBatch(ledger, 500, {requests: [requestOf(demand)], repairs: [expire]}, Math.random, since);
	t.is(requests[0]?.outcome.kind, 'exhausted');
	t.deepEqual(repairs, [expire]);
});

test('pages with admissions are committed before pages with repairs only', t => {
	const pages = ledgerOf([['2000.tcp', entry], ['30500.tcp', entryWith()], ['31000.tcp', entry]]);
	const repairs = [{...expire, key: '2000.tcp'}, {...expire, key: '31000.tcp'}];
	const {changes} = planBatch(pages, 500, {requests: [requestOf(demandFor(['grpc']))], repairs}, Math.random, since);
	t.deepEqual([...changes.keys()], [30_500, 2000, 31_000]);
});

/** For some entries and some free ports; the judged entry may differ from the one in the page. */
const arbitraryRepairs = (pages: ReadonlyMap<number, LedgerPage>): fc.Arbitrary<Repair[]> => {
	const existing = [...pages.values()].flatMap(({entries}) => Array.from(entries));
	const free = ['95.tcp', '100.udp', '110.tcp', '134.tcp'].map(key => [key, undefined] as const);
	const repair = fc.constantFrom(...existing, ...free).chain(([key, found]) => fc.record({
		reason: fc.constant('bind' as const),
		key: fc.constant(key),
		judged: fc.constantFrom(found, found, undefined, entry),
		next: fc.constantFrom(undefined, entryWith({claim: 'repaired'})),
	}));
	return fc.uniqueArray(repair, {selector: ({key}) => key, maxLength: 20});
};

const changeCount = ({changes}: BatchPlan<PendingRequest>): number => changes.values().reduce((sum, {size}) => sum + size, 0);

test('repairs do not change what admissions get, and change only judged entries', t => {
	const arbitrary = arbitraryLedger.chain(pages => fc.tuple(fc.constant(pages), arbitraryRepairs(pages)));
	fc.assert(fc.property(arbitrary, arbitraryRequests, arbitrarySeed, ([pages, judged], requests, seed) => {
		const without = planBatch(pages, blockSize, {requests, repairs: []}, seededRandom(seed), since);
		const plan = planBatch(pages, blockSize, {requests, repairs: judged}, seededRandom(seed), since);
		t.deepEqual(plan.requests, without.requests);
		const repaired = new Map(plan.repairs.map(({key, next}) => [key, next]));
		for (const {key, judged} of plan.repairs) {
			const page = pages.get(pageOf(Number.parseInt(key, 10), blockSize));
			t.deepEqual(page?.entries.get(key), judged);
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
