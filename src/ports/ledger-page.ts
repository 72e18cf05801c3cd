/** A block of the ledger: the ConfigMap `hostport-ledger-<first-port>` as a value. Pure. */
import type {ConfigMap} from './config-map.ts';
import {ledgerAnnotations, schemaVersion} from './config-map.ts';
import {everyProtocol, formatEntry, parseEntry, parseEntryKey, protocolBit} from './ledger-entry.ts';
import type {DamagedEntry, LedgerEntry} from './ledger-entry.ts';

/** One version of a page. Never changed: a commit makes the next one with `withChanges`. */
export type LedgerPage = {
	readonly first: number;
	readonly blockSize: number;
	readonly uid: string;
	readonly resourceVersion: string;
	/** Why nothing may be allocated from this page, in words; absent where all is well. */
	readonly unusable?: string;
	/** Whether it is unusable because its quarantine has not been lifted, which somebody should see to. */
	readonly quarantined: boolean;
	readonly entries: ReadonlyMap<string, LedgerEntry>;
	readonly damaged: readonly DamagedEntry[];
	/** For each number of the block the protocols that are not free, as a mask. */
	readonly taken: Readonly<Uint8Array>;
	/** The keys of the entries that name a Pod. */
	readonly keysByPod: ReadonlyMap<string, readonly string[]>;
};

/** What a commit does to a page: the new entry of a key, or undefined where the entry goes. */
export type PageChanges = ReadonlyMap<string, LedgerEntry | undefined>;

/** The first port of the page that owns `port`. Blocks are aligned, so that every replica finds the same page. */
export const pageOf = (port: number, blockSize: number): number => port - (port % blockSize);

/** `30500-30999`: the numbers that a page owns, as its annotation tells them. */
export const blockRange = (first: number, blockSize: number): string => `${first}-${first + blockSize - 1}`;

export const pageName = (first: number): string => `hostport-ledger-${first}`;

/** Reads a page as the API server has it. Nothing in it makes this throw: what is no entry becomes `damaged`. */
export const decodePage = ({metadata, data}: ConfigMap, first: number, blockSize: number): LedgerPage => {
	const entries = new Map<string, LedgerEntry>();
	const damaged: DamagedEntry[] = [];
	for (const [key, text] of Object.entries(data ?? {})) {
		const parsedKey = parseEntryKey(key);
		const entry = parseEntry(text);
		if (!parsedKey) {
			damaged.push({key, port: Number.parseInt(key, 10), problem: 'the key is not of the form <port>.<tcp|udp|sctp>'});
		} else if (pageOf(parsedKey.port, blockSize) !== first) {
			damaged.push({key, port: parsedKey.port, problem: `the port is not one of this page, ${blockRange(first, blockSize)}`});
		} else if (typeof entry === 'string') {
			damaged.push({key, port: parsedKey.port, problem: entry});
		} else {
			entries.set(key, entry);
		}
	}

	const mark = metadata.annotations?.[ledgerAnnotations.mark];
	const unusable = whyUnusable(metadata.annotations, blockRange(first, blockSize));
	return {
		first,
		blockSize,
		uid: metadata.uid,
		resourceVersion: metadata.resourceVersion,
		...(unusable && {unusable}),
		quarantined: mark === 'quarantine',
		entries,
		damaged,
		...viewsOf(first, blockSize, entries, damaged),
	};
};

/** The page as it is after a commit of `changes` that the API server answered with `resourceVersion`. */
export const withChanges = (page: LedgerPage, changes: PageChanges, resourceVersion: string): LedgerPage => {
	const entries = new Map(page.entries);
	for (const [key, entry] of changes) {
		if (entry) {
			entries.set(key, entry);
		} else {
			entries.delete(key);
		}
	}

	return {...page, entries, resourceVersion, ...viewsOf(page.first, page.blockSize, entries, page.damaged)};
};

/** The `data` of the merge patch that makes these changes: null takes a key away (RFC 7396). */
export const changesAsData = (changes: PageChanges): Record<string, string | null> =>
	Object.fromEntries([...changes].map(([key, entry]) => [key, entry ? formatEntry(entry) : null]));

const whyUnusable = (annotations: ConfigMap['metadata']['annotations'], range: string): string | undefined => {
	const {[ledgerAnnotations.schemaVersion]: version = '', [ledgerAnnotations.ports]: ports = '', [ledgerAnnotations.mark]: mark} = annotations ?? {};
	if (version !== schemaVersion) {
		return `its annotation ${ledgerAnnotations.schemaVersion} is "${version}", and this version of the operator knows only "${schemaVersion}"`;
	}

	if (ports !== range) {
		return `its annotation ${ledgerAnnotations.ports} is "${ports}", where the index says that it owns ${range}`;
	}

	if (mark === 'quarantine') {
		return 'it is in quarantine, because Pods that hold its ports may still be on their way';
	}

	return mark === undefined ? undefined : `its mark "${mark}" is unknown to this version of the operator`;
};

const viewsOf = (first: number, blockSize: number, entries: ReadonlyMap<string, LedgerEntry>, damaged: readonly DamagedEntry[]): Pick<LedgerPage, 'taken' | 'keysByPod'> => {
	const taken = new Uint8Array(blockSize);
	const keysByPod = new Map<string, string[]>();
	for (const [key, {pod}] of entries) {
		const {port, protocol} = parseEntryKey(key)!;
		taken[port - first]! |= protocolBit[protocol];
		const keys = keysByPod.get(pod);
		if (keys) {
			keys.push(key);
		} else {
			keysByPod.set(pod, [key]);
		}
	}

	// A damaged entry may stand for any protocol, so all of them count as taken: better to leak a port than to give it twice.
	for (const {port} of damaged) {
		if (port >= first && port < first + blockSize) {
			taken[port - first] = everyProtocol;
		}
	}

	return {taken, keysByPod};
};
