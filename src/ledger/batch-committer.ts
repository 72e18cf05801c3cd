/** One batch: gather requests, plan with fresh pages, commit page by page, answer. */
import type {Logger} from 'pino';
import type {Clock} from '../clock.ts';
import type {Tenure} from '../lease/lease-lock.ts';
import type {Metrics} from '../metrics.ts';
import type {Batch, BatchPlan} from '../ports/batch-plan.ts';
import {pageOfKey} from '../ports/ledger-page.ts';
import type {Repair} from '../ports/repair.ts';
import type {BatchWindow} from './batch-window.ts';
import {denialOf} from './denial.ts';
import type {Ledger} from './ledger.ts';
import type {NewPages} from './new-pages.ts';
import type {PageFailure} from './page-failures.ts';
import {planWithFreshPages} from './plan-with-fresh-pages.ts';
import type {FreshPlan} from './plan-with-fresh-pages.ts';
import type {AdmissionRequest, QueuedRequest, RequestQueue} from './request-queue.ts';

export type BatchCommitterOptions = {
	readonly queue: RequestQueue;
	readonly window: BatchWindow;
	readonly ledger: Ledger;
	readonly newPages: NewPages;
	readonly clock: Clock;
	readonly logger: Logger;
	/** Uniform in [0, 1). */
	readonly random: () => number;
	/** A token that no other call returns. */
	readonly mintClaim: () => string;
	readonly metrics: Pick<Metrics, 'batchSize'>;
	/** How long a port is held for a Pod that is gone or not stored yet; for messages. */
	readonly holdMs: number;
};

/** Most requests in a batch. Bounds a commit, and the time for which it holds the Lease. */
export const maximumBatch = 256;

/** Most port numbers in a batch, for the same reason: one Pod may ask for hundreds. Twice what most batches of the largest size have. */
export const maximumNumbers = 1024;

export class BatchCommitter {
	readonly #options: BatchCommitterOptions;
	#batch: readonly QueuedRequest[] = [];
	/** A page for which requests of the batch wait in the queue: it fails, and may work again soon. */
	#awaited: PageFailure | undefined;
	/** Repairs already written. Their request may still be queued, because its other repairs are planned again. */
	readonly #committedRepairs = new WeakSet<Repair>();

	constructor(options: BatchCommitterOptions) {
		this.#options = options;
	}

	/** The requests of the last plan. */
	get batch(): readonly QueuedRequest[] {
		return this.#batch;
	}

	/**
	 * Gathers, plans and commits one batch, and answers its requests.
	 *
	 * @throws {ApiError} 409 when another writer was faster, or what a read or write failed with. Requests without an answer are
	 * still in the queue.
	 */
	async commitBatch(tenure: Tenure, signal: AbortSignal): Promise<void> {
		const {window, clock, logger, metrics} = this.#options;
		let closesAt = window.closesAt;
		const gather = async () => {
			await window.gather(closesAt, signal);
			closesAt = -Infinity;
		};

		if (window.hasCommittedSince(tenure.soleHolderSince)) {
			// The cache is probably current, so gather first. Otherwise plan first: requests arrive during its reads.
			await gather();
		}

		const startedAt = clock.now();
		let fresh = await this.#plan(tenure, startedAt, signal);
		if (clock.now() < closesAt && this.#batch.length < maximumBatch) {
			await gather();
			fresh = await this.#plan(tenure, startedAt, signal);
		}

		metrics.batchSize.observe(this.#batch.length);
		this.#deny(fresh.plan, startedAt);
		await this.#commit(fresh, signal);
		const pods = fresh.plan.requests.length;
		window.committed(pods);
		logger.debug({pods, ms: Math.round(clock.now() - startedAt)}, 'committed');
		this.#answerRepairs();
		if (this.#awaited) {
			throw this.#awaited.error;
		}
	}

	#answerRepairs(): void {
		const {queue, ledger: {cache: {blockSize, failures}}} = this.#options;
		for (const request of this.#batch.filter(request => request.kind === 'repair')) {
			const failure = request.repairs.map(({key}) => failures.of(pageOfKey(key, blockSize))).find(failure => failure !== undefined);
			queue.settle(request, () => {
				if (failure) {
					request.reject(failure.error);
				} else {
					request.resolve(request.repairs.filter(repair => this.#committedRepairs.has(repair)));
				}
			});
		}
	}

	/** The failure of a page from which the request could have got its numbers; a lasting one first. */
	#failureFor({demand}: AdmissionRequest): PageFailure | undefined {
		return this.#options.ledger.cache.failures.concerning(demand).toSorted((a, b) => Number(a.isTransient) - Number(b.isTransient))[0];
	}

	async #plan(tenure: Tenure, startedAt: number, signal: AbortSignal): Promise<FreshPlan<AdmissionRequest>> {
		const {ledger, newPages, clock, random} = this.#options;
		return planWithFreshPages({
			cache: ledger.cache, clock, random, startedAt, signal,
			soleHolderSince: tenure.soleHolderSince,
			takeBatch: () => this.#takeBatch(),
			writable: 'writable',
			read: async (required, signal) => newPages.readOrCreate(required, signal),
		});
	}

	#takeBatch(): Batch<AdmissionRequest> {
		const {queue, mintClaim} = this.#options;
		this.#batch = queue.first(maximumBatch, maximumNumbers);
		this.#awaited = undefined;
		const requests = this.#batch.filter(request => request.kind === 'admission').filter(({demand}) => {
			// Such a page may have the ports of the Pod's predecessor.
			const failure = demand.hasFixedName ? this.#options.ledger.cache.failures.concerning(demand).find(({isFresh}) => isFresh) : undefined;
			this.#awaited ??= failure;
			return !failure;
		});
		for (const request of requests) {
			request.claim = mintClaim();
		}

		return {requests, repairs: this.#batch.filter(request => request.kind === 'repair').flatMap(({repairs}) => repairs)};
	}

	/**
	 * Writes page by page, with one compare-and-swap each, and answers each request when its last page is written. Stops at the
	 * first failure that may concern more than one page.
	 */
	async #commit({plan, pages}: FreshPlan<AdmissionRequest>, signal: AbortSignal): Promise<void> {
		const {ledger, newPages} = this.#options;
		const committed = new Set<number>();
		// An earlier attempt may have reserved all ports of a request. Such a request touches no page.
		this.#answerCommitted(plan, committed);
		for (const [first, changes] of plan.changes) {
			const requests = plan.requests.filter(({touchedPages}) => touchedPages.has(first)).map(({request}) => request);
			// From here on the write may have happened, whatever its answer.
			for (const {earlierClaims, claim, unconfirmedPages} of requests) {
				earlierClaims.push(claim);
				unconfirmedPages.add(first);
			}

			try {
				await ledger.commit(pages.get(first)!, changes, signal);
			} catch (error) {
				if (!ledger.cache.failures.failed(first, error, 'write')) {
					throw error;
				}

				// The requests of this page are planned again without it; the other pages don't wait.
				continue;
			}

			committed.add(first);
			this.#answerCommitted(plan, committed);
			newPages.createAhead(first, Math.max(0, ...requests.map(({demand}) => demand.maxPort)));
			for (const repair of plan.repairs.filter(({key}) => changes.has(key))) {
				this.#committedRepairs.add(repair);
			}
		}
	}

	#answerCommitted({requests}: BatchPlan<AdmissionRequest>, committed: ReadonlySet<number>): void {
		const {queue} = this.#options;
		for (const {request, outcome, touchedPages} of requests) {
			if (outcome.kind === 'allocated' && touchedPages.isSubsetOf(committed)) {
				queue.settle(request, () => request.resolve(outcome.numbers));
			}
		}
	}

	/** A denial must rest on reads that began after the request arrived, because no compare-and-swap proves it. A request that arrived later is planned again. */
	#deny({requests}: BatchPlan<AdmissionRequest>, startedAt: number): void {
		const {queue, ledger: {cache}, holdMs} = this.#options;
		for (const {request, outcome} of requests) {
			if (outcome.kind === 'allocated') {
				continue;
			}

			const failure = this.#failureFor(request);
			if (failure?.isTransient) {
				this.#awaited ??= failure;
			} else if (request.arrivedAt <= startedAt) {
				queue.settle(request, () => request.reject(denialOf(request.demand, outcome, {pages: cache.pagesForPlan().values(), blockSize: cache.blockSize, holdMs, isPageFailing: failure !== undefined})));
			}
		}
	}
}
