/** Reads and commits the ledger for this replica, and caches what it learns. It creates nothing: see `new-pages.ts`. */
import {ApiError} from '../errors.ts';
import type {Clock} from '../clock.ts';
import type {Metrics} from '../metrics.ts';
import type {LedgerIndex} from '../ports/ledger-index.ts';
import type {LedgerPage, PageChanges} from '../ports/ledger-page.ts';
import {CopyMarks} from './copy-marks.ts';
import type {LedgerApi} from './ledger-api.ts';
import {LedgerCache} from './ledger-cache.ts';
import type {LedgerCacheOptions} from './ledger-cache.ts';
import type {Quarantine} from './quarantine.ts';
import type {RequiredReads} from './required-reads.ts';

export type LedgerOptions = Omit<LedgerCacheOptions, 'blockSize'> & {
	readonly ledgerApi: LedgerApi;
	readonly quarantine: Quarantine;
	readonly clock: Clock;
	readonly metrics: Pick<Metrics, 'commits' | 'commitDuration'>;
};

export class Ledger {
	readonly cache: LedgerCache;
	readonly #copyMarks: CopyMarks;
	readonly #options: LedgerOptions;

	constructor(options: LedgerOptions) {
		this.#options = options;
		this.#copyMarks = new CopyMarks(options);
		this.cache = new LedgerCache({...options, blockSize: options.ledgerApi.blockSize});
	}

	/** Finds or creates the index, and resolves once its quarantine is over. Must resolve before anything else is called. */
	async start(signal: AbortSignal): Promise<void> {
		const {quarantine, clock} = this.#options;
		this.storeIndex(await quarantine.untilIndexIsLifted(signal), clock.now());
	}

	/** Reads what `required` asks for and the cache does not cover. If the index was deleted, its cached version counts as current: a dry run must not create it. */
	async read(required: RequiredReads, signal: AbortSignal): Promise<void> {
		const readAt = this.#options.clock.now();
		if (!this.cache.hasIndexSince(required.index) && !await this.readIndex(signal)) {
			this.cache.storeIndex(this.cache.index, readAt);
		}

		await this.readPages(this.cache.missing(required), required.consistent, signal);
	}

	/**
	 * Reads these pages.
	 *
	 * @param consistent those that must come from etcd.
	 * @returns first ports of the pages that do not exist. A page that can't be read is left out of plans instead.
	 * @throws the error of a read that may concern more than its page.
	 */
	async readPages(firsts: readonly number[], consistent: ReadonlySet<number>, signal: AbortSignal): Promise<number[]> {
		const missing = await Promise.all(firsts.map(async first => {
			try {
				return await this.readPage(first, signal, !consistent.has(first)) ? [] : [first];
			} catch (error) {
				if (this.cache.failures.failed(first, error, 'read')) {
					return [];
				}

				throw error;
			}
		}));
		return missing.flat();
	}

	/** @returns undefined where the index does not exist. */
	async readIndex(signal: AbortSignal): Promise<LedgerIndex | undefined> {
		const {ledgerApi, clock} = this.#options;
		const readAt = clock.now();
		const read = await ledgerApi.readIndex(signal);
		const index = read?.origin === 'copied' ? await this.#copyMarks.markIndex(read, signal) ?? read : read;
		return index && this.storeIndex(index, readAt);
	}

	/** Caches an index that was read or written by a request at `readAt` and returns the newer one. If it is in quarantine, starts the hold time. */
	storeIndex(index: LedgerIndex, readAt: number): LedgerIndex {
		const cached = this.cache.storeIndex(index, readAt);
		if (cached.quarantined) {
			this.#options.quarantine.liftIndexAfterHold(cached);
		}

		return cached;
	}

	/**
	 * @param maybeStale whether the API server may answer from its watch cache. Counts only if a valid copy is cached: a first read, or a read after a conflict, goes to etcd.
	 * @returns the page as it was read; undefined where it does not exist.
	 */
	async readPage(first: number, signal: AbortSignal, maybeStale = false): Promise<LedgerPage | undefined> {
		const {ledgerApi, quarantine, clock} = this.#options;
		const readAt = clock.now();
		const isStale = maybeStale && this.cache.isValid(first);
		const read = await ledgerApi.readPage(first, signal, isStale);
		const page = read?.isCopied ? await this.#copyMarks.markPage(read, signal) ?? read : read;
		this.cache.failures.succeeded(first, 'read');
		const cached = this.cache.storeRead(first, page, readAt, isStale);
		if (cached?.quarantined) {
			quarantine.liftPageAfterHold(cached);
		}

		return page;
	}

	/**
	 * Commits to the version of the page that the plan used. The cache may hold a newer one by now.
	 *
	 * @throws {ApiError} 409 when that is not the current version, 404 when the page is gone; or the network's error, and then
	 * the write may or may not have happened. After any error, the cached copy is invalid.
	 */
	async commit(page: LedgerPage, changes: PageChanges, signal: AbortSignal): Promise<void> {
		const {ledgerApi, metrics} = this.#options;
		const end = metrics.commitDuration.startTimer();
		try {
			const written = await ledgerApi.commit(page, changes, signal);
			this.cache.storePage(written);
			this.cache.failures.succeeded(page.first, 'write');
			metrics.commits.inc({result: 'ok'});
		} catch (error) {
			metrics.commits.inc({result: error instanceof ApiError && error.status === 409 ? 'conflict' : 'failed'});
			this.cache.invalidate(page.first);
			throw error;
		} finally {
			end();
		}
	}
}
