import test from 'ava';
import fc from 'fast-check';
import {allocate} from '../../src/ports/allocator.ts';
import type {Outcome, PendingRequest} from '../../src/ports/allocator.ts';
import type {OwnPort, PodDemand, Protocol} from '../../src/ports/demand.ts';
import type {LedgerEntry} from '../../src/ports/ledger-entry.ts';
import {PortSpace} from '../../src/ports/port-space.ts';
import {arbitraryLedger, arbitraryRequest, arbitraryRequests, arbitrarySeed, blockSize} from '../helpers/arbitrary-ledger.ts';
import {demandFor, entryWith, ledgerOf, requestOf, since} from '../helpers/ledger-builders.ts';
import {seededRandom} from '../helpers/seeded-random.ts';
import {allocateSlowly, ledgerFrom} from '../helpers/reference-allocator.ts';

type Case = {
	/** By key; `{}` is an entry of another Pod. */
	readonly entries?: Readonly<Record<string, Partial<LedgerEntry>>> | undefined;
	readonly numbers?: readonly string[];
	readonly demand?: Partial<PodDemand>;
	readonly request?: Partial<PendingRequest>;
	readonly ledger?: Parameters<typeof ledgerOf>[1];
};

const outcomeOf = ({entries = {}, numbers = ['grpc', 'health'], demand, request, ledger}: Case): Outcome => {
	const pages = ledgerOf(Object.entries(entries).map(([key, entry]) => [key, entryWith(entry)]), ledger);
	return allocate(new PortSpace(pages, ledger?.blockSize ?? 500), requestOf(demandFor(numbers, demand), request), seededRandom(1), since);
};

/** @param changed keys of the entries that must be committed. */
const gives = test.macro((t, example: Case, numbers: readonly number[], changed?: readonly string[]) => {
	const outcome = outcomeOf(example);
	t.is(outcome.kind, 'allocated');
	if (outcome.kind === 'allocated') {
		t.deepEqual(outcome.numbers, numbers);
		t.deepEqual([...outcome.changes.keys()], changed ?? numbers.map(number => `${number}.tcp`));
	}
});

const isExhausted = test.macro((t, example: Case, free: number) => {
	t.deepEqual(outcomeOf(example), {kind: 'exhausted', free});
});

const own = (port: number, protocol: Protocol = 'TCP'): OwnPort => ({name: 'own', port, protocol});

const taken = (...keys: readonly string[]): Case['entries'] => Object.fromEntries(keys.map(key => [key, {}]));

test('an empty ledger gives the first numbers from the base port on', gives, {}, [30_558, 30_559]);
test('a base port is respected', gives, {demand: {basePort: 2000}}, [2000, 2001]);
test('a Pod may get the whole range', gives, {demand: {basePort: 2000, maxPort: 2001}}, [2000, 2001]);
test('a range may have one number', gives, {numbers: ['grpc'], demand: {basePort: 65_535, maxPort: 65_535}}, [65_535]);
test('the first free run is given, not the first free numbers', gives, {entries: taken('30559.tcp')}, [30_560, 30_561]);
test('another protocol is not in the way', gives, {entries: taken('30558.udp', '30559.sctp')}, [30_558, 30_559]);
test('without a free run, the first free numbers are given', gives, {
	entries: taken('101.tcp', '103.tcp'),
	demand: {basePort: 100, maxPort: 104},
}, [100, 102]);
test('a run inside one page comes before one that straddles two', gives, {demand: {basePort: 30_999}}, [31_000, 31_001]);
test('a run that straddles pages comes before single numbers', gives, {
	entries: taken('31001.tcp'),
	demand: {basePort: 30_999, maxPort: 31_002},
}, [30_999, 31_000]);
test('the first of several runs that straddle pages is given', gives, {
	numbers: ['a', 'b', 'c', 'd'],
	demand: {basePort: 7, maxPort: 29},
	entries: taken('13.tcp', '16.tcp', '23.tcp', '26.tcp'),
	ledger: {blockSize: 10},
}, [7, 8, 9, 10]);
test('a run inside a page is found after one that straddles two', gives, {
	numbers: ['a', 'b', 'c', 'd'],
	demand: {basePort: 7, maxPort: 29},
	entries: taken('12.tcp', '13.tcp', '14.tcp'),
	ledger: {blockSize: 10},
}, [15, 16, 17, 18]);
test('a Pod may need more numbers than a page has', gives, {
	numbers: ['a', 'b', 'c', 'd', 'e'],
	demand: {basePort: 8, maxPort: 29},
	entries: taken('10.tcp'),
	ledger: {blockSize: 2},
}, [11, 12, 13, 14, 15]);

test('ports that share a number get one that is free for all their protocols', gives, {
	numbers: ['dns/TCP+UDP'],
	entries: taken('30558.udp', '30559.tcp'),
}, [30_560], ['30560.tcp', '30560.udp']);
test('each number of a run must fit its own protocols', gives, {
	numbers: ['a/TCP', 'b/UDP'],
	demand: {basePort: 100, maxPort: 199},
	entries: taken('101.udp', '102.udp', '102.tcp'),
}, [103, 104], ['103.tcp', '104.udp']);
test('two numbers of a Pod differ even if their protocols differ', gives, {
	numbers: ['a/TCP', 'b/UDP'],
	demand: {basePort: 100, maxPort: 102},
	entries: taken('101.tcp', '101.udp', '102.tcp'),
}, [100, 102], ['100.tcp', '102.udp']);

test('the Pod\'s own ports are avoided', gives, {demand: {ownPorts: [own(30_559)]}}, [30_560, 30_561], ['30560.tcp', '30561.tcp', '30559.tcp']);
test('the Pod\'s own ports with another protocol are not avoided', gives, {demand: {ownPorts: [own(30_559, 'UDP')]}}, [30_558, 30_559], ['30558.tcp', '30559.tcp', '30559.udp']);
test('a number with several protocols avoids own ports with each of them', gives, {numbers: ['dns/TCP+UDP'], demand: {ownPorts: [own(30_558, 'UDP')]}}, [30_559], ['30559.tcp', '30559.udp', '30558.udp']);

const excluded = [{first: 30_500, last: 30_559}, {first: 30_561, last: 30_561}];
test('excluded numbers are skipped', gives, {demand: {excluded}}, [30_562, 30_563]);
test('excluded numbers are skipped where there is no run', gives, {entries: taken('30563.tcp'), demand: {excluded, maxPort: 30_564}}, [30_560, 30_562]);
test('excluded numbers are skipped for an ordinal', gives, {demand: {basePort: 30_560, excluded, ordinal: 0}}, [30_562, 30_563]);
test('a Random Pod gets no excluded number', gives, {numbers: ['a'], demand: {strategy: 'Random', maxPort: 30_561, excluded}}, [30_560]);
test('a Pod does not take an excluded number over from its predecessor', gives, {entries: {'30561.tcp': {pod: 'game/server-0', portName: 'grpc'}}, demand: {pod: 'game/server-0', hasFixedName: true, excluded}}, [30_562, 30_563]);
test('excluded numbers do not count as free', isExhausted, {demand: {excluded, maxPort: 30_561}}, 1);

test('a damaged entry counts as taken for all protocols', gives, {ledger: {damaged: ['30558.udp']}}, [30_559, 30_560]);
test('a page in quarantine gives nothing', gives, {ledger: {quarantined: [30_500]}}, [31_000, 31_001]);
test('a page that does not exist counts as free', gives, {entries: taken('31000.tcp'), demand: {basePort: 30_998}}, [30_998, 30_999]);

test('Pod 0 gets the first numbers', gives, {demand: {ordinal: 0}}, [30_558, 30_559]);
test('Pod 3 gets the fourth numbers', gives, {demand: {ordinal: 3}}, [30_564, 30_565]);
test('the numbers of an ordinal may straddle pages', gives, {demand: {basePort: 30_999, ordinal: 0}}, [30_999, 31_000]);
test('if an ordinal\'s numbers are taken, the first free run is given', gives, {entries: taken('30565.tcp'), demand: {ordinal: 3}}, [30_558, 30_559]);
test('if an ordinal\'s numbers exceed the maximum, the first free run is given', gives, {demand: {ordinal: 3, maxPort: 30_564}}, [30_558, 30_559]);
test('a huge ordinal does no harm', gives, {demand: {ordinal: Number.MAX_SAFE_INTEGER}}, [30_558, 30_559]);

test('the strategy Random ignores the ordinal', t => {
	t.deepEqual(outcomeOf({demand: {strategy: 'Random', ordinal: 0}}), outcomeOf({demand: {strategy: 'Random'}}));
	t.notDeepEqual(outcomeOf({demand: {strategy: 'Random', ordinal: 0}}), outcomeOf({demand: {ordinal: 0}}));
});

const server0 = {pod: 'game/server-0', hasFixedName: true} as const;
const predecessors = (state: LedgerEntry['state']): Case['entries'] => ({
	'31200.tcp': {...server0Entry, portName: 'health', state},
	'31300.tcp': {...server0Entry, portName: 'grpc', state},
});
const server0Entry = {pod: 'game/server-0', claim: 'predecessor'};
for (const state of ['pending', 'bound', 'released'] as const) {
	test(`a Pod of the same name takes over what is ${state}`, gives, {entries: predecessors(state), demand: server0}, [31_300, 31_200]);
}

test('foreign entries are not taken over', gives, {entries: predecessors('foreign'), demand: server0}, [30_558, 30_559]);
test('a Pod without a fixed name takes nothing over', gives, {entries: predecessors('released'), demand: {pod: 'game/server-0'}}, [30_558, 30_559]);
test('a Pod of another name takes nothing over', gives, {entries: predecessors('released'), demand: {...server0, pod: 'game/server-00'}}, [30_558, 30_559]);
test('the predecessor\'s numbers are preferred to the ordinal\'s and to random ones', gives, {entries: predecessors('bound'), demand: {...server0, strategy: 'Random', ordinal: 0}}, [31_300, 31_200]);
test('ports that the predecessor did not have get free numbers', gives, {
	entries: {'31300.tcp': {...server0Entry, portName: 'grpc'}},
	demand: {...server0, ordinal: 5},
}, [31_300, 30_558]);
test('a predecessor\'s number outside the Pod\'s range is not taken over', gives, {entries: predecessors('bound'), demand: {...server0, maxPort: 31_250}}, [30_558, 31_200]);
test('a predecessor\'s number that is now one of the Pod\'s own ports is not taken over', gives, {
	entries: predecessors('bound'),
	demand: {...server0, ownPorts: [own(31_300)]},
}, [30_558, 31_200], ['30558.tcp', '31200.tcp', '31300.tcp']);
test('a port with two entries of the predecessor gets the lower number', gives, {
	numbers: ['grpc'],
	entries: {'9000.tcp': {...server0Entry, portName: 'grpc'}, '10000.tcp': {...server0Entry, portName: 'grpc'}},
	demand: {...server0, basePort: 1024},
}, [9000]);
test('a new protocol of a predecessor\'s number is added if it is free', gives, {
	numbers: ['dns/TCP+UDP'],
	entries: {'31200.tcp': {...server0Entry, portName: 'dns'}},
	demand: server0,
}, [31_200], ['31200.tcp', '31200.udp']);
test('a predecessor\'s number is given up if another Pod has its new protocol', gives, {
	numbers: ['dns/TCP+UDP'],
	entries: {'31200.tcp': {...server0Entry, portName: 'dns'}, '31200.udp': {}},
	demand: server0,
}, [30_558], ['30558.tcp', '30558.udp']);
test('if one number has become two, the first port keeps it', gives, {
	numbers: ['a/TCP', 'b/UDP'],
	entries: {'31200.tcp': {...server0Entry, portName: 'a'}, '31200.udp': {...server0Entry, portName: 'b'}},
	demand: server0,
}, [31_200, 30_558], ['31200.tcp', '30558.udp']);
test('nothing is taken over from a page in quarantine', gives, {entries: predecessors('bound'), demand: server0, ledger: {quarantined: [31_000]}}, [30_558, 30_559]);

const reserved = (claim: string): Case['entries'] => {
	const entry = {pod: demandFor([]).pod, state: 'pending', claim} as const;
	return {'31200.tcp': {...entry, portName: 'health'}, '31300.tcp': {...entry, portName: 'grpc'}};
};
test('numbers that an earlier attempt reserved are kept, and nothing is written', gives, {entries: reserved('lost'), request: {earlierClaims: ['never', 'lost']}}, [31_300, 31_200], []);
test('a reservation with another claim is not ours', gives, {entries: reserved('theirs'), request: {earlierClaims: ['lost']}}, [30_558, 30_559]);
test('a first attempt ignores all claims', gives, {entries: reserved('mine')}, [30_558, 30_559]);
test('an earlier attempt\'s numbers are preferred to the ordinal\'s and to random ones', gives, {entries: reserved('lost'), request: {earlierClaims: ['lost']}, demand: {strategy: 'Random', ordinal: 0}}, [31_300, 31_200], []);
test('an earlier attempt that wrote one page of two is completed', gives, {
	entries: {'31300.tcp': {pod: demandFor([]).pod, portName: 'grpc', claim: 'lost'}},
	request: {earlierClaims: ['lost']},
}, [31_300, 30_558], ['30558.tcp']);
test('an entry with an empty claim belongs to no attempt', gives, {
	numbers: ['grpc'],
	entries: {'31300.tcp': {pod: demandFor([]).pod, portName: 'grpc', claim: ''}},
	request: {earlierClaims: ['lost']},
}, [30_558]);

test('new entries are pending, and name Pod, port, claim and time', t => {
	const outcome = outcomeOf({numbers: ['grpc', 'dns/TCP+UDP']});
	const entry = {pod: 'game/server- (ReplicaSet server)', state: 'pending', claim: 'mine', since} as const;
	t.deepEqual(outcome.kind === 'allocated' && outcome.changes, new Map<string, LedgerEntry>([
		['30558.tcp', {...entry, portName: 'grpc'}],
		['30559.tcp', {...entry, portName: 'dns'}],
		['30559.udp', {...entry, portName: 'dns'}],
	]));
});

const full = taken('100.tcp', '101.tcp', '102.tcp', '103.tcp');
test('a full range is exhausted', isExhausted, {entries: full, demand: {basePort: 100, maxPort: 103}}, 0);
test('a range with too few numbers is exhausted, and says how many it has', isExhausted, {entries: full, numbers: ['a', 'b', 'c'], demand: {basePort: 99, maxPort: 104}}, 2);
test('the Pod\'s own ports are not free for it', isExhausted, {entries: full, demand: {basePort: 99, maxPort: 104, ownPorts: [own(104)]}}, 1);
test('the count is for the protocols that found no number', isExhausted, {numbers: ['a/UDP', 'b/UDP', 'c/TCP'], entries: full, demand: {basePort: 99, maxPort: 103, ownPorts: [own(99)]}}, 0);
test('numbers in quarantine are not free', isExhausted, {numbers: ['grpc'], ledger: {quarantined: [30_500]}, demand: {maxPort: 30_999}}, 0);
test('the strategy Random finds no more numbers than there are', isExhausted, {entries: full, numbers: ['a', 'b', 'c'], demand: {basePort: 99, maxPort: 104, strategy: 'Random'}}, 2);

test('an exhausted request takes nothing from the next one', t => {
	const space = new PortSpace(new Map(), 500);
	const range = {basePort: 100, maxPort: 101};
	t.is(allocate(space, requestOf(demandFor(['a', 'b', 'c'], range)), Math.random, since).kind, 'exhausted');
	t.like(allocate(space, requestOf(demandFor(['a', 'b'], range)), Math.random, since), {numbers: [100, 101]});
});

// Consecutive numbers

const inRun: Partial<PodDemand> = {contiguous: true, basePort: 100, maxPort: 109};
const noRun = test.macro((t, example: Case, free: number, longest: number) => {
	t.deepEqual(outcomeOf(example), {kind: 'exhausted', free, longestRun: longest});
});

test('a Pod that must have a run gets the first one', gives, {entries: taken('100.tcp', '103.tcp'), demand: inRun}, [101, 102]);
test('a Pod that must have a run is refused if there is none', noRun, {entries: taken('101.tcp', '103.tcp', '105.tcp', '107.tcp', '109.tcp'), demand: inRun}, 5, 1);
test('the longest run is told', noRun, {numbers: ['a', 'b', 'c', 'd'], entries: taken('100.tcp', '104.tcp', '107.tcp'), demand: inRun}, 7, 3);
test('excluded numbers and own ports interrupt a run', noRun, {numbers: ['a', 'b', 'c'], entries: taken('107.tcp'), demand: {...inRun, excluded: [{first: 102, last: 102}], ownPorts: [own(105)]}}, 7, 2);
test('a Pod that must have a run gets that of its ordinal', gives, {demand: {...inRun, ordinal: 2}}, [104, 105]);
test('a predecessor\'s number is kept if the run around it is free', gives, {
	entries: {'105.tcp': {...server0Entry, portName: 'grpc'}},
	demand: {...inRun, ...server0, basePort: 100, ordinal: 0},
}, [105, 106]);
test('the first port may be new before the predecessor\'s number', gives, {
	entries: {'105.tcp': {...server0Entry, portName: 'health'}},
	demand: {...inRun, ...server0, basePort: 100},
}, [104, 105]);
test('a predecessor\'s number is given up if the run around it is not free', gives, {
	entries: {'105.tcp': {...server0Entry, portName: 'grpc'}, '106.tcp': {}},
	demand: {...inRun, ...server0, basePort: 100},
}, [100, 101]);
test('a predecessor\'s numbers that are no run are given up', gives, {
	entries: {'105.tcp': {...server0Entry, portName: 'grpc'}, '108.tcp': {...server0Entry, portName: 'health'}, '106.tcp': {}, '107.tcp': {}},
	demand: {...inRun, ...server0, basePort: 100},
}, [100, 101]);
test('an earlier attempt\'s number is kept, and only the others are reserved', gives, {
	entries: {'105.tcp': {pod: 'game/server- (ReplicaSet server)', portName: 'grpc', state: 'pending', claim: 'former'}},
	request: {earlierClaims: ['former']},
	demand: inRun,
}, [105, 106], ['106.tcp']);
test('an earlier attempt\'s number that can not be in a run is given up', gives, {
	entries: {'105.tcp': {pod: 'game/server- (ReplicaSet server)', portName: 'grpc', state: 'pending', claim: 'former'}, '106.tcp': {}},
	request: {earlierClaims: ['former']},
	demand: inRun,
}, [100, 101]);

test('with Random, a run is found wherever it is', t => {
	const entries = taken('100.tcp', '102.tcp', '103.tcp', '105.tcp', '107.tcp', '109.tcp', '108.tcp', '101.tcp');
	const run = {...entries};
	delete run['102.tcp'];
	delete run['103.tcp'];
	for (let seed = 1; seed <= 20; seed++) {
		const outcome = allocate(new PortSpace(ledgerOf(Object.entries(run).map(([key, entry]) => [key, entryWith(entry)])), 500), requestOf(demandFor(['a', 'b', 'c'], {...inRun, strategy: 'Random'})), seededRandom(seed), since);
		t.like(outcome, {numbers: [102, 103, 104]});
	}
});

// Unmanaged ports

const ownPort = (port: number, changes: Partial<PodDemand> = {}): Pick<Case, 'numbers' | 'demand'> => ({numbers: ['grpc'], demand: {ownPorts: [own(port)], ...changes}});

test('an unmanaged port gets an entry, also outside the Pod\'s range', gives, ownPort(8080), [30_558], ['30558.tcp', '8080.tcp']);
test('another protocol of an unmanaged port\'s number may be taken', gives, {...ownPort(8080), entries: taken('8080.udp')}, [30_558], ['30558.tcp', '8080.tcp']);
test('an unmanaged port of which an earlier attempt has made the entry needs no other', gives, {
	...ownPort(8080),
	request: {earlierClaims: ['former']},
	entries: {'8080.tcp': {pod: 'game/server- (ReplicaSet server)', portName: 'own', state: 'pending', claim: 'former'}},
}, [30_558]);
for (const state of ['pending', 'bound', 'released'] as const) {
	test(`a Pod with a fixed name takes the number of an unmanaged port over from its predecessor, ${state}`, gives, {
		...ownPort(8080, server0),
		entries: {'8080.tcp': {...server0Entry, portName: 'own', state}},
	}, [30_558], ['30558.tcp', '8080.tcp']);
}

test('an unmanaged port may have the number of any port of the predecessor', gives, {
	...ownPort(31_300, server0),
	entries: {'31300.tcp': {...server0Entry, portName: 'grpc'}},
}, [30_558], ['30558.tcp', '31300.tcp']);

const isTaken = test.macro((t, example: Case, holder: Partial<LedgerEntry> | undefined) => {
	t.like(outcomeOf(example), {kind: 'taken', port: own(8080), holder: holder && entryWith(holder)});
});

for (const state of ['pending', 'bound', 'released', 'foreign'] as const) {
	test(`a Pod is refused if another Pod has the number of an unmanaged port, ${state}`, isTaken, {...ownPort(8080), entries: {'8080.tcp': {state}}}, {state});
}

test('a Pod of the same controller is another Pod', isTaken, {...ownPort(8080), entries: {'8080.tcp': {pod: 'game/server- (ReplicaSet server)'}}}, {pod: 'game/server- (ReplicaSet server)'});
test('a foreign entry is not taken over for an unmanaged port', isTaken, {...ownPort(8080, server0), entries: {'8080.tcp': {...server0Entry, state: 'foreign'}}}, {...server0Entry, state: 'foreign'});
test('a Pod is refused if the entry of an unmanaged port is damaged', isTaken, {...ownPort(8080), ledger: {damaged: ['8080.tcp']}}, undefined);

test('an unmanaged port whose page is in quarantine is not entered', t => {
	t.like(outcomeOf({...ownPort(8080), ledger: {quarantined: [8000]}}), {kind: 'unusable page', port: own(8080)});
});

test('a refused request takes nothing from the next one', t => {
	const space = new PortSpace(ledgerOf([['8080.tcp', entryWith()]]), 500);
	t.is(allocate(space, requestOf(demandFor(['grpc'], {ownPorts: [own(9090), own(8080)]})), Math.random, since).kind, 'taken');
	t.like(allocate(space, requestOf(demandFor(['grpc'], {ownPorts: [own(9090)]})), Math.random, since), {numbers: [30_558]});
	t.like(allocate(space, requestOf(demandFor(['grpc'], {ownPorts: [own(9090)]})), Math.random, since), {kind: 'taken', holder: {pod: 'game/server- (ReplicaSet server)'}});
});

const names = (count: number) => Array.from({length: count}, (_, index) => `p${index}`);

test('a hostile Pod with tens of thousands of ports is answered', t => {
	const range = {basePort: 1024, maxPort: 32_767};
	const everyTenth = Object.fromEntries(Array.from({length: 3000}, (_, index) => [`${1024 + index * 10}.tcp`, {}]));
	for (const strategy of ['Sequential', 'Random'] as const) {
		const ownPorts = Array.from({length: 31_000}, (_, index) => own(32_767 - index));
		t.is(outcomeOf({numbers: names(744), demand: {...range, strategy, ownPorts}}).kind, 'allocated');
		t.is(outcomeOf({numbers: names(28_000), entries: everyTenth, demand: {...range, strategy}}).kind, 'allocated');
		t.is(outcomeOf({numbers: names(30_000), entries: everyTenth, demand: {...range, strategy}}).kind, 'exhausted');
		const had = Object.fromEntries(names(28_000).map((portName, index) => [`${1024 + index}.tcp`, {...server0Entry, portName}]));
		t.like(outcomeOf({numbers: names(28_000), entries: had, demand: {...range, ...server0, strategy}}), {numbers: {0: 1024, 27_999: 29_023}});
	}
});

test('with Sequential every Pod gets what the simplest possible search finds', t => {
	fc.assert(fc.property(arbitraryLedger, arbitraryRequests, (pages, requests) => {
		const space = new PortSpace(pages, blockSize);
		const ledger = ledgerFrom(pages);
		for (const {demand, ...request} of requests) {
			const sequential: PendingRequest = {...request, demand: {...demand, strategy: 'Sequential'}};
			const outcome = allocate(space, sequential, Math.random, since);
			t.deepEqual(outcome.kind === 'allocated' ? outcome.numbers : undefined, allocateSlowly(ledger, sequential, blockSize));
		}
	}), {numRuns: 1000});
});

test('for one protocol, Random finds numbers whenever Sequential does', t => {
	fc.assert(fc.property(arbitraryLedger, arbitraryRequest, arbitrarySeed, (pages, request, seed) => {
		const kinds = (['Sequential', 'Random'] as const).map(strategy => {
			const demand = {...request.demand, strategy, numbers: request.demand.numbers.map(({ports}) => ({ports: ports.map(port => ({...port, protocol: 'UDP' as const})).slice(0, 1)}))};
			return allocate(new PortSpace(pages, blockSize), {...request, demand}, seededRandom(seed), since).kind;
		});
		t.is(kinds[0], kinds[1]);
	}));
});
