/**
 * Reserves ports in the ledger for many admissions at once. Requests that arrive while a commit is under way wait
 * together and go into the next one: a burst costs commits, not Pods. The Lease keeps replicas out of each other's
 * way; what makes a port unique is that every write names the version of the page that the plan was made from.
 */
import type {Logger} from 'pino';
import {ApiError, DenialError, isTransient, messageOf} from '../errors.ts';
import type {BatchPlan} from '../ports/batch-plan.ts';
import type {PodDemand} from '../ports/demand.ts';
import type {LedgerPage} from '../ports/ledger-page.ts';
import type {Repair} from '../ports/repair.ts';
import type {Clock} from '../clock.ts';
import {Gatherer} from './gatherer.ts';
import type {LeaseLock, Tenure} from '../lease/lease-lock.ts';
import type {LedgerPages} from './ledger.ts';
import {LedgerPlanner} from './ledger-planner.ts';
import {preview} from './dry-run.ts';
import {LedgerQueue} from './request-queue.ts';
import type {Admission, Waiting} from './request-queue.ts';

export type LedgerStoreOptions = {
	readonly pages: LedgerPages;
	readonly lock: Pick<LeaseLock, 'acquire'>;
	readonly clock: Clock;
	readonly logger: Logger;
	/** Uniform in [0, 1). */
	readonly random: () => number;
	readonly mintClaim: () => string;
	/** Is told how many go into the ledger together, each time that it is our turn. */
	readonly onBatch?: (size: number) => void;
};

/** One try to serve a group. */
type Attempt = {
	readonly soleHolderSince: number;
	/** Those who were planned for last. */
	batch: readonly Waiting[];
};

/** Bounds a commit, and so how long the Lease is held for it. */
const maximumBatch = 256;

/** Other replicas wait for so long, and a commit longer, while Pods keep coming to this one. */
const turnMs = 60;

/** Why somebody's time ran out, where nothing has failed since the last commit. */
const waitedForLease = 'other replicas held the Lease hostport-ledger, or the API server was slow';

const firstRetryMs = 25;
const lastRetryMs = 1000;

export class LedgerStore {
	readonly #options: LedgerStoreOptions;
	readonly #planner: LedgerPlanner;
	readonly #queue: LedgerQueue;
	readonly #gatherer: Gatherer;
	/** Repairs whose caller may not have heard of it yet, because others of his had to be planned again. */
	readonly #committed = new WeakSet<Repair>();
	#draining: Promise<void> | undefined;
	#lastFailure = waitedForLease;

	constructor(options: LedgerStoreOptions) {
		this.#options = options;
		this.#planner = new LedgerPlanner({...options, known: options.pages.known});
		this.#queue = new LedgerQueue(options.clock);
		this.#gatherer = new Gatherer(this.#queue, options.clock, maximumBatch);
	}

	/**
	 * Reserves ports for one Pod and resolves with a number for each `demand.numbers`, once they are committed.
	 *
	 * @throws {DenialError} 503 when the Pod's range has too few free numbers, the signal is aborted first, or the API
	 * server refuses the operator's writes.
	 */
	async reserve(demand: PodDemand, signal: AbortSignal): Promise<readonly number[]> {
		const {promise, resolve, reject} = Promise.withResolvers<readonly number[]>();
		const admission: Admission = {kind: 'admission', demand, since: this.#options.clock.now(), claim: '', earlierClaims: [], doubtfulPages: new Set(), resolve, reject};
		return this.#enqueue(admission, promise, signal, () => new DenialError(503, `no host ports could be reserved in time (${this.#lastFailure}): try again`, {cause: signal.reason}));
	}

	/**
	 * Makes those repairs that still find the entry which was judged, in a commit with whatever else waits, and resolves
	 * with them.
	 *
	 * @throws the signal's reason when it is aborted first, or what a read or write failed with: then some may have been
	 * made, and the next pass will see which.
	 */
	async repair(repairs: readonly Repair[], signal: AbortSignal): Promise<readonly Repair[]> {
		const {promise, resolve, reject} = Promise.withResolvers<readonly Repair[]>();
		return this.#enqueue({kind: 'repair', repairs, resolve, reject}, promise, signal, () => signal.reason as Error);
	}

	async #enqueue<T>(waiting: Waiting, answer: Promise<T>, signal: AbortSignal, tooLate: () => Error): Promise<T> {
		signal.throwIfAborted();
		const giveUp = () => {
			this.#queue.settle(waiting, () => waiting.reject(tooLate()));
		};

		signal.addEventListener('abort', giveUp, {once: true});
		this.#queue.add(waiting);
		this.#draining ??= this.#drain();
		try {
			return await answer;
		} finally {
			signal.removeEventListener('abort', giveUp);
		}
	}

	/** What `reserve` would answer now, see `preview`. */
	async preview(demand: PodDemand, signal: AbortSignal): Promise<readonly number[]> {
		return preview({...this.#options, planner: this.#planner}, demand, signal);
	}

	/** Resolves when nobody waits any more. */
	async idle(): Promise<void> {
		await this.#draining;
	}

	async #drain(): Promise<void> {
		const {lock, clock, logger} = this.#options;
		// Requests that arrive in the same turn of the event loop go into one commit.
		await Promise.resolve();
		while (this.#queue.size > 0) {
			try {
				const tenure = await lock.acquire(this.#queue.emptied);
				await this.#work(tenure).finally(() => tenure.release(this.#gatherer.isBurst));
			} catch (error) {
				// While the Lease was awaited, everybody's time ran out; or the lock has ended, and soon it will.
				logger.debug({err: error}, 'no longer waiting for the Lease');
				await clock.sleep(firstRetryMs, this.#queue.emptied);
			}
		}

		this.#draining = undefined;
	}

	/** Serves one group after the other until nobody comes or a turn is over: whoever was answered often has more to ask. */
	async #work(tenure: Tenure): Promise<void> {
		const {clock} = this.#options;
		const turnEndsAt = clock.now() + turnMs;
		do {
			await this.#serve(tenure);
		} while (clock.now() < turnEndsAt && tenure.isHeld() && await this.#gatherer.isJoinedSoon(tenure.signal));
	}

	/** Serves those who wait now, and those who join until the commit begins, for as long as the Lease is ours. */
	async #serve(tenure: Tenure): Promise<void> {
		const signal = AbortSignal.any([tenure.signal, this.#queue.emptied]);
		for (let retryMs = firstRetryMs; !signal.aborted; retryMs = Math.min(retryMs * 2, lastRetryMs)) {
			const attempt: Attempt = {soleHolderSince: tenure.soleHolderSince, batch: []};
			try {
				await this.#attempt(attempt, signal);
				return;
			} catch (error) {
				if (!signal.aborted) {
					await this.#afterFailure(error, attempt.batch, retryMs, signal);
				}
			}

			if (!tenure.isHeld()) {
				return;
			}
		}
	}

	/**
	 * Plans with what is known, reads what the plan rests on and is not fresh, waits for company where that pays, and
	 * commits once nothing is left to read.
	 */
	async #attempt(attempt: Attempt, signal: AbortSignal): Promise<void> {
		const {pages, mintClaim, clock, logger} = this.#options;
		let gatherUntil = this.#gatherer.until;
		const gather = async () => {
			await this.#gatherer.gather(gatherUntil, signal);
			gatherUntil = -Infinity;
		};

		if (this.#gatherer.hasCommittedSince(attempt.soleHolderSince)) {
			// What the group before knew is still so: there is nothing to read while others come.
			await gather();
		}

		const startedAt = clock.now();
		for (;;) {
			signal.throwIfAborted();
			attempt.batch = this.#queue.first(maximumBatch);
			const requests = attempt.batch.filter(waiting => waiting.kind === 'admission');
			const jobs = attempt.batch.filter(waiting => waiting.kind === 'repair');
			const repairs = jobs.flatMap(job => job.repairs);
			for (const request of requests) {
				request.claim = mintClaim();
			}

			// While one page is committed, others may be read anew; what is written must rest on what was planned with.
			const known = new Map(pages.known.pages);
			const plan = this.#planner.plan(known, {requests, repairs});
			const needs = this.#planner.needs(plan, repairs, attempt.soleHolderSince, startedAt);
			if (!pages.known.meets(needs, 'existing')) {
				await pages.readOrCreate(needs, signal);
			} else if (await this.#planner.waitsForOpening(plan, signal)) {
				logger.debug('a page is about to be opened: planning again');
			} else if (clock.now() < gatherUntil && attempt.batch.length < maximumBatch) {
				await gather();
			} else {
				this.#options.onBatch?.(attempt.batch.length);
				await this.#commit(plan, known, startedAt, signal);
				this.#gatherer.committed(requests.length);
				this.#lastFailure = waitedForLease;
				logger.debug({pods: requests.length, ms: Math.round(clock.now() - startedAt)}, 'committed');
				for (const job of jobs) {
					this.#queue.settle(job, () => job.resolve(job.repairs.filter(repair => this.#committed.has(repair))));
				}

				return;
			}
		}
	}

	/**
	 * One compare-and-swap for each page. Whoever has all his pages is answered; the first failure leaves the rest for the next
	 * plan. Who is to be refused, but came when what the plan rests on may have been read already, waits for the next one too.
	 */
	async #commit(plan: BatchPlan<Admission>, known: ReadonlyMap<number, LedgerPage>, startedAt: number, signal: AbortSignal): Promise<void> {
		const {pages} = this.#options;
		for (const {request, outcome} of plan.requests) {
			if (outcome.kind === 'exhausted' && request.since <= startedAt) {
				this.#queue.settle(request, () => request.reject(this.#planner.exhausted(request.demand, outcome.free)));
			}
		}

		const committed = new Set<number>();
		const answerCommitted = () => {
			for (const {request, outcome, pages: touched} of plan.requests) {
				if (outcome.kind === 'allocated' && touched.isSubsetOf(committed)) {
					this.#queue.settle(request, () => request.resolve(outcome.numbers));
				}
			}
		};

		answerCommitted();
		for (const [first, changes] of plan.changes) {
			// From here on the write may have happened, whatever we hear of it.
			for (const {request} of plan.requests.filter(({pages: touched}) => touched.has(first))) {
				request.earlierClaims.push(request.claim);
				request.doubtfulPages.add(first);
			}

			await pages.commit(known.get(first)!, changes, signal);
			committed.add(first);
			answerCommitted();
			pages.growBehind(first, Math.max(0, ...plan.requests.filter(({pages: touched}) => touched.has(first)).map(({request}) => request.demand.maxPort)));
			for (const repair of plan.repairs.filter(({key}) => changes.has(key))) {
				this.#committed.add(repair);
			}
		}
	}

	async #afterFailure(error: unknown, batch: readonly Waiting[], retryMs: number, signal: AbortSignal): Promise<void> {
		const {clock, logger} = this.#options;
		if (error instanceof ApiError && error.status === 409) {
			logger.debug({err: error}, 'somebody else has changed the ledger: planning again');
			return;
		}

		this.#lastFailure = messageOf(error);
		// Admissions need not wait behind repairs that fail: the next pass judges anew.
		for (const waiting of batch) {
			if (waiting.kind === 'repair') {
				this.#queue.settle(waiting, () => waiting.reject(error));
			}
		}

		if (isTransient(error)) {
			logger.warn({err: error}, 'the ledger could not be read or written: trying again');
			return clock.sleep(retryMs, signal);
		}

		logger.error({err: error}, 'the ledger can not be read or written');
		for (const waiting of batch) {
			this.#queue.settle(waiting, () => waiting.reject(new DenialError(503, `no host ports could be reserved: ${this.#lastFailure}`, {cause: error})));
		}
	}
}
