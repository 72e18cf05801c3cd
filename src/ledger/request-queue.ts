/** The requests that wait for a commit. A request leaves the queue when it is answered or its deadline passes. */
import type {Clock} from '../clock.ts';
import type {Repair} from '../ports/repair.ts';
import type {TimedRequest} from './required-reads.ts';

export type QueuedRequest = AdmissionRequest | RepairRequest;

/** A Pod that waits for ports. */
export type AdmissionRequest = TimedRequest & {
	readonly kind: 'admission';
	/** Minted for each plan. The claims of writes with an unknown outcome are in `earlierClaims`. */
	claim: string;
	readonly earlierClaims: string[];
	readonly unconfirmedPages: Set<number>;
	readonly resolve: (numbers: readonly number[]) => void;
	readonly reject: (error: Error) => void;
};

/** Repairs of one page that the reconciler waits for. */
export type RepairRequest = {
	readonly kind: 'repair';
	readonly repairs: readonly Repair[];
	/** With the repairs that were committed. */
	readonly resolve: (applied: readonly Repair[]) => void;
	readonly reject: (error: unknown) => void;
};

export class RequestQueue {
	readonly #clock: Clock;
	readonly #queued = new Set<QueuedRequest>();
	#emptied = new AbortController();
	/** A batch window that waits until the queue has this size. */
	#awaited: {readonly size: number; readonly reached: AbortController} | undefined;

	constructor(clock: Clock) {
		this.#clock = clock;
	}

	get size(): number {
		return this.#queued.size;
	}

	/** Aborts when the queue is empty (every request answered or timed out). Later requests get a new signal. */
	get emptied(): AbortSignal {
		return this.#emptied.signal;
	}

	/** In the order of arrival. */
	get admissions(): AdmissionRequest[] {
		return [...this.#queued].filter(request => request.kind === 'admission');
	}

	/** The requests that arrived first: at most `count`, and at most `numbers` port numbers or one request. */
	first(count: number, numbers: number): readonly QueuedRequest[] {
		const requests: QueuedRequest[] = [];
		let left = numbers;
		for (const request of this.#queued) {
			left -= request.kind === 'admission' ? request.demand.numbers.length : request.repairs.length;
			if (requests.length === count || (left < 0 && requests.length > 0)) {
				break;
			}

			requests.push(request);
		}

		return requests;
	}

	add(request: QueuedRequest): void {
		this.#queued.add(request);
		if (this.#awaited && this.#queued.size >= this.#awaited.size) {
			// Without a reason, `abort` makes an exception with a stack trace.
			this.#awaited.reached.abort('reached');
		}
	}

	/** Answers a request, unless it has left the queue. */
	settle(request: QueuedRequest, answer: () => void): void {
		if (!this.#queued.delete(request)) {
			return;
		}

		answer();
		if (this.#queued.size === 0) {
			this.#emptied.abort(new Error('the queue is empty'));
			this.#emptied = new AbortController();
		}
	}

	/** Resolves with true when an arrival brings the queue to `size`, with false after `ms` or an abort. */
	async reaches(size: number, ms: number, signal: AbortSignal): Promise<boolean> {
		const reached = new AbortController();
		this.#awaited = {size, reached};
		await this.#clock.sleep(ms, AbortSignal.any([signal, reached.signal]));
		this.#awaited = undefined;
		return reached.signal.aborted;
	}
}
