/**
 * The mutex among replicas: one Lease and its line of waiters. It keeps replicas from wasting each other's writes and
 * makes the order fair; it guarantees nothing. A paused holder may wake and write: the ledger's compare-and-swap is the fence.
 */
import type {Logger} from 'pino';
import {ApiError} from '../errors.ts';
import type {ApiClient} from '../kubernetes/api-client.ts';
import type {Clock} from '../clock.ts';
import {keepWatching, watchSeconds} from '../kubernetes/keep-watching.ts';
import {LeaseApi} from './lease-api.ts';
import {decide} from './lease-decision.ts';
import type {Decision} from './lease-decision.ts';
import type {Lease} from './lease-record.ts';
import {LeaseView} from './lease-view.ts';
import {LeaseWork} from './lease-work.ts';
import type {Tenure} from './lease-work.ts';
import {Wakeup} from '../wakeup.ts';

export type LeaseLockOptions = {
	readonly api: Pick<ApiClient, 'find' | 'create' | 'compareAndSwap' | 'watch'>;
	readonly clock: Clock;
	readonly logger: Logger;
	readonly namespace: string;
	readonly name: string;
	/** Unique for each process, for a restarted one must not take itself for the one before. No commas. */
	readonly identity: string;
	/** How long a dead holder keeps the others waiting. */
	readonly durationSeconds: number;
	/** How long the Lease is kept after the last work, because the next work then costs no write. */
	readonly idleMs: number;
	/** Watches stall: while it waits, a replica reads the Lease at least this often. */
	readonly rereadMs: number;
	/**
	 * Whether work may begin while a Lease that nobody holds is being taken, where work without it does no harm: a Pod that
	 * comes alone then waits for one write, not for two in a row.
	 */
	readonly eager: boolean;
	/** Is told of each write that has gone through. */
	readonly onWrite?: (change: string) => void;
};

const rewatchMs = 200;

/** Doubles with each failure in a row: an API server that is down is asked, and complained about, less and less often. */
const firstRetryMs = 100;
const lastRetryMs = 2000;

export class LeaseLock {
	readonly #options: LeaseLockOptions;
	readonly #lease: LeaseApi;
	readonly #view: LeaseView;
	readonly #work: LeaseWork;
	readonly #wakeup: Wakeup;
	readonly #durationMs: number;
	#retryMs = firstRetryMs;
	#lifetime: AbortSignal | undefined;

	constructor(options: LeaseLockOptions) {
		const {api, namespace, name, clock, identity, durationSeconds} = options;
		this.#options = options;
		this.#durationMs = durationSeconds * 1000;
		this.#lease = new LeaseApi(api, namespace, name);
		this.#view = new LeaseView({clock, identity, durationMs: this.#durationMs, onLost: why => this.#lose(why)});
		this.#wakeup = new Wakeup(clock);
		this.#work = new LeaseWork({clock, lease: this.#view, onChange: () => this.#wakeup.notify()});
	}

	/** Whether this replica holds the Lease, as far as it knows. */
	get isHeld(): boolean {
		return this.#view.isHeld;
	}

	/**
	 * Waits for its turn. One caller at a time.
	 *
	 * @throws the signal's reason, when it is aborted first, or that of `run`.
	 */
	async acquire(signal: AbortSignal): Promise<Tenure> {
		this.#lifetime?.throwIfAborted();
		signal.throwIfAborted();
		return this.#work.wait(signal);
	}

	/** Keeps the Lease as the callers of `acquire` need it, until the signal is aborted; then leaves the line and hands it on. */
	async run(signal: AbortSignal): Promise<void> {
		this.#lifetime = signal;
		const watching = this.#watch(signal);
		await this.#read(signal);
		while (!signal.aborted) {
			if (this.#loseIfOverdue()) {
				await this.#read(signal);
			}

			const decision = this.#decide();
			if (decision.action === 'work') {
				this.#work.begin();
			} else if (decision.action === 'rest') {
				await this.#rest(signal);
			} else {
				if (this.#options.eager && decision.action === 'write' && decision.because === 'take') {
					this.#work.begin();
				}

				await this.#carryOut(decision, signal);
			}
		}

		this.#work.close(signal.reason);
		await watching;
		await this.#leave();
	}

	#decide(): Decision {
		const {identity, idleMs} = this.#options;
		const {record, expiresInMs, renewalInMs} = this.#view;
		return decide({
			record,
			identity,
			wanted: this.#work.isWanted,
			expected: this.#work.expectedForMs > 0,
			working: this.#work.isGoingOn,
			served: this.#work.isServed,
			sticky: this.#work.idleForMs < idleMs,
			expired: expiresInMs <= 0,
			renewalDue: renewalInMs <= 0,
		});
	}

	/** Sleeps until there may be something to decide, and reads the Lease itself where a watch should have told but may not. */
	async #rest(signal: AbortSignal): Promise<void> {
		const {idleMs, rereadMs} = this.#options;
		const {isHeld, renewalInMs, expiresInMs, silentForMs} = this.#view;
		const {isWanted, isGoingOn, idleForMs, expectedForMs} = this.#work;
		if (isHeld) {
			return this.#wakeup.wait(Math.max(isGoingOn ? renewalInMs : idleMs - idleForMs, 1), signal);
		}

		if (!isWanted) {
			return this.#wakeup.wait(expectedForMs > 0 ? expectedForMs : 60_000, signal);
		}

		await this.#wakeup.wait(Math.max(Math.min(expiresInMs, rereadMs - silentForMs), 1), signal);
		if (this.#work.isWanted && this.#view.silentForMs >= rereadMs) {
			await this.#read(signal);
		}
	}

	async #carryOut(decision: Exclude<Decision, {action: 'rest' | 'work'}>, signal: AbortSignal): Promise<void> {
		const {clock, logger} = this.#options;
		const startedAt = clock.now();
		const {record: previous} = this.#view;
		try {
			const lease = await this.#write(decision, AbortSignal.any([signal, clock.deadline(this.#patienceMs)]));
			this.#heard();
			this.#view.adoptAnswer(lease, previous);
			if (this.isHeld && decision.action !== 'line') {
				this.#view.renewed(startedAt);
			}

			const because = decision.action === 'create' ? 'create' : decision.because;
			this.#options.onWrite?.(because);
			const {record} = this.#view;
			logger[because === 'take over' ? 'warn' : 'debug']({holder: record?.holder, previousHolder: previous?.holder, waiters: record?.waiters}, `Lease: ${because}`);
		} catch (error) {
			if (!(error instanceof ApiError && (error.status === 409 || error.status === 404)) && !signal.aborted) {
				await this.#pause(error, signal);
			}

			await this.#read(signal);
		}
	}

	async #write(decision: Exclude<Decision, {action: 'rest' | 'work'}>, signal: AbortSignal): Promise<Lease> {
		const {clock, identity, durationSeconds} = this.#options;
		const {record} = this.#view;
		const common = {time: clock.date(), durationSeconds};
		if (decision.action === 'create' || !record) {
			return this.#lease.create({...common, holder: identity, waiters: []}, signal);
		}

		return decision.action === 'line'
			? this.#lease.writeLine(record, decision.waiters, signal)
			: this.#lease.write(record, {...common, holder: decision.holder, waiters: decision.waiters}, signal);
	}

	/** Reads the Lease from the API server, as often as it takes. */
	async #read(signal: AbortSignal): Promise<void> {
		while (!signal.aborted) {
			const {record: known} = this.#view;
			try {
				const lease = await this.#lease.read(AbortSignal.any([signal, this.#options.clock.deadline(this.#patienceMs)]));
				this.#heard();
				return this.#view.adoptAnswer(lease, known);
			} catch (error) {
				await this.#pause(error, signal);
			}
		}
	}

	#heard(): void {
		this.#retryMs = firstRetryMs;
	}

	async #pause(error: unknown, signal: AbortSignal): Promise<void> {
		const {clock, logger} = this.#options;
		this.#loseIfOverdue();
		if (!signal.aborted) {
			logger.warn({err: error}, `Lease could not be read or written: trying again in ${this.#retryMs} ms`);
			await clock.sleep(Math.min(this.#retryMs, this.#patienceMs), signal);
			this.#retryMs = Math.min(this.#retryMs * 2, lastRetryMs);
		}
	}

	/** How long to wait for an answer: where work goes on, until it must end. */
	get #patienceMs(): number {
		return this.isHeld && this.#work.mayGoOn ? Math.max(this.#view.overdueInMs, 1) : this.#durationMs;
	}

	#loseIfOverdue(): boolean {
		const isOverdue = this.isHeld && this.#view.overdueInMs <= 0;
		if (isOverdue) {
			this.#lose('it could not be renewed in time');
		}

		return isOverdue;
	}

	#lose(why: string): void {
		if (this.#work.mayGoOn) {
			this.#options.logger.warn(`Lease lost while work was going on: ${why}`);
			this.#work.abort(new Error(`the Lease was lost: ${why}`));
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
				if (this.#view.adoptHint(object, type === 'DELETED')) {
					this.#wakeup.notify();
				}
			},
			onBroken: error => logger.debug({err: error}, 'the watch of the Lease ended: starting it again'),
		});
	}

	/** Only what a fresh read shows to be ours is handed on: somebody may have taken it over. */
	async #leave(): Promise<void> {
		const {clock, logger} = this.#options;
		const signal = clock.deadline(this.#durationMs);
		await this.#read(signal);
		for (let decision = this.#decide(); !signal.aborted && (this.isHeld || decision.action === 'line'); decision = this.#decide()) {
			if (decision.action === 'rest') {
				await this.#rest(signal);
			} else if (decision.action !== 'work') {
				await this.#carryOut(decision, signal);
			}
		}

		if (this.isHeld) {
			logger.warn('Lease could not be handed on: the others wait until it expires');
		}
	}
}
