/** What this replica last read of the ledger: the index and the pages, and when. It sends no requests. */
import type {Logger} from 'pino';
import type {Clock} from '../clock.ts';
import type {LedgerIndex} from '../ports/ledger-index.ts';
import {pageName, pageOf} from '../ports/ledger-page.ts';
import type {LedgerPage} from '../ports/ledger-page.ts';
import {PageFailures} from './page-failures.ts';
import type {RequiredReads} from './required-reads.ts';

export type LedgerCacheOptions = {
	/** Port numbers in a page. */
	readonly blockSize: number;
	readonly clock: Pick<Clock, 'now'>;
	readonly logger: Logger;
};

/** A new page normally leaves quarantine within this time. After it, the page probably waits out the hold time. */
const creationMs = 1000;

/** When a page was last asked for. */
type ReadTimes = {
	readonly any: number;
	/** Not from the API server's watch cache, so the answer was the latest version. */
	readonly consistent: number;
};

const never: ReadTimes = {any: -Infinity, consistent: -Infinity};

export class LedgerCache {
	readonly blockSize: number;
	readonly failures: PageFailures;
	readonly #clock: Pick<Clock, 'now'>;
	readonly #logger: Logger;
	readonly #pages = new Map<number, LedgerPage>();
	/** When each page, or its absence, was last read. A cached page without an entry here is invalid. */
	readonly #readTimes = new Map<number, ReadTimes>();
	/** When this replica first saw a page in quarantine, by the page's UID. */
	readonly #quarantinedSince = new Map<string, number>();
	#index: LedgerIndex | undefined;
	#indexReadAt = -Infinity;

	constructor({blockSize, clock, logger}: LedgerCacheOptions) {
		this.blockSize = blockSize;
		this.#clock = clock;
		this.#logger = logger;
		this.failures = new PageFailures({clock, logger, blockSize});
	}

	/** By first port, valid or not. */
	get pages(): ReadonlyMap<number, LedgerPage> {
		return this.#pages;
	}

	/** A copy for a plan: pages that can't be read or written are unusable. */
	pagesForPlan(): Map<number, LedgerPage> {
		return this.failures.withUnusable(this.#pages);
	}

	/** @throws {Error} before `Ledger.start` has resolved. */
	get index(): LedgerIndex {
		if (!this.#index) {
			throw new Error('the ledger has not been loaded');
		}

		return this.#index;
	}

	/** First ports of the pages that the index lists for the numbers from `base` to `max`. */
	pageStartsBetween(base: number, max: number): number[] {
		return this.index.pageStarts.filter(first => first >= pageOf(base, this.blockSize) && first <= max);
	}

	/** Whether everything that a plan rests on was read recently enough; with `writable`, also whether every page that it writes exists. */
	covers(required: RequiredReads, writable?: 'writable'): boolean {
		return this.hasIndexSince(required.index) && this.missing(required, writable).length === 0;
	}

	hasIndexSince(time: number): boolean {
		return this.#indexReadAt >= time;
	}

	/** First ports of the pages for which `covers` is false. A page that plans leave out is never missing. */
	missing({pages, written, consistent}: RequiredReads, writable?: 'writable'): number[] {
		return [...pages].filter(([first]) => !this.failures.of(first)).filter(([first, readAfter]) => {
			const times = this.#readTimes.get(first) ?? never;
			return (consistent.has(first) ? times.consistent : times.any) < readAfter || (writable && written.has(first) && !this.#pages.has(first));
		}).map(([first]) => first);
	}

	/** Whether a copy of this page is cached and has not been invalidated. */
	isValid(first: number): boolean {
		return this.#readTimes.has(first) && this.#pages.has(first);
	}

	/** First ports of the pages in this range that this replica first saw in quarantine under a second ago. If a replica has just created them, it lifts the quarantine soon. */
	justCreated(base: number, max: number): number[] {
		const now = this.#clock.now();
		return [...this.#pages.values()]
			.filter(({uid, first, quarantined}) => quarantined
				&& first >= pageOf(base, this.blockSize) && first <= max
				&& now - (this.#quarantinedSince.get(uid) ?? -Infinity) < creationMs)
			.map(({first}) => first);
	}

	/** The cached copy of this page counts as unread: the page may have changed. */
	invalidate(first: number): void {
		this.#readTimes.delete(first);
	}

	invalidateIndex(): void {
		this.#indexReadAt = -Infinity;
	}

	/**
	 * @param readAt when the request was sent: its answer says nothing of later changes.
	 * @returns the cached index: `index`, unless the answer to a later request is cached.
	 */
	storeIndex(index: LedgerIndex, readAt: number): LedgerIndex {
		if (this.#index && readAt < this.#indexReadAt) {
			return this.#index;
		}

		this.#index = index;
		this.#indexReadAt = readAt;
		return index;
	}

	/**
	 * @param page as it was read, or undefined where it does not exist.
	 * @param readAt when the request was sent.
	 * @param maybeStale whether the API server may have answered from its watch cache.
	 * @returns the page that is cached now.
	 */
	storeRead(first: number, page: LedgerPage | undefined, readAt: number, maybeStale: boolean): LedgerPage | undefined {
		if (page) {
			this.storePage(page);
		} else {
			this.#pages.delete(first);
		}

		const {consistent} = this.#readTimes.get(first) ?? never;
		this.#readTimes.set(first, {any: readAt, consistent: maybeStale ? consistent : readAt});
		return this.#pages.get(first);
	}

	/** Stores a page as a read or a write has shown it, unless a later version is cached. */
	storePage(page: LedgerPage): void {
		const cached = this.#pages.get(page.first);
		// An invalid copy is replaced whatever its version: an API server that was restored from a backup counts from an older one.
		if (cached?.uid === page.uid && this.#readTimes.has(page.first) && BigInt(cached.resourceVersion) > BigInt(page.resourceVersion)) {
			return;
		}

		this.#pages.set(page.first, page);
		this.#logProblems(page, cached);
		if (page.quarantined) {
			this.#quarantinedSince.set(page.uid, this.#quarantinedSince.get(page.uid) ?? this.#clock.now());
		} else {
			this.#quarantinedSince.delete(page.uid);
		}
	}

	/** Each problem once: when it is first seen. */
	#logProblems({first, unusable, damaged}: LedgerPage, before: LedgerPage | undefined): void {
		if (unusable && before?.unusable !== unusable) {
			this.#logger.warn(`the ConfigMap ${pageName(first)} gives no ports: ${unusable}`);
		}

		const known = new Set(before?.damaged.map(({key}) => key));
		for (const {key, problem} of damaged.filter(({key}) => !known.has(key))) {
			this.#logger.warn(`"${key}" in the ConfigMap ${pageName(first)}, which is not an entry, ${problem}`);
		}
	}
}
