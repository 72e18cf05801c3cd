/** Passes as a whole; entry-states.test.ts has what becomes of single entries. */
import test from 'ava';
import fc from 'fast-check';
import {planBatch} from '../../src/ports/batch-plan.ts';
import type {HostPortUse} from '../../src/ports/host-port-use.ts';
import {entryKey, formatEntry, parseEntry} from '../../src/ports/ledger-entry.ts';
import type {LedgerEntry} from '../../src/ports/ledger-entry.ts';
import {pageOf, withChanges} from '../../src/ports/ledger-page.ts';
import type {LedgerPage} from '../../src/ports/ledger-page.ts';
import {planPass} from '../../src/ports/repair.ts';
import type {Duplicate, Pass, PassInput, Repair} from '../../src/ports/repair.ts';
import type {Sightings} from '../../src/ports/sightings.ts';
import {arbitraryLedger, blockSize as smallBlock} from '../helpers/arbitrary-ledger.ts';
import {deepFreeze} from '../../harness/deep-freeze.ts';
import {ledgerOf, since} from '../helpers/ledger-builders.ts';

const holdMs = 120_000;
const later = '2026-11-22T11:00:00Z';
const key = '30558.tcp';

type Given = Partial<PassInput> & {readonly entries?: ReadonlyArray<readonly [key: string, entry: LedgerEntry]>};

const pass = ({entries = [], ...changes}: Given = {}): Pass => planPass({
	pages: ledgerOf(entries),
	blockSize: 500,
	uses: [],
	sightings: new Map(),
	now: 0,
	holdMs,
	since: later,
	mintClaim: () => 'minted',
	...changes,
});

/** Sightings of these entries since `ms` milliseconds ago. */
const seenFor = (ms: number, entries: ReadonlyArray<readonly [key: string, entry: LedgerEntry]>): Sightings =>
	new Map(entries.map(([key, {claim, state}]) => [key, {claim, state, firstSeen: -ms}]));

const bound: LedgerEntry = {pod: 'game/server-0', portName: 'grpc', state: 'bound', uid: 'u0', node: 'worker-1', claim: 'c', since};
const pending: LedgerEntry = {pod: 'game/server- (ReplicaSet server)', portName: 'grpc', state: 'pending', claim: 'c', since};
const released: LedgerEntry = {...bound, state: 'released'};
const foreign: LedgerEntry = {pod: 'kube-system/proxy', portName: 'web', state: 'foreign', uid: 'f', node: 'worker-1', since};

const ours: HostPortUse = {port: 30_558, protocol: 'TCP', pod: 'game/server-0', uid: 'u0', node: 'worker-1', portName: 'grpc', managed: true, given: true};
const theirs: HostPortUse = {port: 30_558, protocol: 'TCP', pod: 'kube-system/proxy', uid: 'f', node: 'worker-1', portName: 'web', managed: false, given: false};
const service: HostPortUse = {...theirs, pod: 'Service shop/web', uid: 's', node: undefined};

test('protocols of one number are judged separately', t => {
	const {repairs} = pass({entries: [[key, bound], ['30558.udp', {...bound, portName: 'dns'}]], uses: [ours]});
	t.deepEqual(repairs.map(({reason, key}) => [reason, key]), [['release', '30558.udp']]);
});

test('every adopted port gets a claim of its own', t => {
	let minted = 0;
	const {repairs} = pass({entries: [['30501.tcp', bound]], uses: [ours, {...ours, protocol: 'UDP'}, {...ours, port: 30_501}], mintClaim: () => `minted-${++minted}`});
	t.deepEqual(repairs.filter(({reason}) => reason === 'adopt').map(({next}) => next?.claim), ['minted-1', 'minted-2']);
});

/** The reasons of passes one after the other; each step gives the time and what the pass finds. */
const repairsOver = (steps: ReadonlyArray<readonly [now: number, entry: LedgerEntry | undefined, uses?: readonly HostPortUse[]]>): string[] => {
	let sightings: Sightings = new Map();
	return steps.map(([now, entry, uses = []]) => {
		const result = pass({entries: entry ? [[key, entry]] : [], uses, sightings, now});
		sightings = result.sightings;
		return result.repairs.map(({reason}) => reason).join();
	});
};

test('an entry expires after the hold time since its first sighting, never on one sighting', t => {
	t.deepEqual(repairsOver([[1e9, pending]]), ['']);
	t.deepEqual(repairsOver([[1000, pending], [1000 + holdMs - 1, pending], [1000 + holdMs, pending]]), ['', '', 'expire']);
});

test('a new claim on a port starts a new hold time', t => {
	t.deepEqual(repairsOver([[0, pending], [holdMs - 1, {...pending, claim: 'd'}], [holdMs, {...pending, claim: 'd'}], [2 * holdMs - 1, {...pending, claim: 'd'}]]), ['', '', '', 'expire']);
});

test('a new state starts a new hold time', t => {
	t.deepEqual(repairsOver([[0, pending], [holdMs - 1, released], [holdMs, released], [2 * holdMs - 1, released]]), ['', '', '', 'expire']);
});

test('an entry that was gone in between starts a new hold time', t => {
	t.deepEqual(repairsOver([[0, pending], [10, undefined], [holdMs, pending], [2 * holdMs, pending]]), ['', '', '', 'expire']);
	t.deepEqual(repairsOver([[0, pending], [10, pending, [ours]], [holdMs, bound, [ours]], [holdMs + 1, released], [2 * holdMs, released]]), ['', 'bind', '', '', '']);
});

test('the time that an entry shows is ignored', t => {
	t.deepEqual(pass({entries: [[key, {...pending, since: '1999-01-01T00:00:00Z'}]]}).repairs, []);
});

test('a pass says when the next hold time is over', t => {
	t.is(pass().nextDue, undefined);
	t.is(pass({entries: [[key, bound], ['30559.tcp', foreign]], uses: [ours, {...theirs, port: 30_559}]}).nextDue, undefined);
	const entries = [[key, pending], ['30559.tcp', released], ['30560.tcp', pending]] as const;
	t.is(pass({entries, now: 50}).nextDue, 50 + holdMs);
	t.is(pass({entries, sightings: seenFor(1000, entries.slice(1, 2))}).nextDue, holdMs - 1000);
	// An entry that this pass removes or binds is not due again.
	t.is(pass({entries: entries.slice(0, 1), sightings: seenFor(holdMs, entries)}).nextDue, undefined);
	t.is(pass({entries: entries.slice(0, 1), uses: [ours]}).nextDue, undefined);
});

const isLeftAlone = test.macro((t, pages: ReadonlyMap<number, LedgerPage>, ...uses: readonly HostPortUse[]) => {
	const {repairs, nextDue} = pass({pages, uses, sightings: new Map([...pages.values()].flatMap(({entries}) => Array.from(seenFor(10 * holdMs, [...entries]))))});
	t.deepEqual(repairs, []);
	t.is(nextDue, undefined);
});

test('a page in quarantine is not changed', isLeftAlone, ledgerOf([[key, bound], ['30559.tcp', pending]], {quarantined: [30_500]}), {...ours, port: 30_560});
test('a page that does not exist is not created', isLeftAlone, ledgerOf([]), ours, theirs);
test('a damaged entry is kept while its port is in use', isLeftAlone, ledgerOf([], {damaged: [key]}), ours);
test('a damaged entry is kept while its port is not in use', isLeftAlone, ledgerOf([], {damaged: [key]}));

test('a port in use that a person has reserved gets its entry, so that it is known when the reservation goes', t => {
	const pages = ledgerOf([], {damaged: [key, '30600-30610']});
	const {repairs} = pass({pages, uses: [{...ours, protocol: 'UDP'}, {...ours, port: 30_605}]});
	t.deepEqual(repairs.map(({reason, key}) => [reason, key]), [['adopt', '30558.udp'], ['adopt', '30605.tcp']]);
});

test('other pages are repaired while one is in quarantine', t => {
	const {repairs} = pass({pages: ledgerOf([[key, bound], ['31000.tcp', bound]], {quarantined: [30_500]})});
	t.deepEqual(repairs.map(({key}) => key), ['31000.tcp']);
});

/** With the entry of the first Pod, which we gave the port. */
const duplicateOf = test.macro((t, uses: readonly HostPortUse[], kind?: Duplicate['kind']) => {
	for (const entry of [bound, {...bound, state: 'foreign'} as const]) {
		const {duplicates} = pass({entries: [[key, entry]], uses});
		t.deepEqual(duplicates, kind ? [{key, kind, uses, holder: 'game/server-0'}] : []);
	}
});

test('two Pods of ours with one port are a duplicate', duplicateOf, [ours, {...ours, pod: 'game/other', uid: 'u1'}], 'Pod');
test('a Pod of ours and a foreign Pod are a duplicate', duplicateOf, [theirs, ours], 'Pod');
test('a Pod of ours and a Service are a duplicate', duplicateOf, [ours, service], 'NodePort');
test('a Pod and its successor of the same name are a duplicate', duplicateOf, [ours, {...ours, uid: 'u1'}], 'Pod');
test('two containers of one Pod are not a duplicate', duplicateOf, [ours, ours]);
test('foreign Pods may share a port on different nodes', duplicateOf, [theirs, {...theirs, pod: 'kube-system/proxy-2', uid: 'f2', node: 'worker-2'}]);
test('one number with two protocols is not a duplicate', duplicateOf, [ours, {...ours, pod: 'game/other', uid: 'u1', protocol: 'UDP'}]);

test('two Pods and a Service are a duplicate of Pods', duplicateOf, [ours, theirs, service], 'Pod');

const isNoDuplicate = test.macro((t, input: Given) => {
	t.deepEqual(pass({uses: [ours, theirs], ...input}).duplicates, []);
});

test('annotations alone, without an entry, make no duplicate', isNoDuplicate, {});
test('an entry without a claim makes no duplicate', isNoDuplicate, {entries: [[key, foreign]]});
test('the entry of a Pod that is stored since makes a duplicate', t => {
	const {duplicates} = pass({uses: [theirs, ours], entries: [[key, pending]]});
	t.deepEqual(duplicates, [{key, kind: 'Pod', uses: [theirs, ours], holder: 'game/server-0'}]);
});

test('an entry of another protocol makes no duplicate', isNoDuplicate, {entries: [['30558.udp', bound]]});
test('nothing is said of a port whose page was not read', isNoDuplicate, {pages: ledgerOf([['31000.tcp', bound]])});
test('nothing is said of a port whose page is in quarantine', isNoDuplicate, {pages: ledgerOf([[key, bound]], {quarantined: [30_500]})});
test('Pods without an annotation of ours are no duplicate', isNoDuplicate, {entries: [[key, bound]], uses: [{...ours, managed: false, given: false}, theirs]});

const holders: ReadonlyArray<Pick<HostPortUse, 'pod' | 'uid' | 'node' | 'managed' | 'given'>> = [
	{pod: 'game/server-0', uid: 'u0', node: 'worker-1', managed: true, given: true},
	{pod: 'game/server-0', uid: 'u1', node: undefined, managed: true, given: true},
	{pod: 'game/server-a', uid: 'u2', node: 'worker-2', managed: true, given: true},
	{pod: 'kube-system/proxy', uid: 'u3', node: 'worker-1', managed: false, given: false},
	{pod: 'Service shop/web', uid: 'u4', node: undefined, managed: false, given: false},
];

const arbitraryUses: fc.Arbitrary<HostPortUse[]> = fc.array(fc.record({
	port: fc.integer({min: 95, max: 134}),
	protocol: fc.constantFrom('TCP', 'UDP', 'SCTP'),
	portName: fc.constantFrom('p0', 'p1'),
	holder: fc.constantFrom(...holders),
}).map(({holder, ...port}) => Object.assign({}, holder, port)), {maxLength: 60});

type Case = {readonly input: PassInput; readonly result: Pass; readonly keysInUse: ReadonlySet<string>};

/** Checks passes that have seen their entries for more or less than the hold time. */
const checkEach = (check: (example: Case) => void): void => {
	const firstSeen = fc.constantFrom(-2 * holdMs, -holdMs, -1, 0);
	fc.assert(fc.property(arbitraryLedger, arbitraryUses, fc.infiniteStream(firstSeen), (pages, uses, ages) => {
		const sightings = new Map([...pages.values()].flatMap(({entries}) => [...entries].map(([key, {claim, state}]) => [key, {claim, state, firstSeen: ages.next().value}])));
		let minted = 0;
		const input: PassInput = {pages, blockSize: smallBlock, uses: deepFreeze(uses), sightings, now: 0, holdMs, since: later, mintClaim: () => `minted-${++minted}`};
		check({input, result: planPass(input), keysInUse: new Set(uses.map(({port, protocol}) => entryKey(port, protocol)))});
	}), {numRuns: 500});
};

/** The pages after all repairs were committed. */
const repaired = ({pages, blockSize}: PassInput, repairs: readonly Repair[]): ReadonlyMap<number, LedgerPage> => {
	const {changes} = planBatch(pages, blockSize, {requests: [], repairs}, Math.random, since);
	return new Map([...pages].map(([first, page]) => [first, withChanges(page, changes.get(first) ?? new Map(), '8')]));
};

const portOf = (key: string): number => Number.parseInt(key, 10);

test('the entry of a port that a live Pod has is never removed or released', t => {
	checkEach(({result: {repairs}, keysInUse}) => {
		for (const {key, next} of repairs.filter(({key}) => keysInUse.has(key))) {
			t.true(next?.state === 'bound' || next?.state === 'foreign', key);
		}
	});
});

test('an entry with a claim is removed only after the hold time', t => {
	checkEach(({input, result: {repairs}}) => {
		for (const {key, judged} of repairs.filter(({next}) => next === undefined)) {
			t.true((input.sightings.get(key)?.firstSeen ?? 0) <= -holdMs || (judged?.state === 'foreign' && judged.claim === undefined), key);
		}
	});
});

test('an entry keeps its claim', t => {
	checkEach(({result: {repairs}}) => {
		for (const {judged, next} of repairs.filter(({next}) => next)) {
			t.is(next?.claim, judged?.claim ?? (next?.state === 'foreign' ? undefined : next?.claim));
		}
	});
});

test('a repair names the entry that was read, once for each port, on a usable page', t => {
	checkEach(({input: {pages, blockSize}, result: {repairs}}) => {
		t.is(new Set(repairs.map(({key}) => key)).size, repairs.length);
		for (const {key, judged, next} of repairs) {
			const page = pages.get(pageOf(portOf(key), blockSize));
			t.true(page !== undefined && page.unusable === undefined);
			t.is(page?.entries.get(key), judged);
			t.notDeepEqual(next, judged);
			if (next) {
				t.deepEqual(parseEntry(formatEntry(next)), next);
			}
		}
	});
});

test('after the repairs, ledger and cluster agree and a second pass changes nothing', t => {
	checkEach(({input, result, keysInUse}) => {
		const pages = repaired(input, result.repairs);
		const again = planPass({...input, pages, sightings: result.sightings});
		t.deepEqual(again.repairs, []);
		for (const page of pages.values()) {
			for (const [key, {state}] of page.unusable ? [] : page.entries) {
				t.is(state === 'bound' || state === 'foreign', keysInUse.has(key), key);
			}
		}
	});
});

test('after the repairs, entries only expire, and not before the time that the pass named', t => {
	checkEach(({input, result}) => {
		const pages = repaired(input, result.repairs);
		const settled = planPass({...input, pages, sightings: result.sightings});
		const due = settled.nextDue ?? Infinity;
		t.true((result.nextDue ?? Infinity) >= due);
		t.deepEqual(planPass({...input, pages, sightings: settled.sightings, now: Math.min(due - 1, 10 * holdMs)}).repairs, []);
		const last = planPass({...input, pages, sightings: settled.sightings, now: 10 * holdMs});
		t.true(last.repairs.every(({reason}) => reason === 'expire'));
		t.is(last.repairs.length > 0, due < Infinity);
		t.is(last.nextDue, undefined);
	});
});

test('a pass has sightings of every entry of usable pages, and of no other', t => {
	checkEach(({input: {pages}, result: {sightings}}) => {
		const keys = [...pages.values()].filter(({unusable}) => !unusable).flatMap(({entries}) => Array.from(entries.keys()));
		t.deepEqual(new Set(sightings.keys()), new Set(keys));
	});
});

const shown = (repairs: readonly Repair[]): string[] => repairs.map(({key, reason, next}) => [key, reason, next?.state, next?.pod].join(' ')).toSorted();

test('the order of the lists does not matter', t => {
	checkEach(({input, result: {repairs}}) => {
		const other = planPass({...input, uses: input.uses.toReversed(), mintClaim: () => 'minted'});
		t.deepEqual(shown(other.repairs), shown(repairs));
	});
});
