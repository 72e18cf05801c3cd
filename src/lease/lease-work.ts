/** The work that is done under a Lease: who waits for it, who is at it, and when it was last done. */
import type {Clock} from '../clock.ts';

/** The right to work, until `release`. */
export type Tenure = {
	/** Aborted when the Lease is lost: stop writing, another replica works. */
	readonly signal: AbortSignal;
	/** Since when no other replica has worked, on the lock's clock: what was read after it is still current. */
	readonly soleHolderSince: number;
	/** Whether the Lease is ours by now. Without it, what has failed once should wait for its turn. */
	readonly isHeld: () => boolean;
	/** @param expectsMore more work is likely to come soon: then a place in the line is kept, for joining it costs a write. */
	readonly release: (expectsMore?: boolean) => void;
};

export type LeaseWorkOptions = {
	readonly clock: Pick<Clock, 'now'>;
	/** Whether this replica holds the Lease, and since when. */
	readonly lease: {readonly isHeld: boolean; readonly heldSince: number; readonly soleHolderSince: number};
	/** Is called whenever there may be something to decide. */
	readonly onChange: () => void;
};

/** As long as a few replicas take their turns: who has not got any work by then leaves the line. */
const expectMs = 500;

export class LeaseWork {
	readonly #options: LeaseWorkOptions;
	#waiting: PromiseWithResolvers<Tenure> | undefined;
	#current: AbortController | undefined;
	/** The tenure (it began at `heldSince`) in which work was last done, and when that ended. */
	#servedIn = -1;
	#endedAt = -Infinity;
	#expectsUntil = -Infinity;

	constructor(options: LeaseWorkOptions) {
		this.#options = options;
	}

	/** Whether somebody waits for his turn. */
	get isWanted(): boolean {
		return this.#waiting !== undefined;
	}

	get isGoingOn(): boolean {
		return this.#current !== undefined;
	}

	/** Whether it goes on, and has not been told to stop. */
	get mayGoOn(): boolean {
		return this.#current?.signal.aborted === false;
	}

	/** For how long work is likely to come, milliseconds; nothing or less where it is not. */
	get expectedForMs(): number {
		return this.#expectsUntil - this.#options.clock.now();
	}

	/** Whether there has been work since the Lease was got. */
	get isServed(): boolean {
		return this.#servedIn === this.#options.lease.heldSince;
	}

	/** For how long the Lease has been held without work, milliseconds, where none goes on. */
	get idleForMs(): number {
		const {clock, lease} = this.#options;
		return clock.now() - Math.max(this.#endedAt, lease.heldSince);
	}

	/** Waits for its turn. One caller at a time. @throws the signal's reason, when it is aborted first, or that of `close`. */
	async wait(signal: AbortSignal): Promise<Tenure> {
		const waiting = Promise.withResolvers<Tenure>();
		const giveUp = () => {
			if (this.#waiting === waiting) {
				this.#waiting = undefined;
				waiting.reject(signal.reason);
				this.#options.onChange();
			}
		};

		this.#waiting = waiting;
		signal.addEventListener('abort', giveUp, {once: true});
		this.#options.onChange();
		try {
			return await waiting.promise;
		} finally {
			signal.removeEventListener('abort', giveUp);
		}
	}

	/** It is the turn of whoever waits. */
	begin(): void {
		const {clock, lease, onChange} = this.#options;
		const work = new AbortController();
		const waiting = this.#waiting;
		this.#current = work;
		this.#waiting = undefined;
		waiting?.resolve({
			signal: work.signal,
			soleHolderSince: lease.soleHolderSince,
			isHeld: () => lease.isHeld && this.#current === work,
			release: (expectsMore = false) => {
				if (this.#current === work) {
					this.#current = undefined;
					this.#expectsUntil = expectsMore ? clock.now() + expectMs : -Infinity;
					this.#servedIn = lease.heldSince;
					this.#endedAt = clock.now();
					onChange();
				}
			},
		});
	}

	/** Tells who is at work to stop. */
	abort(reason: Error): void {
		this.#current?.abort(reason);
	}

	/** Nobody waits any more, and no more work is expected. */
	close(reason: unknown): void {
		this.#waiting?.reject(reason);
		this.#waiting = undefined;
		this.#expectsUntil = -Infinity;
	}
}
