/** Reads and writes the ledger for this replica, and makes the pages that are missing. What it learns is kept in `known`. */
import type {Logger} from 'pino';
import {ApiError} from '../errors.ts';
import type {Metrics} from '../metrics.ts';
import type {LedgerIndex} from '../ports/ledger-index.ts';
import type {LedgerPage, PageChanges} from '../ports/ledger-page.ts';
import type {Clock} from '../clock.ts';
import type {Needs} from './required-reads.ts';
import {KnownLedger} from './ledger-cache.ts';
import type {LedgerObjects} from './ledger-api.ts';
import type {Quarantine} from './quarantine.ts';
import {unlessChanged} from '../kubernetes/unless-changed.ts';

export type LedgerPagesOptions = {
	readonly objects: LedgerObjects;
	readonly quarantine: Quarantine;
	readonly clock: Clock;
	readonly logger: Logger;
	readonly metrics: Pick<Metrics, 'commits' | 'commitDuration'>;
};

/** Pages that nobody uses yet cost little, but people look at them. */
const mostAtOnce = 8;

const growBudgetMs = 30_000;

/** How often to try to open pages that we have made. */
const mostTries = 4;

export class LedgerPages {
	readonly known: KnownLedger;
	readonly #options: LedgerPagesOptions;
	#growing: Promise<void> | undefined;

	constructor(options: LedgerPagesOptions) {
		this.#options = options;
		this.known = new KnownLedger(options);
	}

	/** Finds or makes the index; resolves once it may be used. Must be called first. */
	async open(signal: AbortSignal): Promise<void> {
		this.known.keepIndex(await this.#options.quarantine.index.untilOpen(signal), this.#options.clock.now());
	}

	/** Reads the index and every page that it names, and makes again, in quarantine, those that somebody has deleted. */
	async readAll(signal: AbortSignal): Promise<ReadonlyMap<number, LedgerPage>> {
		const now = this.#options.clock.now();
		const {pages} = await this.#readOrCreateIndex(signal);
		await this.readOrCreate({index: now, pages: new Map(pages.map(first => [first, now])), touched: new Set(pages), consistent: new Set(pages)}, signal);
		return new Map(this.known.pages);
	}

	/** Reads what `meets` misses, and writes nothing. Where the block size has changed meanwhile, plan again. */
	async read(needs: Needs, signal: AbortSignal): Promise<void> {
		const {blockSize} = this.known;
		if (!this.known.hasIndexSince(needs.index)) {
			const startedAt = this.#options.clock.now();
			const index = await this.#options.objects.readIndex(signal);
			this.known.keepIndex(index ?? this.known.index, startedAt);
		}

		if (this.known.blockSize !== blockSize) {
			return;
		}

		await Promise.all(this.known.outdated(needs).map(async first => this.#readPage(first, signal, !needs.consistent.has(first))));
	}

	/**
	 * Reads what `meets` misses, and creates pages that do not exist. They may come in quarantine: then others must serve. Where
	 * the block size has changed meanwhile, plan again.
	 */
	async readOrCreate(needs: Needs, signal: AbortSignal): Promise<void> {
		const {blockSize} = this.known;
		if (!this.known.hasIndexSince(needs.index)) {
			await this.#readOrCreateIndex(signal);
		}

		if (this.known.blockSize !== blockSize) {
			return;
		}

		const read = await Promise.all(this.known.outdated(needs, 'existing').map(async first => [first, await this.#readPage(first, signal, !needs.consistent.has(first))] as const));
		const missing = read.filter(([, page]) => !page).map(([first]) => first);
		if (missing.length > 0 && this.#growing) {
			// What is being made may be what is needed: whoever waits plans again then.
			await unlessAborted(this.#growing, signal);
		} else if (missing.length > 0) {
			await this.#create(missing, blockSize, signal);
		}
	}

	/**
	 * Makes the pages that follow `first` in the background, where it is half full and the next one, up to `maxPort`, does not
	 * exist: so nobody has to wait for the lists of Pods and Services that a page is opened with. One list serves several
	 * pages, the more of them the larger the ledger has become.
	 */
	growBehind(first: number, maxPort: number): void {
		const {clock, logger} = this.#options;
		const {blockSize, pages, index} = this.known;
		const next = first + blockSize;
		if (this.#growing || index.quarantined || next > maxPort || index.pages.includes(next) || (pages.get(first)?.entries.size ?? 0) < blockSize / 2) {
			return;
		}

		const count = Math.min(index.pages.length, mostAtOnce);
		const following = Array.from({length: count}, (_, place) => next + place * blockSize)
			.filter(candidate => candidate <= maxPort && !index.pages.includes(candidate));
		this.#growing = this.#create(following, blockSize, clock.deadline(growBudgetMs)).catch((error: unknown) => {
			logger.warn({err: error}, 'pages that will soon be needed could not be made: whoever needs them will try again');
		}).finally(() => {
			this.#growing = undefined;
		});
	}

	/**
	 * Writes to the version of the page that the changes were planned with, which need not be the one that is known by now.
	 *
	 * @throws {ApiError} 409 when that is not the current version, 404 when the page is gone; and whatever the network
	 * throws, when the write may or may not have happened. After either, the page counts as unread.
	 */
	async commit(page: LedgerPage, changes: PageChanges, signal: AbortSignal): Promise<void> {
		const end = this.#options.metrics.commitDuration.startTimer();
		try {
			this.known.keep(await this.#options.objects.commit(page, changes, signal));
			this.#options.metrics.commits.inc({result: 'ok'});
		} catch (error) {
			this.#options.metrics.commits.inc({result: error instanceof ApiError && error.status === 409 ? 'conflict' : 'failed'});
			this.known.doubt(page.first);
			throw error;
		} finally {
			end();
		}
	}

	/** After a conflict, and for the first time, a page is read as it is, whatever `maybeStale` says. */
	async #readPage(first: number, signal: AbortSignal, maybeStale = false): Promise<LedgerPage | undefined> {
		const startedAt = this.#options.clock.now();
		const isCached = maybeStale && this.known.isRead(first);
		const page = await this.#options.objects.readPage(first, this.known.blockSize, signal, isCached);
		this.known.keepRead(first, page, startedAt, isCached);
		return page;
	}

	/**
	 * Brings new pages into the index. Whoever adds one to an unmarked index knows that it never existed before, so that
	 * nobody can be on his way with one of its ports: he alone may open it at once. An index that was made again meanwhile, by
	 * somebody who knew of another block size, gets none of them.
	 */
	async #create(firsts: readonly number[], blockSize: number, signal: AbortSignal): Promise<void> {
		const {objects, clock} = this.#options;
		await Promise.all(firsts.map(async first => objects.createPage(first, blockSize, signal)));
		for (;;) {
			const index = await this.#readOrCreateIndex(signal);
			if (index.blockSize !== blockSize) {
				return;
			}

			const pages = await Promise.all(firsts.map(async first => this.#readPage(first, signal)));
			const fresh = pages.filter(page => page !== undefined).filter(({first}) => !index.pages.includes(first));
			if (fresh.length === 0) {
				return;
			}

			const startedAt = clock.now();
			const added = await unlessChanged(async () => objects.addToIndex(index, fresh.map(({first}) => first), signal));
			if (added) {
				this.known.keepIndex(added, startedAt);
				await this.#open(index.quarantined ? [] : fresh.filter(({quarantined}) => quarantined), signal);
				return;
			}
		}
	}

	/** Opens what we have just brought into the index; more than once, for otherwise it stays closed for the hold time. */
	async #open(closed: readonly LedgerPage[], signal: AbortSignal): Promise<void> {
		const {quarantine, clock, logger} = this.#options;
		for (let tries = 1; closed.length > 0; tries++) {
			try {
				for (const opened of await quarantine.pages.open(closed, signal)) {
					this.known.keep(opened);
				}

				return;
			} catch (error) {
				if (signal.aborted || tries === mostTries) {
					throw error;
				}

				logger.debug({err: error}, 'new pages could not be opened: trying again');
				await clock.sleep(tries * 100, signal);
			}
		}
	}

	/** Where somebody has deleted the index while we run, it is made again, marked: others may know of pages that we don't. */
	async #readOrCreateIndex(signal: AbortSignal): Promise<LedgerIndex> {
		const {objects, clock, logger} = this.#options;
		for (;;) {
			const startedAt = clock.now();
			const index = await objects.readIndex(signal);
			if (index) {
				return this.known.keepIndex(index, startedAt);
			}

			logger.warn('the ConfigMap hostport-ledger is gone: making it again');
			await objects.createIndex(this.known.blockSize, signal);
		}
	}
}

/** @throws the signal's reason, when it is aborted first. */
const unlessAborted = async (work: Promise<void>, signal: AbortSignal): Promise<void> => {
	signal.throwIfAborted();
	const {promise: aborted, reject} = Promise.withResolvers<never>();
	const giveUp = () => reject(signal.reason);
	signal.addEventListener('abort', giveUp, {once: true});
	try {
		await Promise.race([work, aborted]);
	} finally {
		signal.removeEventListener('abort', giveUp);
	}
};
