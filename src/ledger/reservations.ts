/**
 * Reserves ports in the ledger for many admissions at once. Requests that arrive while a commit is under way form the next
 * batch, so the cost of a burst is its number of commits. The Lease keeps replicas out of each other's way; a port is unique because every
 * write names the version of the page that the plan was made from.
 */
import {ApiError, DenialError, isTransient, messageOf} from '../errors.ts';
import type {LeaseLock, Tenure} from '../lease/lease-lock.ts';
import type {Metrics} from '../metrics.ts';
import type {PodDemand} from '../ports/demand.ts';
import type {Repair} from '../ports/repair.ts';
import {retry} from '../retry.ts';
import {BatchCommitter, maximumBatch} from './batch-committer.ts';
import type {BatchCommitterOptions} from './batch-committer.ts';
import {BatchWindow} from './batch-window.ts';
import {RequestQueue} from './request-queue.ts';
import type {AdmissionRequest, QueuedRequest} from './request-queue.ts';

export type ReservationsOptions = Omit<BatchCommitterOptions, 'queue' | 'window'> & {
	readonly lock: Pick<LeaseLock, 'acquire'>;
	readonly metrics: Pick<Metrics, 'batchSize' | 'leaseWait'>;
};

/** Longest turn while other replicas wait; the commit that is running may exceed it. */
const turnMs = 60;

/** The pause after a failed read or write, and after waiting for the Lease has failed. */
const firstRetryMs = 25;
const longestRetryMs = 1000;

/** Given as the reason when a deadline passes and nothing has failed since the last commit. */
const waitedForLease = 'other replicas held the Lease hostport-ledger, or the API server was slow';

export class Reservations {
	readonly #options: ReservationsOptions;
	readonly #queue: RequestQueue;
	readonly #window: BatchWindow;
	readonly #committer: BatchCommitter;
	#draining: Promise<void> | undefined;
	#lastFailure = waitedForLease;

	constructor(options: ReservationsOptions) {
		this.#options = options;
		this.#queue = new RequestQueue(options.clock);
		this.#window = new BatchWindow(this.#queue, options.clock, maximumBatch);
		this.#committer = new BatchCommitter({...options, queue: this.#queue, window: this.#window});
	}

	/**
	 * Reserves ports for one Pod and resolves with one number for each element of `demand.numbers`, once they are committed.
	 *
	 * @throws {DenialError} 403 when the Pod's range has too few free numbers or another Pod has the number of an unmanaged
	 * port, 503 when the signal is aborted first, the page of such a number can't be used, or the API server rejects the
	 * operator's writes.
	 */
	async reserve(demand: PodDemand, signal: AbortSignal): Promise<readonly number[]> {
		const {promise, resolve, reject} = Promise.withResolvers<readonly number[]>();
		const request: AdmissionRequest = {kind: 'admission', demand, arrivedAt: this.#options.clock.now(), claim: '', earlierClaims: [], unconfirmedPages: new Set(), resolve, reject};
		return this.#enqueue(request, promise, signal, () => new DenialError(503, `no host ports could be reserved in time (${this.#lastFailure}): try again`, {cause: signal.reason, reason: 'timeout'}));
	}

	/**
	 * Queues repairs. Those whose entry has not changed are committed, possibly together with admissions. Resolves with the
	 * committed repairs.
	 *
	 * @throws the signal's reason when it is aborted first, or what a read or write failed with. Some repairs may have been
	 * committed then; the next pass will see which.
	 */
	async repair(repairs: readonly Repair[], signal: AbortSignal): Promise<readonly Repair[]> {
		const {promise, resolve, reject} = Promise.withResolvers<readonly Repair[]>();
		return this.#enqueue({kind: 'repair', repairs, resolve, reject}, promise, signal, () => signal.reason as Error);
	}

	/** How many admissions and repairs wait for a commit, or are in the one that runs. */
	get waiting(): number {
		return this.#queue.size;
	}

	/** Resolves when the queue is empty. */
	async idle(): Promise<void> {
		await this.#draining;
	}

	async #enqueue<T>(request: QueuedRequest, answer: Promise<T>, signal: AbortSignal, deadlineError: () => Error): Promise<T> {
		signal.throwIfAborted();
		const giveUp = () => this.#queue.settle(request, () => request.reject(deadlineError()));
		signal.addEventListener('abort', giveUp, {once: true});
		this.#queue.add(request);
		this.#draining ??= this.#drain();
		try {
			return await answer;
		} finally {
			signal.removeEventListener('abort', giveUp);
		}
	}

	/** Takes turns under the Lease until the queue is empty. */
	async #drain(): Promise<void> {
		const {lock, clock, logger, metrics} = this.#options;
		// Requests that arrive in the same turn of the event loop go into one batch.
		await Promise.resolve();
		while (this.#queue.size > 0) {
			const endWait = metrics.leaseWait.startTimer();
			try {
				const tenure = await lock.acquire(this.#queue.emptied);
				endWait();
				await this.#takeTurn(tenure).finally(() => tenure.release(this.#window.isBurst));
			} catch (error) {
				// Every request timed out while waiting for the Lease, or the replica is stopping.
				logger.debug({err: error}, 'no longer waiting for the Lease');
				await clock.sleep(firstRetryMs, this.#queue.emptied);
			}
		}

		this.#draining = undefined;
	}

	/** Serves batch after batch until the turn is over or no request follows. Answered clients often send their next Pod at once. */
	async #takeTurn(tenure: Tenure): Promise<void> {
		const {clock} = this.#options;
		const turnEndsAt = clock.now() + turnMs;
		do {
			await this.#serve(tenure);
		} while (clock.now() < turnEndsAt && tenure.isHeld() && await this.#window.hasNext(tenure.signal));
	}

	/** Serves one batch, again after each failure, until it is committed, the queue is empty or the Lease is lost. */
	async #serve(tenure: Tenure): Promise<void> {
		const {clock, random} = this.#options;
		const signal = AbortSignal.any([tenure.signal, this.#queue.emptied]);
		const onFailure = (error: unknown) => {
			this.#handleFailure(error);
			if (!tenure.isHeld()) {
				throw error;
			}
		};

		await retry(async () => this.#serveOnce(tenure, signal), {clock, random, firstMs: firstRetryMs, longestMs: longestRetryMs, onFailure, signal}).catch(() => {
			// The signal was aborted, or `onFailure` has thrown. It has handled every other error. Unanswered requests stay queued.
		});
	}

	/** Plans and commits one batch, again after each conflict while the Lease is held. */
	async #serveOnce(tenure: Tenure, signal: AbortSignal): Promise<void> {
		const {logger} = this.#options;
		do {
			try {
				await this.#committer.commitBatch(tenure, signal);
				this.#lastFailure = waitedForLease;
				return;
			} catch (error) {
				if (signal.aborted || !(error instanceof ApiError && error.status === 409)) {
					throw error;
				}

				logger.debug({err: error}, 'another writer has changed the ledger: planning again');
			}
		} while (tenure.isHeld());
	}

	#handleFailure(error: unknown): void {
		const {logger} = this.#options;
		this.#lastFailure = messageOf(error);
		// Admissions need not wait behind repairs that fail: the next pass judges again.
		for (const request of this.#committer.batch.filter(request => request.kind === 'repair')) {
			this.#queue.settle(request, () => request.reject(error));
		}

		if (isTransient(error)) {
			logger.warn({err: error}, 'the ledger could not be read or written: trying again');
			return;
		}

		logger.error({err: error}, 'the ledger can not be read or written');
		for (const request of this.#committer.batch) {
			this.#queue.settle(request, () => request.reject(new DenialError(503, `no host ports could be reserved: ${this.#lastFailure}`, {cause: error})));
		}
	}
}
