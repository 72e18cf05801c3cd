/** What one pass makes of each state of an entry, and what holds for every pass. */
import test from 'ava';
import fc from 'fast-check';
import {planBatch} from '../../src/ports/batch-plan.ts';
import type {HostPortUse} from '../../src/ports/host-port-use.ts';
import {entryKey, formatEntry, parseEntry} from '../../src/ports/ledger-entry.ts';
import type {LedgerEntry} from '../../src/ports/ledger-entry.ts';
import {pageOf, withChanges} from '../../src/ports/ledger-page.ts';
import type {LedgerPage} from '../../src/ports/ledger-page.ts';
import {planPass} from '../../src/ports/repair.ts';
import type {Pass, PassInput, Repair, Sighting} from '../../src/ports/repair.ts';
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

/** Seen as they are now for as long as that. */
const seenFor = (ms: number, entries: ReadonlyArray<readonly [key: string, entry: LedgerEntry]>): ReadonlyMap<string, Sighting> =>
	new Map(entries.map(([key, {claim, state}]) => [key, {claim, state, firstSeen: -ms}]));

const bound: LedgerEntry = {pod: 'game/server-0', port: 'grpc', state: 'bound', uid: 'u0', node: 'worker-1', claim: 'c', since};
const pending: LedgerEntry = {pod: 'game/server- (ReplicaSet server)', port: 'grpc', state: 'pending', claim: 'c', since};
const released: LedgerEntry = {...bound, state: 'released'};
const neighbour: LedgerEntry = {...bound, claim: 'neighbour'};
const foreign: LedgerEntry = {pod: 'kube-system/proxy', port: 'web', state: 'foreign', uid: 'f', node: 'worker-1', since};

const ours: HostPortUse = {port: 30_558, protocol: 'TCP', pod: 'game/server-0', uid: 'u0', node: 'worker-1', portName: 'grpc', managed: true};
const theirs: HostPortUse = {port: 30_558, protocol: 'TCP', pod: 'kube-system/proxy', uid: 'f', node: 'worker-1', portName: 'web', managed: false};
const service: HostPortUse = {...theirs, pod: 'Service shop/web', uid: 's', node: undefined};

type Expected = {readonly reason: Repair['reason']; readonly next: LedgerEntry | undefined} | undefined;

/** One entry, or none, and who has its port: seen for the first time, or for as long as it is held. */
const becomes = test.macro((t, entry: LedgerEntry | undefined, uses: readonly HostPortUse[], expected: Expected, ages: readonly number[] = [0, holdMs]) => {
	const entries = entry ? [[key, entry] as const] : [];
	for (const age of ages) {
		// A page exists only once it has an entry.
		const pages = ledgerOf([...entries, ['30500.tcp', neighbour]]);
		const {repairs} = pass({pages, uses: [...uses, {...ours, port: 30_500}], sightings: seenFor(age, entries)});
		t.deepEqual(repairs, expected ? [{...expected, key, expected: entry}] : [], `after ${age} ms`);
	}
});

test('pending, nobody there, young: it stays', becomes, pending, [], undefined, [0, holdMs - 1]);
test('pending, nobody there, held long enough: it goes', becomes, pending, [], {reason: 'expire', next: undefined}, [holdMs, 10 * holdMs]);
test('pending, its Pod is there: bound to it, with the same claim', becomes, pending, [ours], {reason: 'bind', next: {...bound, since: later}});
test('pending, its Pod is there and has no node yet', becomes, pending, [{...ours, node: undefined}], {
	reason: 'bind', next: {pod: 'game/server-0', port: 'grpc', state: 'bound', uid: 'u0', claim: 'c', since: later},
});
test('pending for a successor, and the predecessor still lives: bound to that, with the successor\'s claim', becomes, {...pending, pod: 'game/server-0', claim: 'new'}, [ours], {
	reason: 'bind', next: {...bound, claim: 'new', since: later},
});
test('pending, somebody foreign is there: his, and the claim is kept for the Pod that may still come', becomes, pending, [theirs], {
	reason: 'foreign', next: {...foreign, claim: 'c', since: later},
});
test('bound, its Pod is there: nothing', becomes, bound, [ours], undefined);
test('bound, its Pod has got a node', becomes, {...bound, node: 'none'}, [ours], {reason: 'bind', next: {...bound, since: later}});
test('bound, nobody there: released, with the same claim, on the first sighting', becomes, bound, [], {reason: 'release', next: {...released, since: later}});
test('bound, the Pod was made again: the entry follows', becomes, bound, [{...ours, uid: 'u1'}], {reason: 'bind', next: {...bound, uid: 'u1', since: later}});
test('bound, another Pod has the port: the entry follows', becomes, bound, [{...ours, pod: 'game/other', uid: 'u1', portName: 'http'}], {
	reason: 'bind', next: {...bound, pod: 'game/other', uid: 'u1', port: 'http', since: later},
});
test('bound, the port has another name on the Pod: that of the ledger stays', becomes, bound, [{...ours, portName: 'renamed'}], undefined);
test('bound, somebody took our annotation off: foreign, with the same claim', becomes, bound, [{...ours, managed: false}], {
	reason: 'foreign', next: {...bound, state: 'foreign', since: later},
});
test('bound, its Pod and somebody foreign: nothing', becomes, bound, [theirs, ours], undefined);
test('released, nobody there, young: it stays', becomes, released, [], undefined, [0, holdMs - 1]);
test('released, nobody there, held long enough: it goes', becomes, released, [], {reason: 'expire', next: undefined}, [holdMs]);
test('released, a live Pod has it: bound again, with the same claim', becomes, released, [{...ours, uid: 'u1'}], {reason: 'bind', next: {...bound, uid: 'u1', since: later}});
test('foreign, still there: nothing', becomes, foreign, [theirs], undefined);
test('foreign, gone: free at once, as nobody was ever given it', becomes, foreign, [], {reason: 'gone', next: undefined});
test('foreign over a claim, gone: released, as the Pod of that claim may still be on its way', becomes, {...foreign, claim: 'c'}, [], {
	reason: 'release', next: {...foreign, claim: 'c', state: 'released', since: later},
});
test('foreign, now somebody else\'s: it follows', becomes, foreign, [{...theirs, pod: 'kube-system/proxy-2', uid: 'f2'}], {
	reason: 'foreign', next: {...foreign, pod: 'kube-system/proxy-2', uid: 'f2', since: later},
});
test('foreign, now one of ours: bound, with a claim', becomes, foreign, [ours], {reason: 'bind', next: {...bound, claim: 'minted', since: later}});
test('none, a Pod of ours is there: adopted, with a fresh claim', becomes, undefined, [ours], {reason: 'adopt', next: {...bound, claim: 'minted', since: later}});
test('none, a Pod that is not ours is there: foreign', becomes, undefined, [theirs], {reason: 'foreign', next: {...foreign, since: later}});
test('none, a Service has the NodePort: foreign', becomes, undefined, [service], {
	reason: 'foreign', next: {pod: 'Service shop/web', port: 'web', state: 'foreign', uid: 's', since: later},
});
test('none, several are there: ours comes first', becomes, undefined, [theirs, {...ours, pod: 'game/z'}, {...ours, pod: 'game/a'}, service], {
	reason: 'adopt', next: {...bound, pod: 'game/a', claim: 'minted', since: later},
});
test('none, nobody there: nothing', becomes, undefined, [], undefined);

test('protocols of one number are judged apart', t => {
	const {repairs} = pass({entries: [[key, bound], ['30558.udp', {...bound, port: 'dns'}]], uses: [ours]});
	t.deepEqual(repairs.map(({reason, key}) => [reason, key]), [['release', '30558.udp']]);
});

test('a claim for each port that is adopted', t => {
	let minted = 0;
	const {repairs} = pass({entries: [['30501.tcp', bound]], uses: [ours, {...ours, protocol: 'UDP'}, {...ours, port: 30_501}], mintClaim: () => `minted-${++minted}`});
	t.deepEqual(repairs.filter(({reason}) => reason === 'adopt').map(({next}) => next?.claim), ['minted-1', 'minted-2']);
});

/** Passes one after the other; each finds the entry as given there. */
const repairsOver = (steps: ReadonlyArray<readonly [now: number, entry: LedgerEntry | undefined, uses?: readonly HostPortUse[]]>): string[] => {
	let sightings: ReadonlyMap<string, Sighting> = new Map();
	return steps.map(([now, entry, uses = []]) => {
		const result = pass({entries: entry ? [[key, entry]] : [], uses, sightings, now});
		sightings = result.sightings;
		return result.repairs.map(({reason}) => reason).join();
	});
};

test('an entry goes when this process has seen it for the hold time, and not on one sighting however late', t => {
	t.deepEqual(repairsOver([[1e9, pending]]), ['']);
	t.deepEqual(repairsOver([[1000, pending], [1000 + holdMs - 1, pending], [1000 + holdMs, pending]]), ['', '', 'expire']);
});

test('another claim on the same port is another entry', t => {
	t.deepEqual(repairsOver([[0, pending], [holdMs - 1, {...pending, claim: 'd'}], [holdMs, {...pending, claim: 'd'}], [2 * holdMs - 1, {...pending, claim: 'd'}]]), ['', '', '', 'expire']);
});

test('another state is another age', t => {
	t.deepEqual(repairsOver([[0, pending], [holdMs - 1, released], [holdMs, released], [2 * holdMs - 1, released]]), ['', '', '', 'expire']);
});

test('an entry that was away has to be seen for the hold time again', t => {
	t.deepEqual(repairsOver([[0, pending], [10, undefined], [holdMs, pending], [2 * holdMs, pending]]), ['', '', '', 'expire']);
	t.deepEqual(repairsOver([[0, pending], [10, pending, [ours]], [holdMs, bound, [ours]], [holdMs + 1, released], [2 * holdMs, released]]), ['', 'bind', '', '', '']);
});

test('what an entry says of its own age counts for nothing', t => {
	t.deepEqual(pass({entries: [[key, {...pending, since: '1999-01-01T00:00:00Z'}]]}).repairs, []);
});

test('a pass says when the next entry will have been held long enough', t => {
	t.is(pass().nextDue, undefined);
	t.is(pass({entries: [[key, bound], ['30559.tcp', foreign]], uses: [ours, {...theirs, port: 30_559}]}).nextDue, undefined);
	const entries = [[key, pending], ['30559.tcp', released], ['30560.tcp', pending]] as const;
	t.is(pass({entries, now: 50}).nextDue, 50 + holdMs);
	t.is(pass({entries, sightings: seenFor(1000, entries.slice(1, 2))}).nextDue, holdMs - 1000);
	// What goes now, or is bound now, will not be due again.
	t.is(pass({entries: entries.slice(0, 1), sightings: seenFor(holdMs, entries)}).nextDue, undefined);
	t.is(pass({entries: entries.slice(0, 1), uses: [ours]}).nextDue, undefined);
});

const isLeftAlone = test.macro((t, pages: ReadonlyMap<number, LedgerPage>, ...uses: readonly HostPortUse[]) => {
	const {repairs, nextDue} = pass({pages, uses, sightings: new Map([...pages.values()].flatMap(({entries}) => Array.from(seenFor(10 * holdMs, [...entries]))))});
	t.deepEqual(repairs, []);
	t.is(nextDue, undefined);
});

test('a page in quarantine is left alone', isLeftAlone, ledgerOf([[key, bound], ['30559.tcp', pending]], {quarantined: [30_500]}), {...ours, port: 30_560});
test('a page that is not there is left alone', isLeftAlone, ledgerOf([]), ours, theirs);
test('a damaged entry is left alone, when somebody has its port', isLeftAlone, ledgerOf([], {damaged: [key]}), ours);
test('a damaged entry is left alone, when nobody has its port', isLeftAlone, ledgerOf([], {damaged: [key]}));
test('the other protocols of a damaged entry count as taken already', isLeftAlone, ledgerOf([], {damaged: [key]}), {...ours, protocol: 'UDP'});

test('beside a page that is left alone the others are repaired', t => {
	const {repairs} = pass({pages: ledgerOf([[key, bound], ['31000.tcp', bound]], {quarantined: [30_500]})});
	t.deepEqual(repairs.map(({key}) => key), ['31000.tcp']);
});

const duplicateOf = test.macro((t, uses: readonly HostPortUse[], ...pods: readonly string[]) => {
	for (const entry of [undefined, bound, foreign]) {
		const {duplicates} = pass({entries: entry ? [[key, entry]] : [], uses});
		t.deepEqual(duplicates.map(({key, uses}) => [key, uses.map(({pod}) => pod)]), pods.length > 0 ? [[key, pods]] : []);
	}
});

test('two Pods of ours with one port are a duplicate', duplicateOf, [ours, {...ours, pod: 'game/other', uid: 'u1'}], 'game/server-0', 'game/other');
test('one of ours and a foreign Pod are a duplicate', duplicateOf, [theirs, ours], 'kube-system/proxy', 'game/server-0');
test('one of ours and a Service are a duplicate', duplicateOf, [ours, service], 'game/server-0', 'Service shop/web');
test('a Pod and its successor of the same name are a duplicate', duplicateOf, [ours, {...ours, uid: 'u1'}], 'game/server-0', 'game/server-0');
test('two containers of one Pod are no duplicate', duplicateOf, [ours, ours]);
test('foreign Pods may share a port on different nodes', duplicateOf, [theirs, {...theirs, pod: 'kube-system/proxy-2', uid: 'f2', node: 'worker-2'}]);
test('one number with two protocols is no duplicate', duplicateOf, [ours, {...ours, pod: 'game/other', uid: 'u1', protocol: 'UDP'}]);

const holders: ReadonlyArray<Pick<HostPortUse, 'pod' | 'uid' | 'node' | 'managed'>> = [
	{pod: 'game/server-0', uid: 'u0', node: 'worker-1', managed: true},
	{pod: 'game/server-0', uid: 'u1', node: undefined, managed: true},
	{pod: 'game/server-a', uid: 'u2', node: 'worker-2', managed: true},
	{pod: 'kube-system/proxy', uid: 'u3', node: 'worker-1', managed: false},
	{pod: 'Service shop/web', uid: 'u4', node: undefined, managed: false},
];

const arbitraryUses: fc.Arbitrary<HostPortUse[]> = fc.array(fc.record({
	port: fc.integer({min: 95, max: 134}),
	protocol: fc.constantFrom('TCP', 'UDP', 'SCTP'),
	portName: fc.constantFrom('p0', 'p1'),
	holder: fc.constantFrom(...holders),
}).map(({holder, ...port}) => Object.assign({}, holder, port)), {maxLength: 60});

type Case = {readonly input: PassInput; readonly result: Pass; readonly keysInUse: ReadonlySet<string>};

/** A pass that has seen some of its entries before, for longer than the hold time or not. */
const checkEach = (check: (example: Case) => void): void => {
	const firstSeen = fc.constantFrom(-2 * holdMs, -holdMs, -1, 0);
	fc.assert(fc.property(arbitraryLedger, arbitraryUses, fc.infiniteStream(firstSeen), (pages, uses, ages) => {
		const sightings = new Map([...pages.values()].flatMap(({entries}) => [...entries].map(([key, {claim, state}]) => [key, {claim, state, firstSeen: ages.next().value}])));
		let minted = 0;
		const input: PassInput = {pages, blockSize: smallBlock, uses: deepFreeze(uses), sightings, now: 0, holdMs, since: later, mintClaim: () => `minted-${++minted}`};
		check({input, result: planPass(input), keysInUse: new Set(uses.map(({port, protocol}) => entryKey(port, protocol)))});
	}), {numRuns: 500});
};

/** The pages once all repairs have been committed. */
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

test('an entry that was somebody\'s is removed only after the hold time', t => {
	checkEach(({input, result: {repairs}}) => {
		for (const {key, expected} of repairs.filter(({next}) => next === undefined)) {
			t.true((input.sightings.get(key)?.firstSeen ?? 0) <= -holdMs || (expected?.state === 'foreign' && expected.claim === undefined), key);
		}
	});
});

test('no claim is ever lost from an entry that stays', t => {
	checkEach(({result: {repairs}}) => {
		for (const {expected, next} of repairs.filter(({next}) => next)) {
			t.is(next?.claim, expected?.claim ?? (next?.state === 'foreign' ? undefined : next?.claim));
		}
	});
});

test('a repair names the entry as it was read, once for each port, on a page that may be written', t => {
	checkEach(({input: {pages, blockSize}, result: {repairs}}) => {
		t.is(new Set(repairs.map(({key}) => key)).size, repairs.length);
		for (const {key, expected, next} of repairs) {
			const page = pages.get(pageOf(portOf(key), blockSize));
			t.true(page !== undefined && page.unusable === undefined);
			t.is(page?.entries.get(key), expected);
			t.notDeepEqual(next, expected);
			if (next) {
				t.deepEqual(parseEntry(formatEntry(next)), next);
			}
		}
	});
});

test('afterwards ledger and cluster agree, and the same pass finds nothing to do', t => {
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

test('afterwards only what becomes due is left to do, at the time that the pass named', t => {
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

test('a pass remembers every entry of the pages that it may write, and no other', t => {
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
