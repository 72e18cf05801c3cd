/** Those who wait for a commit. Each leaves when he is answered, or when his time is up. */
import type {PodDemand} from '../ports/demand.ts';
import type {Repair} from '../ports/repair.ts';
import type {Clock} from '../clock.ts';

export type Waiting = Admission | RepairJob;

export type Admission = {
	readonly kind: 'admission';
	readonly demand: PodDemand;
	/** When it came. */
	readonly since: number;
	/** Fresh for each plan; the tokens of plans that were sent and not confirmed are in `earlierClaims`. */
	claim: string;
	readonly earlierClaims: string[];
	/** Pages that a write of unknown outcome may have changed. */
	readonly doubtfulPages: Set<number>;
	readonly resolve: (numbers: readonly number[]) => void;
	readonly reject: (error: Error) => void;
};

export type RepairJob = {
	readonly kind: 'repair';
	readonly repairs: readonly Repair[];
	readonly resolve: (applied: readonly Repair[]) => void;
	readonly reject: (error: unknown) => void;
};

export class LedgerQueue {
	readonly #clock: Clock;
	readonly #waiting = new Set<Waiting>();
	#emptied = new AbortController();
	/** Ends the wait for others. */
	#awaited: {readonly size: number; readonly joined: AbortController} | undefined;

	constructor(clock: Clock) {
		this.#clock = clock;
	}

	get size(): number {
		return this.#waiting.size;
	}

	/** Aborted when nobody waits any more, be it for want of time; whoever comes then has another one. */
	get emptied(): AbortSignal {
		return this.#emptied.signal;
	}

	/** In the order in which they came. */
	get admissions(): Admission[] {
		return [...this.#waiting].filter(waiting => waiting.kind === 'admission');
	}

	/** Those who came first. */
	first(count: number): readonly Waiting[] {
		return [...this.#waiting].slice(0, count);
	}

	add(waiting: Waiting): void {
		this.#waiting.add(waiting);
		if (this.#awaited && this.#waiting.size >= this.#awaited.size) {
			// A reason of our own, for the default one is an exception with a stack trace.
			this.#awaited.joined.abort('joined');
		}
	}

	/** Answers one who still waits; one whose time has run out was answered then. */
	settle(waiting: Waiting, answer: () => void): void {
		if (!this.#waiting.delete(waiting)) {
			return;
		}

		answer();
		if (this.#waiting.size === 0) {
			this.#emptied.abort(new Error('nobody waits any more'));
			this.#emptied = new AbortController();
		}
	}

	/** Resolves with whether somebody came and so many wait then, in `ms` and before the signal was aborted. */
	async isJoined(size: number, ms: number, signal: AbortSignal): Promise<boolean> {
		const joined = new AbortController();
		this.#awaited = {size, joined};
		await this.#clock.sleep(ms, AbortSignal.any([signal, joined.signal]));
		this.#awaited = undefined;
		return joined.signal.aborted;
	}
}
