/**
 * The ledger as this replica knows it: the index and the pages that it has read, and how fresh they are. It reads and writes
 * nothing itself; what is found marked it hands to the quarantine.
 */
import type {Logger} from 'pino';
import type {LedgerIndex} from '../ports/ledger-index.ts';
import {pageName, pageOf} from '../ports/ledger-page.ts';
import type {LedgerPage} from '../ports/ledger-page.ts';
import type {Clock} from '../clock.ts';
import type {Needs} from './required-reads.ts';
import type {Quarantine} from './quarantine.ts';

export type KnownLedgerOptions = {
	/** Sees to what is found marked. */
	readonly quarantine: Quarantine;
	readonly clock: Pick<Clock, 'now'>;
	readonly logger: Logger;
};

/** A new page is opened in less; one that is marked for longer will stay so for the hold time. */
const openingMs = 1000;

type ReadTimes = {
	readonly atAll: number;
	/** Not from the API server's cache, so that it was the latest. */
	readonly consistently: number;
};

const never: ReadTimes = {atAll: -Infinity, consistently: -Infinity};

export class KnownLedger {
	readonly #options: KnownLedgerOptions;
	readonly #pages = new Map<number, LedgerPage>();
	/** When a page, or its absence, was last read. */
	readonly #readAt = new Map<number, ReadTimes>();
	/** When the mark of a page was first seen, by the page's UID. */
	readonly #markedSince = new Map<string, number>();
	#index: LedgerIndex | undefined;
	#indexReadAt = -Infinity;

	constructor(options: KnownLedgerOptions) {
		this.#options = options;
	}

	/** By first port. */
	get pages(): ReadonlyMap<number, LedgerPage> {
		return this.#pages;
	}

	/** @throws {Error} before `LedgerPages.open` has resolved. */
	get index(): LedgerIndex {
		if (!this.#index) {
			throw new Error('the ledger has not been opened');
		}

		return this.#index;
	}

	/** Numbers in a page. @throws {Error} before `LedgerPages.open` has resolved. */
	get blockSize(): number {
		return this.index.blockSize;
	}

	/** First ports of the pages that hold a number from `base` to `max` and exist, as the index was last read. */
	existingBetween(base: number, max: number): number[] {
		return this.index.pages.filter(first => first >= pageOf(base, this.blockSize) && first <= max);
	}

	/** Whether what is known is as fresh as needed; with `existing`, also whether every page exists that will be written. */
	meets(needs: Needs, touched?: 'existing'): boolean {
		return this.hasIndexSince(needs.index) && this.outdated(needs, touched).length === 0;
	}

	hasIndexSince(time: number): boolean {
		return this.#indexReadAt >= time;
	}

	/** First ports of the pages for which `meets` is false. */
	outdated({pages, touched, consistent}: Needs, mustExist?: 'existing'): number[] {
		return [...pages].filter(([first, since]) => {
			const {atAll, consistently} = this.#readAt.get(first) ?? never;
			return (consistent.has(first) ? consistently : atAll) < since || (mustExist && touched.has(first) && !this.#pages.has(first));
		}).map(([first]) => first);
	}

	/** Whether a page is known that nobody is known to have changed since. */
	isRead(first: number): boolean {
		return this.#readAt.has(first) && this.#pages.has(first);
	}

	/**
	 * First ports of pages between two ports that have just been made, as far as is known: another replica is about to open
	 * them. They and the index, which may not have named them yet, count as unread from now on.
	 */
	forgetOpening(base: number, max: number): number[] {
		const now = this.#options.clock.now();
		const opening = [...this.#pages.values()].filter(({uid, first, quarantined}) => quarantined
			&& first >= pageOf(base, this.blockSize) && first <= max
			&& now - (this.#markedSince.get(uid) ?? -Infinity) < openingMs);
		for (const {first} of opening) {
			this.#readAt.delete(first);
			this.#indexReadAt = -Infinity;
		}

		return opening.map(({first}) => first);
	}

	/** What is known of a page counts as unread: somebody else may have changed it, or a write of ours. */
	doubt(first: number): void {
		this.#readAt.delete(first);
	}

	/**
	 * @param readAt when it was asked for: the answer says nothing of what came later.
	 * @returns the index that is known from now on, for a later answer may have overtaken this one.
	 */
	keepIndex(index: LedgerIndex, readAt: number): LedgerIndex {
		if (this.#index && readAt < this.#indexReadAt) {
			return this.#index;
		}

		this.#adoptBlockSize(index);
		this.#index = index;
		this.#indexReadAt = readAt;
		if (index.quarantined) {
			this.#options.quarantine.index.watch(index);
		}

		return index;
	}

	/**
	 * @param page as it was read, or undefined where there is none.
	 * @param readAt when it was asked for.
	 * @param isCached whether the API server may have answered from its cache.
	 */
	keepRead(first: number, page: LedgerPage | undefined, readAt: number, isCached: boolean): void {
		if (!page) {
			this.#pages.delete(first);
		} else if (page.blockSize === this.blockSize) {
			this.keep(page);
		} else {
			return;
		}

		const {consistently} = this.#readAt.get(first) ?? never;
		this.#readAt.set(first, {atAll: readAt, consistently: isCached ? consistently : readAt});
	}

	/** Keeps a page as a read or a write has shown it, unless a later version is known. */
	keep(page: LedgerPage): void {
		const {logger, quarantine, clock} = this.#options;
		const known = this.#pages.get(page.first);
		// After a conflict what comes is kept, whatever its version: an API server that was restored from a backup counts from
		// an older one.
		const isOvertaken = known?.uid === page.uid && this.#readAt.has(page.first) && BigInt(known.resourceVersion) > BigInt(page.resourceVersion);
		if (isOvertaken || page.blockSize !== this.blockSize) {
			return;
		}

		this.#pages.set(page.first, page);
		if (page.unusable && known?.unusable !== page.unusable) {
			logger.warn(`the ConfigMap ${pageName(page.first)} gives no ports: ${page.unusable}`);
		}

		for (const {key, problem} of known?.damaged.length === page.damaged.length ? [] : page.damaged) {
			logger.error(`the entry "${key}" in the ConfigMap ${pageName(page.first)} is damaged and its port counts as taken: ${problem}`);
		}

		if (page.quarantined) {
			this.#markedSince.set(page.uid, this.#markedSince.get(page.uid) ?? clock.now());
			quarantine.pages.watch(page);
		} else {
			this.#markedSince.delete(page.uid);
		}
	}

	/** Where somebody has deleted the whole ledger, one who knew of no pages may have begun a new one, with blocks of another size. */
	#adoptBlockSize({blockSize}: LedgerIndex): void {
		if (this.#index && this.#index.blockSize !== blockSize) {
			this.#options.logger.warn(`the ConfigMap hostport-ledger was made again, and its blocks have ${blockSize} ports instead of ${this.#index.blockSize}: reading the ledger anew`);
			this.#pages.clear();
			this.#readAt.clear();
			this.#markedSince.clear();
		}
	}
}
