/** Lets those who wait for a commit gather, where Pods come faster than commits are made. */
import type {Clock} from '../clock.ts';
import {gatheringMs, isBurst} from './gathering.ts';
import type {Group} from './gathering.ts';
import type {LedgerQueue} from './request-queue.ts';

/** Who was answered together comes back together, if he comes back: a gap of so long is the end of it. */
const lullMs = 8;

export class Gatherer {
	readonly #queue: LedgerQueue;
	readonly #clock: Clock;
	/** As many as go into one commit. */
	readonly #most: number;
	#last: Group | undefined;

	constructor(queue: LedgerQueue, clock: Clock, most: number) {
		this.#queue = queue;
		this.#clock = clock;
		this.#most = most;
	}

	/** Whether more are likely to come soon, because several came a moment ago. */
	get isBurst(): boolean {
		return isBurst(this.#last, this.#clock.now());
	}

	/** Until when the first who waits may be kept waiting for company. */
	get until(): number {
		const {admissions} = this.#queue;
		return (admissions[0]?.since ?? -Infinity) + gatheringMs(admissions.length, this.#last, this.#clock.now());
	}

	/** Whether a group has been committed since then. */
	hasCommittedSince(time: number): boolean {
		return this.#last !== undefined && this.#last.endedAt >= time;
	}

	/** So many Pods have just been committed together. */
	committed(pods: number): void {
		this.#last = {pods, endedAt: this.#clock.now()};
	}

	/** Waits until nobody is likely to join any more: all of the group before are back, and nobody has come for a moment. */
	async gather(until: number, signal: AbortSignal): Promise<void> {
		const expected = Math.min(this.#last?.pods ?? 0, this.#most);
		for (let leftMs = until - this.#clock.now(); leftMs > 0 && this.#queue.size < this.#most && !signal.aborted; leftMs = until - this.#clock.now()) {
			const areAllBack = this.#queue.size >= expected;
			const isJoined = await this.#queue.isJoined(expected, areAllBack ? Math.min(lullMs, leftMs) : leftMs, signal);
			if (areAllBack && !isJoined) {
				return;
			}
		}
	}

	/** Waits for the next one, where several came a moment ago, and resolves with whether somebody waits. */
	async isJoinedSoon(signal: AbortSignal): Promise<boolean> {
		if (this.#queue.size === 0 && this.isBurst) {
			await this.#queue.isJoined(1, gatheringMs(0, this.#last, this.#clock.now()), signal);
		}

		return this.#queue.size > 0 && !signal.aborted;
	}
}
