/** Arbitrary small, crowded ledgers and the requests for them. Pages of ten numbers make ranges cross many page borders. */
import fc from 'fast-check';
import type {PendingRequest} from '../../src/ports/allocator.ts';
import type {NumberDemand, PodDemand, Protocol} from '../../src/ports/demand.ts';
import {entryKey, entryStates} from '../../src/ports/ledger-entry.ts';
import type {LedgerEntry} from '../../src/ports/ledger-entry.ts';
import type {LedgerPage} from '../../src/ports/ledger-page.ts';
import {mergePortRanges} from '../../src/ports/port-range.ts';
import {ledgerOf, since} from './ledger-builders.ts';

export const blockSize = 10;
const lowest = 95;
const highest = 134;

const port = fc.integer({min: lowest, max: highest});
const protocol = fc.constantFrom<Protocol>('TCP', 'UDP', 'SCTP');
const protocols = fc.constantFrom<Protocol[]>(['TCP'], ['TCP'], ['UDP'], ['TCP', 'UDP'], ['TCP', 'UDP', 'SCTP']);

const unnamedPod = 'game/server- (ReplicaSet server)';
const pod = fc.constantFrom('game/server-0', 'game/server-1', unnamedPod);
const claim = fc.constantFrom('first', 'second', 'third');
const portName = fc.constantFrom('p0', 'p1', 'p2', 'p3');

const entry: fc.Arbitrary<LedgerEntry> = fc.record({
	pod,
	portName,
	state: fc.constantFrom(...entryStates),
	since: fc.constant(since),
	claim,
});

/** Between empty and full, with pages that are absent, in quarantine or damaged. */
export const arbitraryLedger: fc.Arbitrary<ReadonlyMap<number, LedgerPage>> = fc.record({
	entries: fc.constantFrom(15, 15, 120).chain(maxLength =>
		fc.uniqueArray(fc.tuple(port, protocol, entry), {maxLength, size: 'max', selector: ([port, protocol]) => entryKey(port, protocol)})),
	quarantined: fc.subarray([90, 100, 110, 120, 130], {maxLength: 1}),
	damaged: fc.subarray(['98.tcp', '104.udp', '117.tcp', '121-126'], {maxLength: 1}),
}).map(({entries, ...shape}) => ledgerOf(entries.map(([port, protocol, entry]) => [entryKey(port, protocol), entry]), {blockSize, ...shape}));

/** One to four numbers; the names of their ports are distinct, as in a Pod. */
const numbers: fc.Arbitrary<NumberDemand[]> = fc.array(protocols, {minLength: 1, maxLength: 4})
	.map(list => list.map((protocols, index) => ({ports: protocols.map(protocol => ({name: `p${index}`, protocol}))})));

export const arbitraryDemand: fc.Arbitrary<PodDemand> = fc.record({
	pod,
	numbers,
	bounds: fc.tuple(port, port),
	strategy: fc.constantFrom('Sequential', 'Random'),
	ordinal: fc.option(fc.oneof(fc.nat({max: 6}), fc.constant(Number.MAX_SAFE_INTEGER)), {nil: undefined}),
	ownPorts: fc.oneof(
		fc.constant([]),
		fc.uniqueArray(fc.record({name: fc.constant('own'), port, protocol}), {maxLength: 3, selector: ({port, protocol}) => entryKey(port, protocol)}),
	),
	excluded: fc.oneof(fc.constant([]), fc.array(fc.tuple(port, fc.nat({max: 9})).map(([first, more]) => ({first, last: first + more})), {maxLength: 2})),
}).map(({pod, numbers, bounds, strategy, ordinal, ownPorts, excluded}) => Object.assign({
	pod,
	hasFixedName: pod !== unnamedPod,
	numbers,
	basePort: Math.min(...bounds),
	maxPort: Math.max(...bounds),
	strategy,
	ownPorts,
	excluded: mergePortRanges(excluded),
}, ordinal === undefined ? {} : {ordinal}));

/** Its earlier claims may be those of entries in the ledger, as when a write succeeded and its answer was lost. */
export const arbitraryRequest: fc.Arbitrary<PendingRequest> = fc.record({
	demand: arbitraryDemand,
	claim: fc.uuid(),
	earlierClaims: fc.oneof(fc.constant([]), fc.uniqueArray(claim, {maxLength: 2})),
});

/** No two requests share a claim. */
export const arbitraryRequests: fc.Arbitrary<PendingRequest[]> = fc.uniqueArray(arbitraryRequest, {
	minLength: 1,
	maxLength: 6,
	comparator: (a, b) => a.claim === b.claim || a.earlierClaims.some(claim => b.earlierClaims.includes(claim)),
});

/** A seed for `seededRandom`. */
export const arbitrarySeed = fc.integer({min: 0, max: 2 ** 32 - 1});
