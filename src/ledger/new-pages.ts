/**
 * Creates the pages that are missing. A page is created in quarantine, then listed in the index, and then its quarantine is
 * lifted. The replica whose write adds a page to an index without quarantine knows that the page is new, so no Pod can be on its
 * way with one of its ports, and it lifts the quarantine at once. All others wait for the hold time.
 */
import type {Logger} from 'pino';
import type {Clock} from '../clock.ts';
import type {LedgerIndex} from '../ports/ledger-index.ts';
import type {LedgerPage} from '../ports/ledger-page.ts';
import {retry} from '../retry.ts';
import {unlessAborted} from '../unless-aborted.ts';
import type {Ledger} from './ledger.ts';
import type {LedgerApi} from './ledger-api.ts';
import {transientMs} from './page-failures.ts';
import type {Quarantine} from './quarantine.ts';
import type {RequiredReads} from './required-reads.ts';

export type NewPagesOptions = {
	readonly ledger: Ledger;
	readonly ledgerApi: LedgerApi;
	readonly quarantine: Quarantine;
	readonly clock: Clock;
	/** Uniform in [0, 1). */
	readonly random: () => number;
	readonly logger: Logger;
};

/** The pages that the index lists, by first port. */
export type LedgerSnapshot = {
	/** Those that could be read. */
	readonly pages: ReadonlyMap<number, LedgerPage>;
	/** What the others failed with. */
	readonly failures: ReadonlyMap<number, unknown>;
};

/** Most pages created ahead at once. Empty pages cost little, but people read the list. */
const maximumAhead = 8;

/** Bounds the creation of pages in the background. */
const aheadBudgetMs = 30_000;

/** Attempts to lift a new page's quarantine. After the last one, the page waits out the hold time. */
const maximumLiftAttempts = 4;

export class NewPages {
	readonly #options: NewPagesOptions;
	#creatingAhead: Promise<void> | undefined;

	constructor(options: NewPagesOptions) {
		this.#options = options;
	}

	/**
	 * Reads the index and every page that it lists, and creates, in quarantine, those that were deleted. A page that fails does
	 * not keep the others from being read.
	 *
	 * @throws the signal's reason, or what the read of the index failed with.
	 */
	async readAll(signal: AbortSignal): Promise<LedgerSnapshot> {
		const {ledger} = this.#options;
		const {pageStarts} = await this.#readOrCreateIndex(signal);
		const pages = new Map<number, LedgerPage>();
		const failures = new Map<number, unknown>();
		await Promise.all(pageStarts.map(async first => {
			try {
				if (!await ledger.readPage(first, signal)) {
					await this.#create([first], signal);
				}
			} catch (error) {
				failures.set(first, error);
			}
		}));
		signal.throwIfAborted();
		for (const first of pageStarts.filter(first => !failures.has(first))) {
			const page = ledger.cache.pages.get(first);
			if (page) {
				pages.set(first, page);
			} else {
				failures.set(first, new Error('it does not exist and could not be created'));
			}
		}

		return {pages, failures};
	}

	/**
	 * Reads what `required` asks for and the cache does not cover, and creates written pages that do not exist. A created page may
	 * still be in quarantine; then the plan uses other pages.
	 */
	async readOrCreate(required: RequiredReads, signal: AbortSignal): Promise<void> {
		const {ledger} = this.#options;
		if (!ledger.cache.hasIndexSince(required.index)) {
			await this.#readOrCreateIndex(signal);
		}

		const missing = await ledger.readPages(ledger.cache.missing(required, 'writable'), required.consistent, signal);
		if (missing.length > 0 && this.#creatingAhead) {
			// These may be the missing pages. The caller plans again.
			await unlessAborted(this.#creatingAhead, signal);
		} else if (missing.length > 0) {
			await this.#create(missing, signal).catch((error: unknown) => this.#leaveOut(missing, error, signal));
		}
	}

	/**
	 * If this page is half full and the next one (up to `maxPort`) is missing, creates the following pages in the background. No
	 * request then waits for the lists of Pods and Services. One list serves several pages, more in a larger ledger.
	 */
	createAhead(first: number, maxPort: number): void {
		const {ledger: {cache}, clock, logger} = this.#options;
		const {blockSize, pages, index} = cache;
		const next = first + blockSize;
		if (this.#creatingAhead || index.quarantined || next > maxPort || index.pageStarts.includes(next) || (pages.get(first)?.entries.size ?? 0) < blockSize / 2) {
			return;
		}

		const count = Math.min(index.pageStarts.length, maximumAhead);
		const following = Array.from({length: count}, (_, place) => next + place * blockSize)
			.filter(candidate => candidate <= maxPort && !index.pageStarts.includes(candidate));
		this.#creatingAhead = this.#create(following, clock.deadline(aheadBudgetMs)).catch((error: unknown) => {
			logger.warn({err: error}, 'pages could not be created ahead: the first request that needs one creates it');
		}).finally(() => {
			this.#creatingAhead = undefined;
		});
	}

	/** Pages that could not be created or opened are left out of plans: requests that have somewhere else to go need not wait for them. */
	#leaveOut(firsts: readonly number[], error: unknown, signal: AbortSignal): void {
		const {failures} = this.#options.ledger.cache;
		signal.throwIfAborted();
		for (const first of firsts.filter(first => !failures.failed(first, error, 'write'))) {
			// It may exist, and have a predecessor's ports.
			failures.leaveOut(first, error, transientMs, true);
		}
	}

	async #create(wanted: readonly number[], signal: AbortSignal): Promise<void> {
		const {ledger, ledgerApi, clock} = this.#options;
		await Promise.all(wanted.map(async first => ledgerApi.createPage(first, signal).catch((error: unknown) => this.#leaveOut([first], error, signal))));
		const firsts = wanted.filter(first => !ledger.cache.failures.of(first));
		for (;;) {
			const index = await this.#readOrCreateIndex(signal);
			const pages = await Promise.all(firsts.map(async first => ledger.readPage(first, signal)));
			const unlisted = pages.filter(page => page !== undefined).filter(({first}) => !index.pageStarts.includes(first));
			if (unlisted.length === 0) {
				return;
			}

			const readAt = clock.now();
			const extended = await ledgerApi.addToIndex(index, unlisted.map(({first}) => first), signal);
			if (extended) {
				ledger.storeIndex(extended, readAt);
				await this.#lift(index.quarantined ? [] : unlisted.filter(({quarantined}) => quarantined), signal);
				return;
			}
		}
	}

	/** Lifts the quarantine of new pages. Retries, because otherwise these pages wait out the hold time. */
	async #lift(pages: readonly LedgerPage[], signal: AbortSignal): Promise<void> {
		const {ledger, quarantine, clock, random, logger} = this.#options;
		if (pages.length === 0) {
			return;
		}

		let attempts = 0;
		const lifted = await retry(async () => quarantine.liftPages(pages, signal), {
			clock,
			random,
			firstMs: 100,
			longestMs: 400,
			signal,
			onFailure(error) {
				attempts++;
				if (attempts === maximumLiftAttempts) {
					throw error;
				}

				logger.debug({err: error}, 'the quarantine of new pages could not be lifted: trying again');
			},
		});
		for (const page of lifted) {
			ledger.cache.storePage(page);
		}
	}

	/** An index that was deleted while this replica runs is created in quarantine: other replicas may know of pages that this one does not. */
	async #readOrCreateIndex(signal: AbortSignal): Promise<LedgerIndex> {
		const {ledger, ledgerApi, logger} = this.#options;
		for (;;) {
			const index = await ledger.readIndex(signal);
			if (index) {
				return index;
			}

			logger.warn('the ConfigMap hostport-ledger is gone: creating it again');
			await ledgerApi.createIndex(signal);
		}
	}
}
