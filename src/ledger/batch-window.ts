/** Lets requests gather into one batch when Pods arrive faster than commits are made (docs/adr/0009-turns.md). */
import type {Clock} from '../clock.ts';
import type {RequestQueue} from './request-queue.ts';

/** The last batch that was committed. */
export type LastBatch = {
	readonly pods: number;
	/** When its commit ended, on the caller's clock. */
	readonly endedAt: number;
};

/** Roughly the cost of one commit. If Pods arrive faster than this, waiting saves writes. */
const perPodMs = 4;

/** Bounds what waiting adds to an admission. */
const longestWindowMs = 50;

/** An older batch says nothing about the present. */
const burstEndsAfterMs = 200;

/** Clients that one commit answers send their next Pods together. After a pause of this length, no more will come. */
const lullMs = 8;

export class BatchWindow {
	readonly #queue: RequestQueue;
	readonly #clock: Clock;
	/** Requests in the largest batch. */
	readonly #maximum: number;
	#last: LastBatch | undefined;

	constructor(queue: RequestQueue, clock: Clock, maximum: number) {
		this.#queue = queue;
		this.#clock = clock;
		this.#maximum = maximum;
	}

	/** Whether more Pods are likely to arrive soon, because several arrived a moment ago. */
	get isBurst(): boolean {
		return isBurst(this.#last, this.#clock.now());
	}

	/** Until when the first request may wait for others. */
	get closesAt(): number {
		const {admissions} = this.#queue;
		return (admissions[0]?.arrivedAt ?? -Infinity) + windowMs(admissions.length, this.#last, this.#clock.now());
	}

	/** Whether this replica has committed a batch after that time. */
	hasCommittedSince(time: number): boolean {
		return this.#last !== undefined && this.#last.endedAt >= time;
	}

	/** Notes that a batch of this size has been committed. */
	committed(pods: number): void {
		this.#last = {pods, endedAt: this.#clock.now()};
	}

	/** Waits until `closesAt`, or until as many requests as in the last batch are there and none arrives for `lullMs`. */
	async gather(closesAt: number, signal: AbortSignal): Promise<void> {
		const expected = Math.min(this.#last?.pods ?? 0, this.#maximum);
		for (let leftMs = closesAt - this.#clock.now(); leftMs > 0 && this.#queue.size < this.#maximum && !signal.aborted; leftMs = closesAt - this.#clock.now()) {
			const areAllBack = this.#queue.size >= expected;
			const hasGrown = await this.#queue.reaches(expected, areAllBack ? Math.min(lullMs, leftMs) : leftMs, signal);
			if (areAllBack && !hasGrown) {
				return;
			}
		}
	}

	/** Whether a request waits. In a burst, waits a moment for the next one first. */
	async hasNext(signal: AbortSignal): Promise<boolean> {
		if (this.#queue.size === 0 && this.isBurst) {
			await this.#queue.reaches(1, windowMs(0, this.#last, this.#clock.now()), signal);
		}

		return this.#queue.size > 0 && !signal.aborted;
	}
}

/**
 * How long the first request of a batch waits for others, milliseconds. Each wait makes the next batch larger while Pods
 * arrive fast; a Pod that arrives alone does not wait.
 *
 * @param waiting Pods in the queue.
 */
export const windowMs = (waiting: number, last: LastBatch | undefined, now: number): number => {
	const expected = Math.max(waiting, isBurst(last, now) ? last.pods : 0);
	return Math.min(Math.max(expected - 1, 0) * perPodMs, longestWindowMs);
};

const isBurst = (last: LastBatch | undefined, now: number): last is LastBatch =>
	last !== undefined && last.pods > 1 && now - last.endedAt < burstEndsAfterMs;
