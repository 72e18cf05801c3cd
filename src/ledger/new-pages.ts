/**
 * Creates the pages that are missing. A page is created in quarantine, then listed in the index, and then its quarantine is
 * lifted. The replica whose write adds a page to an index without quarantine knows that the page is new, so no Pod can be on its
 * way with one of its ports, and it lifts the quarantine at once. All others wait for the hold time.
 */
import type {LedgerIndex} from '../ports/ledger-index.ts';
import {pageName} from '../ports/ledger-page.ts';
import type {LedgerPage} from '../ports/ledger-page.ts';
import {unlessAborted} from '../unless-aborted.ts';
import type {LedgerApi} from './ledger-api.ts';
import {liftNewPages} from './lift-new-pages.ts';
import type {LiftNewPagesOptions} from './lift-new-pages.ts';
import {transientMs} from './page-failures.ts';
import type {RequiredReads} from './required-reads.ts';

export type NewPagesOptions = LiftNewPagesOptions & {
	readonly ledgerApi: LedgerApi;
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

/** New pages that could not be opened. So many must wait out the hold time before another page is created: requests that find no free number would create all pages of their range. */
const maximumUnopened = 4;

/** How long plans leave out a page that is not created now. Longer than `transientMs`, so that no request waits for it, and short, because the obstacle may be over. */
const notNowMs = 1500;

export class NewPages {
	readonly #options: NewPagesOptions;
	#creatingAhead: Promise<void> | undefined;
	/** First ports of the pages that this replica has created and could not open at once. */
	#unopened = new Set<number>();

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
			await this.#createNow(missing, signal);
		}
	}

	async #createNow(missing: readonly number[], signal: AbortSignal): Promise<void> {
		const obstacle = await this.#obstacle(signal);
		if (obstacle) {
			for (const first of missing) {
				this.#options.ledger.cache.failures.leaveOut(first, obstacle, notNowMs);
			}
		} else {
			await this.#create(missing, signal).catch((error: unknown) => this.#leaveOut(missing, error, signal));
		}
	}

	/** Why no page is created now that a request needs; undefined if nothing forbids it. */
	async #obstacle(signal: AbortSignal): Promise<Error | undefined> {
		const {ledger, ledger: {cache}} = this.#options;
		// What is cached may have left quarantine since it was read.
		if (cache.index.quarantined && (await this.#readOrCreateIndex(signal)).quarantined) {
			return new Error('it does not exist, and no page is created before the ConfigMap hostport-ledger has left quarantine');
		}

		const closed = () => [...this.#unopened].filter(first => cache.pages.get(first)?.quarantined);
		if (closed().length >= maximumUnopened) {
			await ledger.readPages(closed(), new Set(), signal);
		}

		return closed().length < maximumUnopened ? undefined : new Error(`it does not exist, and no page is created before ${closed().map(first => pageName(first)).join(', ')} have left quarantine`);
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
				const closed = index.quarantined ? [] : unlisted.filter(({quarantined}) => quarantined);
				await liftNewPages(this.#options, closed, signal).catch((error: unknown) => {
					this.#unopened = this.#unopened.union(new Set(closed.map(({first}) => first)));
					throw error;
				});
				return;
			}
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
