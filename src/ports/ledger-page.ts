/** A block of the ledger: the ConfigMap `hostport-ledger-<first-port>` as a value. Pure. */
import {readDamaged} from './damaged-entries.ts';
import type {DamagedEntry} from './damaged-entries.ts';
import type {ConfigMap} from './ledger-metadata.ts';
import {ledgerAnnotations, schemaVersion} from './ledger-metadata.ts';
import {versionOf} from './ledger-origin.ts';
import type {LedgerVersion, Origin} from './ledger-origin.ts';
import type {Protocol} from './demand.ts';
import {formatEntry, parseEntry, parseEntryKey, protocols} from './ledger-entry.ts';
import type {LedgerEntry} from './ledger-entry.ts';
import {copyOf, emptyBlock, setBit} from './number-set.ts';
import type {BlockBits} from './number-set.ts';

/** One version of a page. Never changed: a commit makes the next one with `withChanges`. */
export type LedgerPage = LedgerVersion & {
	readonly first: number;
	readonly blockSize: number;
	/** Why nothing may be allocated from this page, in words; absent if it is usable. */
	readonly unusable?: string;
	/** Whether it is unusable because its quarantine has not ended: it is marked, or does not prove that it was opened. */
	readonly quarantined: boolean;
	/** Whether it was put back from a copy, and no replica has marked it since. */
	readonly isCopied: boolean;
	/** Whether it has no mark and no proof, as a page that an earlier release has opened. */
	readonly isUnproven: boolean;
	readonly entries: ReadonlyMap<string, LedgerEntry>;
	readonly damaged: readonly DamagedEntry[];
	/** The numbers of the block that are not free for a protocol. */
	readonly taken: Readonly<Record<Protocol, BlockBits>>;
};

/** What a commit does to a page: the new entry of a key, or undefined where the entry goes. */
export type PageChanges = ReadonlyMap<string, LedgerEntry | undefined>;

/** The first port of the page that owns `port`. Blocks are aligned, so that every replica finds the same page. */
export const pageOf = (port: number, blockSize: number): number => port - (port % blockSize);

/** The first port of the page that owns the port of an entry's key. */
export const pageOfKey = (key: string, blockSize: number): number => pageOf(parseEntryKey(key)!.port, blockSize);

/** `30500-30999`: the numbers that a page owns, as its annotation tells them. */
export const blockRange = (first: number, blockSize: number): string => `${first}-${first + blockSize - 1}`;

export const pageName = (first: number): string => `hostport-ledger-${first}`;

/** Reads a page from its ConfigMap. Never throws: values that are not entries become `damaged`. */
export const decodePage = ({metadata, data}: ConfigMap, first: number, blockSize: number): LedgerPage => {
	const {entries, damaged} = readData(data ?? {}, first, blockSize);
	const mark = metadata.annotations?.[ledgerAnnotations.mark];
	const version = versionOf(metadata);
	const {origin} = version;
	// A page of another schema is left as it is: this version does not know what a proof looks like there.
	const isKnownSchema = metadata.annotations?.[ledgerAnnotations.schemaVersion] === schemaVersion;
	const mayBeProven = mark === undefined && isKnownSchema;
	const unusable = whyUnusable(metadata.annotations, origin, blockRange(first, blockSize));
	return {
		first,
		blockSize,
		...version,
		...(unusable && {unusable}),
		quarantined: mark === 'quarantine' || (mayBeProven && origin !== 'opened'),
		isCopied: isKnownSchema && (mark === undefined || mark === 'quarantine') && origin === 'copied',
		isUnproven: mayBeProven && origin === 'unknown',
		entries,
		damaged,
		taken: takenOf(first, blockSize, entries, damaged),
	};
};

const readData = (data: Readonly<Record<string, string>>, first: number, blockSize: number): Pick<LedgerPage, 'entries' | 'damaged'> => {
	const entries = new Map<string, LedgerEntry>();
	const damaged: DamagedEntry[] = [];
	for (const [key, text] of Object.entries(data)) {
		const port = parseEntryKey(key)?.port;
		const entry = parseEntry(text);
		if (port !== undefined && pageOf(port, blockSize) === first && typeof entry !== 'string') {
			entries.set(key, entry);
		} else {
			const fault = port === undefined ? 'the key is not of the form <port>.<tcp|udp|sctp>' : typeof entry === 'string' ? entry : undefined;
			damaged.push(readDamaged(key, fault, {first, last: first + blockSize - 1}, number => pageName(pageOf(number, blockSize))));
		}
	}

	return {entries, damaged};
};

/** The page as it is after a commit of `changes` that the API server answered with `resourceVersion`. */
export const withChanges = (page: LedgerPage, changes: PageChanges, resourceVersion: string): LedgerPage => {
	const entries = new Map(page.entries);
	const taken = {TCP: copyOf(page.taken.TCP), UDP: copyOf(page.taken.UDP), SCTP: copyOf(page.taken.SCTP)};
	for (const [key, entry] of changes) {
		const {port, protocol} = parseEntryKey(key)!;
		if (entry) {
			entries.set(key, entry);
		} else {
			entries.delete(key);
		}

		setBit(taken[protocol], port, entry !== undefined || isReserved(page, port));
	}

	return {...page, entries, resourceVersion, previousVersion: page.resourceVersion, taken};
};

/** Whether a number counts as taken although it may have no entry. */
const isReserved = ({damaged}: LedgerPage, port: number): boolean =>
	damaged.some(({reserves}) => reserves && port >= reserves.first && port <= reserves.last);

/** Whether an entry may be written under a key that has none: what a person wrote there is never destroyed. */
export const isVacant = ({entries, damaged}: LedgerPage, key: string): boolean =>
	!entries.has(key) && !damaged.some(other => other.key === key);

/** The keys of the entries that name a Pod. */
export const keysOfPod = (page: LedgerPage, pod: string): readonly string[] => {
	const keys = keysByPod.get(page) ?? new Map(Map.groupBy(page.entries, ([, entry]) => entry.pod).entries().map(([name, named]) => [name, named.map(([key]) => key)]));
	keysByPod.set(page, keys);
	return keys.get(pod) ?? [];
};

/** Computed when first asked for: Pods without a fixed name rarely need it. */
const keysByPod = new WeakMap<LedgerPage, ReadonlyMap<string, readonly string[]>>();

/** The `data` of the patch that makes these changes: null takes a key away. */
export const changesAsData = (changes: PageChanges): Record<string, string | null> =>
	Object.fromEntries([...changes].map(([key, entry]) => [key, entry ? formatEntry(entry) : null]));

const whyUnusable = (annotations: ConfigMap['metadata']['annotations'], origin: Origin, range: string): string | undefined => {
	const {[ledgerAnnotations.schemaVersion]: version = '', [ledgerAnnotations.block]: block = '', [ledgerAnnotations.mark]: mark} = annotations ?? {};
	if (version !== schemaVersion) {
		return `its annotation ${ledgerAnnotations.schemaVersion} is "${version.slice(0, 40)}", and this version of the operator knows only "${schemaVersion}"`;
	}

	if (mark === 'quarantine') {
		return 'it is in quarantine, because Pods that hold its ports may still be on their way';
	}

	if (mark === undefined && origin !== 'opened') {
		return origin === 'copied'
			? 'it was put back from a copy, which lacks later commits, so Pods may have ports that it does not name'
			: `its annotation ${ledgerAnnotations.openedAs} or ${ledgerAnnotations.previousVersion} is missing, so it does not prove that it is the page that was opened`;
	}

	if (block !== range) {
		return `its annotation ${ledgerAnnotations.block} is "${block.slice(0, 40)}", but a page of this name owns ${range}`;
	}

	return mark === undefined ? undefined : `its mark "${mark.slice(0, 40)}" is unknown to this version of the operator`;
};

const takenOf = (first: number, blockSize: number, entries: ReadonlyMap<string, LedgerEntry>, damaged: readonly DamagedEntry[]): LedgerPage['taken'] => {
	const taken = {TCP: emptyBlock(first, blockSize), UDP: emptyBlock(first, blockSize), SCTP: emptyBlock(first, blockSize)};
	for (const key of entries.keys()) {
		const {port, protocol} = parseEntryKey(key)!;
		setBit(taken[protocol], port, true);
	}

	for (const {reserves} of damaged) {
		for (let port = reserves?.first ?? 0; port <= (reserves?.last ?? -1); port++) {
			for (const protocol of protocols) {
				setBit(taken[protocol], port, true);
			}
		}
	}

	return taken;
};
