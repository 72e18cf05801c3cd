/**
 * A mutex among replicas: one Lease with a queue of waiters. It avoids conflicting writes and keeps their order
 * fair, but it is no fence: a replica that was paused past its Lease may still write, and only the ledger's compare-and-swap
 * rejects that.
 */
import type {Logger} from 'pino';
import type {Clock} from '../clock.ts';
import {ApiError} from '../errors.ts';
import {keepWatching, watchSeconds} from '../kubernetes/keep-watching.ts';
import type {Metrics} from '../metrics.ts';
import {pauseAfter} from '../retry.ts';
import {Wakeup} from '../wakeup.ts';
import {LeaseApi} from './lease-api.ts';
import type {LeaseApiOptions} from './lease-api.ts';
import {decide} from './lease-decision.ts';
import type {LeaseWrite} from './lease-decision.ts';
import type {Lease, LeaseRecord} from './lease-record.ts';
import {LeaseState} from './lease-state.ts';

export type LeaseLockOptions = LeaseApiOptions & {
	readonly clock: Clock;
	readonly logger: Logger;
	/** Unique for each process: a restarted process must not be mistaken for its predecessor. Without commas. */
	readonly identity: string;
	/** How long a dead holder keeps the other replicas waiting. */
	readonly durationSeconds: number;
	/** How long the Lease is kept after the last work: work that comes in this time costs no write. */
	readonly idleMs: number;
	/** A waiting replica reads the Lease after this time without news, because a watch may stall. */
	readonly rereadMs: number;
	/**
	 * Whether work may begin while a free Lease is being acquired. Only safe if the work is also correct without the Lease. A
	 * lone Pod then waits for one write instead of two.
	 */
	readonly eager: boolean;
	readonly metrics: Pick<Metrics, 'leaseWrites'>;
};

/** The right to work, until `release`. */
export type Tenure = {
	/** Aborts when the Lease is lost. Then stop writing: another replica works. */
	readonly signal: AbortSignal;
	/** When another replica may last have held the Lease, on the lock's clock: what was read after it is current. */
	readonly soleHolderSince: number;
	/** False while the Lease is still being taken (see `eager`), and after it was lost. After a failure, stop unless it is true. */
	readonly isHeld: () => boolean;
	/** @param expectsMore whether more work is likely soon: its place in the queue is then kept, because joining costs a write. */
	readonly release: (expectsMore?: boolean) => void;
};

/** The pause between two watches. */
const rewatchMs = 200;

/** The pause after a failed request. It doubles with each failure in a row, to spare an API server in trouble and the log. */
const firstRetryMs = 100;
const longestRetryMs = 2000;

export class LeaseLock {
	readonly #options: LeaseLockOptions;
	readonly #lease: LeaseApi;
	readonly #state: LeaseState;
	readonly #wakeup: Wakeup;
	#caller: PromiseWithResolvers<Tenure> | undefined;
	#work: AbortController | undefined;
	#retryMs = firstRetryMs;
	#lifetime: AbortSignal | undefined;

	constructor(options: LeaseLockOptions) {
		this.#options = options;
		this.#lease = new LeaseApi(options);
		this.#state = new LeaseState({...options, durationMs: options.durationSeconds * 1000});
		this.#wakeup = new Wakeup(options.clock);
	}

	/** Whether this replica holds the Lease, as far as it knows. */
	get isHeld(): boolean {
		return this.#state.isHeld;
	}

	/**
	 * Waits until this replica may work. One caller at a time.
	 *
	 * @throws the reason of `signal`, or that of the signal of `run`, if it is aborted first.
	 */
	async acquire(signal: AbortSignal): Promise<Tenure> {
		this.#lifetime?.throwIfAborted();
		signal.throwIfAborted();
		const caller = Promise.withResolvers<Tenure>();
		const giveUp = () => {
			if (this.#caller === caller) {
				this.#caller = undefined;
				this.#state.isWanted = false;
				caller.reject(signal.reason);
				this.#wakeup.notify();
			}
		};

		this.#caller = caller;
		this.#state.isWanted = true;
		signal.addEventListener('abort', giveUp, {once: true});
		this.#wakeup.notify();
		try {
			return await caller.promise;
		} finally {
			signal.removeEventListener('abort', giveUp);
		}
	}

	/** Gets and keeps the Lease as the callers of `acquire` need it, until the signal is aborted. Then leaves the queue and hands the Lease over. */
	async run(signal: AbortSignal): Promise<void> {
		this.#lifetime = signal;
		const watching = this.#watch(signal);
		await this.#read(signal);
		while (!signal.aborted) {
			if (this.#stopIfOverdue()) {
				await this.#read(signal);
			}

			const decision = decide(this.#state);
			if (decision.action === 'work') {
				this.#beginWork();
			} else if (decision.action === 'rest') {
				await this.#rest(signal);
			} else {
				if (this.#options.eager && decision.because === 'take') {
					this.#beginWork();
				}

				await this.#write(decision, signal);
			}
		}

		this.#state.close();
		this.#caller?.reject(signal.reason);
		this.#caller = undefined;
		await watching;
		await this.#leave();
	}

	#beginWork(): void {
		const state = this.#state;
		const work = new AbortController();
		this.#caller?.resolve({
			signal: work.signal,
			soleHolderSince: state.soleHolderSince,
			isHeld: () => state.isHeld && this.#work === work,
			release: (expectsMore = false) => {
				if (this.#work === work) {
					this.#work = undefined;
					state.endWork(expectsMore);
					this.#wakeup.notify();
				}
			},
		});
		this.#caller = undefined;
		this.#work = work;
		state.beginWork();
	}

	/** Sleeps until there may be something to decide. A waiting replica then reads the Lease if its watch may have stalled. */
	async #rest(signal: AbortSignal): Promise<void> {
		const wasWaiting = this.#state.isWaiting;
		await this.#wakeup.wait(this.#state.restMs, signal);
		if (wasWaiting && this.#state.isRereadDue) {
			await this.#read(signal);
		}
	}

	async #write(decision: LeaseWrite, signal: AbortSignal): Promise<void> {
		const {clock, logger, metrics, name} = this.#options;
		const startedAt = clock.now();
		const {record: previous} = this.#state;
		try {
			const lease = await this.#lease.write(decision, previous, this.#withPatience(signal));
			this.#adopt(lease, previous);
			if (decision.action !== 'queue') {
				this.#state.renewed(startedAt);
			}

			metrics.leaseWrites.inc({lease: name, change: decision.because.replaceAll(' ', '_')});
			const {record} = this.#state;
			logger[decision.because === 'take over' ? 'warn' : 'debug']({holder: record?.holder, previousHolder: previous?.holder, waiters: record?.waiters}, `Lease: ${decision.because}`);
		} catch (error) {
			const isConflict = error instanceof ApiError && (error.status === 409 || error.status === 404);
			if (!isConflict && !signal.aborted) {
				await this.#pause(error, signal);
			}

			await this.#read(signal);
		}
	}

	/** Reads the Lease, and tries again until it succeeds. */
	async #read(signal: AbortSignal): Promise<void> {
		while (!signal.aborted) {
			const {record: known} = this.#state;
			try {
				return this.#adopt(await this.#lease.read(this.#withPatience(signal)), known);
			} catch (error) {
				await this.#pause(error, signal);
			}
		}
	}

	#withPatience(signal: AbortSignal): AbortSignal {
		return AbortSignal.any([signal, this.#options.clock.deadline(this.#state.patienceMs)]);
	}

	#adopt(lease: Lease | undefined, known: LeaseRecord | undefined): void {
		this.#retryMs = firstRetryMs;
		this.#state.adoptAnswer(lease, known);
		this.#stopIfLost();
	}

	/** Not `retry`: this pause must end when the work must stop, and reads and writes share one back-off. */
	async #pause(error: unknown, signal: AbortSignal): Promise<void> {
		const {clock, logger} = this.#options;
		this.#stopIfOverdue();
		if (!signal.aborted) {
			const pauseMs = Math.min(pauseAfter(error, this.#retryMs), this.#state.patienceMs);
			logger.warn({err: error}, `Lease could not be read or written: trying again in ${Math.round(pauseMs)} ms`);
			await clock.sleep(pauseMs, signal);
			this.#retryMs = Math.min(this.#retryMs * 2, longestRetryMs);
		}
	}

	#stopIfOverdue(): boolean {
		const {isOverdue} = this.#state;
		if (isOverdue) {
			this.#state.lose('it could not be renewed in time');
			this.#stopIfLost();
		}

		return isOverdue;
	}

	#stopIfLost(): void {
		const {loss} = this.#state;
		if (loss !== undefined && this.#work?.signal.aborted === false) {
			this.#options.logger.warn(`Lease lost while work was under way: ${loss}`);
			this.#work.abort(new Error(`the Lease was lost: ${loss}`));
		}
	}

	async #watch(signal: AbortSignal): Promise<void> {
		const {clock, logger} = this.#options;
		return keepWatching({
			clock,
			signal,
			restMs: rewatchMs,
			start: () => this.#lease.watch(signal, watchSeconds),
			onEvent: ({type, object}) => {
				if (this.#state.adoptEvent(object, type === 'DELETED')) {
					this.#stopIfLost();
					this.#wakeup.notify();
				}
			},
			onBroken: error => logger.debug({err: error}, 'the watch of the Lease ended: starting it again'),
		});
	}

	/** Reads the Lease first, and hands it over only if this replica still holds it. */
	async #leave(): Promise<void> {
		const {clock, logger, durationSeconds} = this.#options;
		const signal = clock.deadline(durationSeconds * 1000);
		await this.#read(signal);
		for (let decision = decide(this.#state); !signal.aborted && (this.isHeld || decision.action === 'queue'); decision = decide(this.#state)) {
			if (decision.action === 'rest') {
				await this.#rest(signal);
			} else if (decision.action !== 'work') {
				await this.#write(decision, signal);
			}
		}

		if (this.isHeld) {
			logger.warn('Lease could not be handed over: the other replicas wait until it expires');
		}
	}
}
