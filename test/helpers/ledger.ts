/** A ledger and what Pods ask of it, in a few words. */
import {ledgerAnnotations, ledgerLabel, schemaVersion} from '../../src/ports/ledger-metadata.ts';
import type {ConfigMap} from '../../src/ports/ledger-metadata.ts';
import type {NumberDemand, PodDemand, Protocol} from '../../src/ports/demand.ts';
import type {PendingRequest} from '../../src/ports/allocator.ts';
import {formatEntry, parseEntryKey} from '../../src/ports/ledger-entry.ts';
import type {LedgerEntry} from '../../src/ports/ledger-entry.ts';
import {blockRange, decodePage, pageName, pageOf} from '../../src/ports/ledger-page.ts';
import type {LedgerPage} from '../../src/ports/ledger-page.ts';

export const since = '2026-11-22T10:00:00Z';

export const entryWith = (changes: Partial<LedgerEntry> = {}): LedgerEntry =>
	({pod: 'game/other', portName: 'grpc', state: 'bound', claim: 'other', since, ...changes});

type PageShape = {
	readonly first?: number;
	readonly blockSize?: number;
	readonly data?: Readonly<Record<string, string>>;
	readonly annotations?: Readonly<Record<string, string | undefined>>;
};

/** An open page, as the API server has it. */
export const pageObject = ({first = 30_500, blockSize = 500, data, annotations}: PageShape = {}): ConfigMap => ({
	metadata: {
		name: pageName(first),
		uid: `uid-${first}`,
		resourceVersion: '7',
		labels: {[ledgerLabel]: 'page'},
		annotations: Object.fromEntries(Object.entries({
			[ledgerAnnotations.schemaVersion]: schemaVersion,
			[ledgerAnnotations.block]: blockRange(first, blockSize),
			...annotations,
		}).flatMap(([name, value]) => value === undefined ? [] : [[name, value]])),
	},
	...(data && {data}),
});

type LedgerShape = {
	readonly blockSize?: number;
	/** First ports of pages that are still in quarantine. */
	readonly quarantined?: readonly number[];
	/** Keys of values that are no entries. */
	readonly damaged?: readonly string[];
};

/** The pages that hold these entries; a page without any does not exist. */
export const ledgerOf = (
	entries: Iterable<readonly [key: string, entry: LedgerEntry]>,
	{blockSize = 500, quarantined = [], damaged = []}: LedgerShape = {},
): ReadonlyMap<number, LedgerPage> => {
	const texts = [...[...entries].map(([key, entry]) => [key, formatEntry(entry)] as const), ...damaged.map(key => [key, 'mine!'] as const)];
	const byPage = Map.groupBy(texts, ([key]) => pageOf(parseEntryKey(key)!.port, blockSize));
	return new Map([...new Set([...byPage.keys(), ...quarantined])].map(first => [first, decodePage(pageObject({
		first,
		blockSize,
		data: Object.fromEntries(byPage.get(first) ?? []),
		annotations: {[ledgerAnnotations.mark]: quarantined.includes(first) ? 'quarantine' : undefined},
	}), first, blockSize)]));
};

/** `grpc` is a port over TCP, `dns/TCP+UDP` two of that name which share a number. */
export const numberOf = (text: string): NumberDemand => {
	const [name = '', protocols = 'TCP'] = text.split('/');
	return {ports: protocols.split('+').map(protocol => ({name, protocol: protocol as Protocol}))};
};

/** An unnamed Pod that asks for such numbers, from 30558 to 32767 in sequence unless told otherwise. */
export const demandFor = (numbers: readonly string[], changes: Partial<PodDemand> = {}): PodDemand => ({
	pod: 'game/server- (ReplicaSet server)',
	hasFixedName: false,
	numbers: numbers.map(number => numberOf(number)),
	basePort: 30_558,
	maxPort: 32_767,
	strategy: 'Sequential',
	ownPorts: [],
	...changes,
});

/** A first attempt. */
export const requestOf = (demand: PodDemand, changes: Partial<PendingRequest> = {}): PendingRequest =>
	({demand, claim: 'mine', earlierClaims: [], ...changes});

/** The same numbers in [0, 1) for the same seed (mulberry32), so that a test of chance is none itself. */
export const seededRandom = (seed: number) => (): number => {
	seed = (seed + 0x6D_2B_79_F5) % 2 ** 32;
	let mixed = Math.imul(seed ^ (seed >>> 15), seed | 1);
	mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
	return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
};
