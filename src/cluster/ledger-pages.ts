/** The ledger as this replica knows it: the index and pages that it has read, how fresh they are, and how missing ones are made. */
import type {Logger} from 'pino';
import {ApiError} from '../errors.ts';
import type {Metrics} from '../metrics.ts';
import type {LedgerIndex} from '../ports/ledger-index.ts';
import {pageName, pageOf} from '../ports/ledger-page.ts';
import type {LedgerPage, PageChanges} from '../ports/ledger-page.ts';
import type {Clock} from './clock.ts';
import type {Needs} from './freshness.ts';
import type {LedgerObjects} from './ledger-objects.ts';
import {unlessChanged} from './quarantine.ts';
import type {Quarantine} from './quarantine.ts';

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

/** A new page is opened in less; one that is marked for longer will stay so for the hold time. */
const openingMs = 1000;

type ReadTimes = {
	readonly atAll: number;
	/** Not from the API server's cache, so that it was the latest. */
	readonly consistently: number;
};

const never: ReadTimes = {atAll: -Infinity, consistently: -Infinity};

export class LedgerPages {
	readonly #options: LedgerPagesOptions;
	readonly #pages = new Map<number, LedgerPage>();
	/** When a page, or its absence, was last read. */
	readonly #readAt = new Map<number, ReadTimes>();
	/** When the mark of a page was first seen, by the page's UID. */
	readonly #markedSince = new Map<string, number>();
	#index: LedgerIndex | undefined;
	#growing: Promise<void> | undefined;
	#indexReadAt = -Infinity;

	constructor(options: LedgerPagesOptions) {
		this.#options = options;
	}

	/** The pages that this replica has read, by first port. */
	get known(): ReadonlyMap<number, LedgerPage> {
		return this.#pages;
	}

	/** Numbers in a page. @throws {Error} before `open` has resolved. */
	get blockSize(): number {
		if (!this.#index) {
			throw new Error('the ledger has not been opened');
		}

		return this.#index.blockSize;
	}

	/** First ports of the pages that hold a number from `base` to `max` and exist, as the index was last read. */
	existingBetween(base: number, max: number): number[] {
		return (this.#index?.pages ?? []).filter(first => first >= pageOf(base, this.blockSize) && first <= max);
	}

	/**
	 * First ports of pages between two ports that have just been made, as far as is known: another replica is about to open
	 * them. They and the index, which may not have named them yet, count as unread from now on.
	 */
	forgetOpening(base: number, max: number): number[] {
		const {clock} = this.#options;
		const opening = [...this.#pages.values()].filter(({uid, first, quarantined}) => quarantined
			&& first >= pageOf(base, this.blockSize) && first <= max
			&& clock.now() - (this.#markedSince.get(uid) ?? -Infinity) < openingMs);
		for (const {first} of opening) {
			this.#readAt.delete(first);
			this.#indexReadAt = -Infinity;
		}

		return opening.map(({first}) => first);
	}

	/** Finds or makes the index; resolves once it may be used. Must be called first. */
	async open(signal: AbortSignal): Promise<void> {
		this.#keepIndex(await this.#options.quarantine.untilIndexIsOpen(signal), this.#options.clock.now());
	}

	/** Reads the index and every page that it names, and makes again, in quarantine, those that somebody has deleted. */
	async readAll(signal: AbortSignal): Promise<ReadonlyMap<number, LedgerPage>> {
		const now = this.#options.clock.now();
		const {pages} = await this.#readOrCreateIndex(signal);
		await this.readOrCreate({index: now, pages: new Map(pages.map(first => [first, now])), touched: new Set(pages), consistent: new Set(pages)}, signal);
		return new Map(this.#pages);
	}

	/** Whether what is known is as fresh as needed; with `existing`, also whether every page exists that will be written. */
	meets(needs: Needs, touched?: 'existing'): boolean {
		return this.#indexReadAt >= needs.index && this.#outdated(needs, touched).length === 0;
	}

	/** Reads what `meets` misses, and writes nothing. Where the block size has changed meanwhile, plan again. */
	async read(needs: Needs, signal: AbortSignal): Promise<void> {
		const {blockSize} = this;
		if (this.#indexReadAt < needs.index) {
			const startedAt = this.#options.clock.now();
			const index = await this.#options.objects.readIndex(signal);
			this.#keepIndex(index ?? this.#index!, startedAt);
		}

		if (this.blockSize !== blockSize) {
			return;
		}

		await Promise.all(this.#outdated(needs).map(async first => this.#readPage(first, signal, !needs.consistent.has(first))));
	}

	/**
	 * Reads what `meets` misses, and creates pages that do not exist. They may come in quarantine: then others must serve. Where
	 * the block size has changed meanwhile, plan again.
	 */
	async readOrCreate(needs: Needs, signal: AbortSignal): Promise<void> {
		const {blockSize} = this;
		if (this.#indexReadAt < needs.index) {
			await this.#readOrCreateIndex(signal);
		}

		if (this.blockSize !== blockSize) {
			return;
		}

		const read = await Promise.all(this.#outdated(needs, 'existing').map(async first => [first, await this.#readPage(first, signal, !needs.consistent.has(first))] as const));
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
		const next = first + this.blockSize;
		const known = this.#pages.get(first);
		if (this.#growing || !this.#index || this.#index.quarantined || next > maxPort || this.#index.pages.includes(next) || (known?.entries.size ?? 0) < this.blockSize / 2) {
			return;
		}

		const count = Math.min(this.#index.pages.length, mostAtOnce);
		const following = Array.from({length: count}, (_, index) => next + index * this.blockSize)
			.filter(candidate => candidate <= maxPort && !this.#index?.pages.includes(candidate));
		this.#growing = this.#create(following, this.blockSize, clock.deadline(growBudgetMs)).catch((error: unknown) => {
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
			this.#keep(await this.#options.objects.commit(page, changes, signal));
			this.#options.metrics.commits.inc({result: 'ok'});
		} catch (error) {
			this.#options.metrics.commits.inc({result: error instanceof ApiError && error.status === 409 ? 'conflict' : 'failed'});
			this.#readAt.delete(page.first);
			throw error;
		} finally {
			end();
		}
	}

	#outdated({pages, touched, consistent}: Needs, mustExist?: 'existing'): number[] {
		return [...pages].filter(([first, since]) => {
			const {atAll, consistently} = this.#readAt.get(first) ?? never;
			return (consistent.has(first) ? consistently : atAll) < since || (mustExist && touched.has(first) && !this.#pages.has(first));
		}).map(([first]) => first);
	}

	/** After a conflict, and for the first time, a page is read as it is, whatever `maybeStale` says. */
	async #readPage(first: number, signal: AbortSignal, maybeStale = false): Promise<LedgerPage | undefined> {
		const startedAt = this.#options.clock.now();
		const isCached = maybeStale && this.#readAt.has(first) && this.#pages.has(first);
		const page = await this.#options.objects.readPage(first, this.blockSize, signal, isCached);
		if (page) {
			this.#keep(page);
		} else {
			this.#pages.delete(first);
		}

		const {consistently} = this.#readAt.get(first) ?? never;
		this.#readAt.set(first, {atAll: startedAt, consistently: isCached ? consistently : startedAt});
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
				this.#keepIndex(added, startedAt);
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
				for (const opened of await quarantine.openPages(closed, signal)) {
					this.#keep(opened);
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
				return this.#keepIndex(index, startedAt);
			}

			logger.warn('the ConfigMap hostport-ledger is gone: making it again');
			await objects.createIndex(this.blockSize, signal);
		}
	}

	/**
	 * @param readAt when it was asked for: the answer says nothing of what came later.
	 * @returns the index that is known from now on, for a later answer may have overtaken this one.
	 */
	#keepIndex(index: LedgerIndex, readAt: number): LedgerIndex {
		if (this.#index && readAt < this.#indexReadAt) {
			return this.#index;
		}

		this.#adoptBlockSize(index);
		this.#index = index;
		this.#indexReadAt = readAt;
		if (index.quarantined) {
			this.#options.quarantine.watchIndex(index);
		}

		return index;
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

	#keep(page: LedgerPage): void {
		const {logger, quarantine} = this.#options;
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
			this.#markedSince.set(page.uid, this.#markedSince.get(page.uid) ?? this.#options.clock.now());
			quarantine.watchPage(page);
		} else {
			this.#markedSince.delete(page.uid);
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
