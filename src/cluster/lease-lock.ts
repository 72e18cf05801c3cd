/**
 * The mutex among replicas: one Lease and its line of waiters. It keeps replicas from wasting each other's writes and
 * makes the order fair; it guarantees nothing. A paused holder may wake and write: the ledger's compare-and-swap is the fence.
 */
import type {Logger} from 'pino';
import {ApiError} from '../errors.ts';
import type {ApiClient, CompareAndSwap} from './api-client.ts';
import type {Clock} from './clock.ts';
import {decide} from './lease-decision.ts';
import type {Decision} from './lease-decision.ts';
import {decodeLease, leasePatch, newLease, waitersPatch} from './lease-record.ts';
import type {Lease, LeaseRecord} from './lease-record.ts';
import {Wakeup} from './wakeup.ts';

export type LeaseLockOptions = {
	readonly api: Pick<ApiClient, 'get' | 'create' | 'compareAndSwap' | 'watch'>;
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
};

/** The right to work, until `release`. */
export type Tenure = {
	/** Aborted when the Lease is lost: stop writing, another replica works. */
	readonly signal: AbortSignal;
	/** Since when no other replica has worked, on the lock's clock: what was read after it is still current. */
	readonly heldSince: number;
	readonly release: () => void;
};

/** Watches stall: while it waits, a replica reads the Lease at least this often. */
const rereadMs = 1000;

/** Short enough that a dead connection is found out, long enough to cost nothing. */
const watchSeconds = 300;
const rewatchMs = 200;

/** Doubles with each failure in a row: an API server that is down is asked, and complained about, less and less often. */
const firstRetryMs = 100;
const lastRetryMs = 2000;

export class LeaseLock {
	readonly #options: LeaseLockOptions;
	readonly #wakeup: Wakeup;
	readonly #collection: string;
	#record: LeaseRecord | undefined;
	/** When this process first saw the current holder and renewTime, and when it last heard of the Lease at all. */
	#observedAt = 0;
	#readAt = 0;
	/** When we became holder, and from when our own last write counts. */
	#heldSince = 0;
	#renewedAt = 0;
	#idleSince = 0;
	#served = false;
	#retryMs = firstRetryMs;
	#work: AbortController | undefined;
	#waiting: PromiseWithResolvers<Tenure> | undefined;
	#lifetime: AbortSignal | undefined;

	constructor(options: LeaseLockOptions) {
		this.#options = options;
		this.#wakeup = new Wakeup(options.clock);
		this.#collection = `/apis/coordination.k8s.io/v1/namespaces/${options.namespace}/leases`;
	}

	/** Whether this replica holds the Lease, as far as it knows. */
	get isHeld(): boolean {
		return this.#record?.holder === this.#options.identity;
	}

	/**
	 * Waits for its turn. One caller at a time.
	 *
	 * @throws the signal's reason, when it is aborted first, or that of `run`.
	 */
	async acquire(signal: AbortSignal): Promise<Tenure> {
		this.#lifetime?.throwIfAborted();
		signal.throwIfAborted();
		const waiting = Promise.withResolvers<Tenure>();
		const giveUp = () => {
			if (this.#waiting === waiting) {
				this.#waiting = undefined;
				waiting.reject(signal.reason);
				this.#wakeup.notify();
			}
		};

		this.#waiting = waiting;
		signal.addEventListener('abort', giveUp, {once: true});
		this.#wakeup.notify();
		try {
			return await waiting.promise;
		} finally {
			signal.removeEventListener('abort', giveUp);
		}
	}

	/** Keeps the Lease as the callers of `acquire` need it, until the signal is aborted; then leaves the line and hands it on. */
	async run(signal: AbortSignal): Promise<void> {
		this.#lifetime = signal;
		const watching = this.#watch(signal);
		await this.#read(signal);
		while (!signal.aborted) {
			if (this.#isOverdue) {
				this.#loseIfOverdue();
				await this.#read(signal);
			}

			const decision = this.#decide();
			if (decision.action === 'work') {
				this.#begin();
			} else if (decision.action === 'rest') {
				await this.#rest(signal);
			} else {
				await this.#carryOut(decision, signal);
			}
		}

		this.#waiting?.reject(signal.reason);
		this.#waiting = undefined;
		await watching;
		await this.#leave();
	}

	get #durationMs(): number {
		return this.#options.durationSeconds * 1000;
	}

	/** Whether it has not been renewed for its whole duration, so that by now others may take it over. */
	get #isOverdue(): boolean {
		return this.isHeld && this.#options.clock.now() - this.#renewedAt >= this.#durationMs;
	}

	/** How long to wait for an answer: where work goes on, until it must end. */
	get #patienceMs(): number {
		const isAtWork = this.isHeld && this.#work?.signal.aborted === false;
		return isAtWork ? Math.max(this.#renewedAt + this.#durationMs - this.#options.clock.now(), 1) : this.#durationMs;
	}

	get #expiresInMs(): number {
		return this.#record ? this.#observedAt + this.#record.durationMs - this.#options.clock.now() : Infinity;
	}

	#decide(): Decision {
		const {identity, idleMs, clock} = this.#options;
		return decide({
			record: this.#record,
			identity,
			wanted: this.#waiting !== undefined,
			working: this.#work !== undefined,
			served: this.#served,
			sticky: clock.now() - this.#idleSince < idleMs,
			expired: this.#expiresInMs <= 0,
			renewalDue: clock.now() - this.#renewedAt >= this.#durationMs / 3,
		});
	}

	#begin(): void {
		const {clock} = this.#options;
		const work = new AbortController();
		const waiting = this.#waiting;
		this.#work = work;
		this.#waiting = undefined;
		waiting?.resolve({
			signal: work.signal,
			heldSince: this.#heldSince,
			release: () => {
				if (this.#work === work) {
					this.#work = undefined;
					this.#served = true;
					this.#idleSince = clock.now();
					this.#wakeup.notify();
				}
			},
		});
	}

	/** Sleeps until there may be something to decide, and reads the Lease itself where a watch should have told but may not. */
	async #rest(signal: AbortSignal): Promise<void> {
		const {clock, idleMs} = this.#options;
		const sinceMs = (time: number) => clock.now() - time;
		if (this.isHeld) {
			const ms = this.#work ? this.#durationMs / 3 - sinceMs(this.#renewedAt) : idleMs - sinceMs(this.#idleSince);
			return this.#wakeup.wait(Math.max(ms, 1), signal);
		}

		if (!this.#waiting) {
			return this.#wakeup.wait(60_000, signal);
		}

		await this.#wakeup.wait(Math.max(Math.min(this.#expiresInMs, rereadMs - sinceMs(this.#readAt)), 1), signal);
		if (this.#waiting && sinceMs(this.#readAt) >= rereadMs) {
			await this.#read(signal);
		}
	}

	async #carryOut(decision: Exclude<Decision, {action: 'rest' | 'work'}>, signal: AbortSignal): Promise<void> {
		const {api, clock, logger, identity, name, durationSeconds} = this.#options;
		const startedAt = clock.now();
		const previous = this.#record;
		const change = {time: clock.date(), durationSeconds};
		const options = {signal: AbortSignal.any([signal, clock.deadline(this.#patienceMs)])};
		try {
			const lease = decision.action === 'create'
				? await api.create<Lease>(this.#collection, newLease(name, {...change, holder: identity, waiters: []}), options)
				: await api.compareAndSwap<Lease>(`${this.#collection}/${name}`, this.#patch(decision, change), options);
			this.#adoptAnswer(lease, previous);
			if (this.isHeld && decision.action !== 'line') {
				this.#renewedAt = startedAt;
			}

			const because = decision.action === 'create' ? 'create' : decision.because;
			logger[because === 'take over' ? 'warn' : 'debug']({holder: this.#record?.holder, previousHolder: previous?.holder, waiters: this.#record?.waiters}, `Lease: ${because}`);
		} catch (error) {
			if (!(error instanceof ApiError && (error.status === 409 || error.status === 404)) && !signal.aborted) {
				await this.#pause(error, signal);
			}

			await this.#read(signal);
		}
	}

	#patch(decision: Extract<Decision, {action: 'write' | 'line'}>, change: {readonly time: Date; readonly durationSeconds: number}): CompareAndSwap {
		// Without a record `decide` asks for nothing but `create`.
		const record = this.#record!;
		return decision.action === 'line'
			? waitersPatch(record, decision.waiters)
			: leasePatch(record, {...change, holder: decision.holder, waiters: decision.waiters});
	}

	/** Reads the Lease from the API server, as often as it takes. */
	async #read(signal: AbortSignal): Promise<void> {
		const {api, clock, name} = this.#options;
		while (!signal.aborted) {
			const known = this.#record;
			try {
				const lease = await api.get<Lease>(`${this.#collection}/${name}`, {signal: AbortSignal.any([signal, clock.deadline(this.#patienceMs)])});
				return this.#adoptAnswer(lease, known);
			} catch (error) {
				if (error instanceof ApiError && error.status === 404) {
					return this.#adopt(undefined);
				}

				await this.#pause(error, signal);
			}
		}
	}

	async #pause(error: unknown, signal: AbortSignal): Promise<void> {
		const {clock, logger} = this.#options;
		this.#loseIfOverdue();
		if (!signal.aborted) {
			logger.warn({err: error}, `Lease could not be read or written: trying again in ${this.#retryMs} ms`);
			await clock.sleep(Math.min(this.#retryMs, this.#patienceMs), signal);
			this.#retryMs = Math.min(this.#retryMs * 2, lastRetryMs);
			this.#loseIfOverdue();
		}
	}

	/** Takes an answer as the present state, unless the watch has told of a newer one while it was on its way. */
	#adoptAnswer(lease: Lease, known: LeaseRecord | undefined): void {
		if (this.#record === known || this.#isNews(lease)) {
			this.#adopt(decodeLease(lease));
		}
	}

	#isNews({metadata}: Lease): boolean {
		return !this.#record || BigInt(metadata.resourceVersion) > BigInt(this.#record.resourceVersion);
	}

	/** Takes the record as the present one, and notes what it says about the holder's life and ours. */
	#adopt(record: LeaseRecord | undefined): void {
		const {clock, identity} = this.#options;
		const previous = this.#record;
		this.#record = record;
		this.#readAt = clock.now();
		this.#retryMs = firstRetryMs;
		if (record?.holder !== previous?.holder || record?.renewTime !== previous?.renewTime) {
			this.#observedAt = clock.now();
		}

		// Others may have held it in between, unseen: then the transitions tell.
		const isSameTenure = previous?.holder === record?.holder && previous?.transitions === record?.transitions;
		if (previous?.holder === identity && !isSameTenure) {
			this.#lose(`${record?.holder ?? 'nobody'} holds it now`);
		}

		if (record?.holder === identity && !isSameTenure) {
			this.#heldSince = clock.now();
			this.#renewedAt = clock.now();
			this.#idleSince = clock.now();
			this.#served = false;
		}
	}

	#loseIfOverdue(): void {
		if (this.#isOverdue) {
			this.#lose('it could not be renewed in time');
		}
	}

	#lose(why: string): void {
		if (this.#work?.signal.aborted === false) {
			this.#options.logger.warn(`Lease lost while work was going on: ${why}`);
			this.#work.abort(new Error(`the Lease was lost: ${why}`));
		}
	}

	/** What a watch says is a hint: it may be old, and an older version than the one we know is ignored. */
	async #watch(signal: AbortSignal): Promise<void> {
		const {api, clock, logger, name} = this.#options;
		while (!signal.aborted) {
			try {
				for await (const {type, object} of api.watch<Lease>(`${this.#collection}?fieldSelector=metadata.name%3D${name}`, {signal, timeoutSeconds: watchSeconds})) {
					if (this.#isNews(object)) {
						this.#adopt(type === 'DELETED' ? undefined : decodeLease(object));
						this.#wakeup.notify();
					}
				}
			} catch (error) {
				if (!signal.aborted) {
					logger.debug({err: error}, 'the watch of the Lease ended: starting it again');
				}
			}

			await clock.sleep(rewatchMs, signal);
		}
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
