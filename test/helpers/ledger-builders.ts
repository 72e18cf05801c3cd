/** Builds plain values: entries, pages and ledgers of them, and the demands of Pods. It starts nothing; see `start-ledger.ts` for that. */
import {ledgerAnnotations, ledgerLabel, schemaVersion} from '../../src/ports/ledger-metadata.ts';
import {commitMetadata} from '../../src/ports/ledger-origin.ts';
import type {ConfigMap} from '../../src/ports/ledger-metadata.ts';
import type {NumberDemand, PodDemand, Protocol} from '../../src/ports/demand.ts';
import type {PendingRequest} from '../../src/ports/allocator.ts';
import {formatEntry} from '../../src/ports/ledger-entry.ts';
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

const committed = commitMetadata({resourceVersion: '6'});

/** The ConfigMap of a page that is not in quarantine. */
export const pageObject = ({first = 30_500, blockSize = 500, data, annotations}: PageShape = {}): ConfigMap => ({
	metadata: {
		name: pageName(first),
		uid: `uid-${first}`,
		resourceVersion: '7',
		labels: {[ledgerLabel]: 'page'},
		annotations: Object.fromEntries(Object.entries({
			[ledgerAnnotations.schemaVersion]: schemaVersion,
			[ledgerAnnotations.block]: blockRange(first, blockSize),
			[ledgerAnnotations.openedAs]: `uid-${first}`,
			...committed.annotations,
			...annotations,
		}).flatMap(([name, value]) => value === undefined ? [] : [[name, value]])),
		managedFields: committed.managedFields,
	},
	...(data && {data}),
});

type LedgerShape = {
	readonly blockSize?: number;
	/** First ports of pages in quarantine. */
	readonly quarantined?: readonly number[];
	/** Keys whose values can not be read as entries. */
	readonly damaged?: readonly string[];
};

/** The decoded pages with these entries, by first port. A page without entries is absent. */
export const ledgerOf = (
	entries: Iterable<readonly [key: string, entry: LedgerEntry]>,
	{blockSize = 500, quarantined = [], damaged = []}: LedgerShape = {},
): ReadonlyMap<number, LedgerPage> => {
	const texts = [...[...entries].map(([key, entry]) => [key, formatEntry(entry)] as const), ...damaged.map(key => [key, 'mine!'] as const)];
	const byPage = Map.groupBy(texts, ([key]) => pageOf(Number.parseInt(key, 10), blockSize));
	return new Map([...new Set([...byPage.keys(), ...quarantined])].map(first => [first, decodePage(pageObject({
		first,
		blockSize,
		data: Object.fromEntries(byPage.get(first) ?? []),
		annotations: {[ledgerAnnotations.mark]: quarantined.includes(first) ? 'quarantine' : undefined},
	}), first, blockSize)]));
};

/** `grpc` is a number for a TCP port, `dns/TCP+UDP` one number for a TCP and a UDP port, both named `dns`. */
export const numberOf = (text: string): NumberDemand => {
	const [name = '', protocols = 'TCP'] = text.split('/');
	return {ports: protocols.split('+').map(protocol => ({name, protocol: protocol as Protocol}))};
};

/** A Pod without a fixed name that asks for these numbers, see `numberOf`. Default: sequential, from 30558 to 32767. */
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

/** A request at its first attempt. */
export const requestOf = (demand: PodDemand, changes: Partial<PendingRequest> = {}): PendingRequest =>
	({demand, claim: 'mine', earlierClaims: [], ...changes});
