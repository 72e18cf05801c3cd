/** Compares this process's wall clock with the API servers', by the `Date` header of their answers. */
import type {Clock} from '../clock.ts';

/** An answer counts for this long and at most twice as long: time enough to hear every API server behind one address. */
const windowMs = 60_000;

/** The header has whole seconds: the server's clock was at most this much later. */
const resolutionMs = 1000;

/** Bounds of the difference "this clock minus the server's", in milliseconds, that hold for at least one API server each. */
type Bounds = {readonly atLeast: number; readonly atMost: number};

const unknown: Bounds = {atLeast: -Infinity, atMost: Infinity};

export class ServerClock {
	readonly #clock: Pick<Clock, 'now'>;
	#windowStartedAt = -Infinity;
	#current = unknown;
	#previous = unknown;

	constructor(clock: Pick<Clock, 'now'>) {
		this.#clock = clock;
	}

	/**
	 * Takes one answer into account.
	 *
	 * @param date the header. Without a valid one, the answer proves nothing.
	 * @param sentAt when the request was sent, by this process's wall clock, milliseconds since 1970.
	 * @param heardAt when the answer's headers arrived, by the same clock.
	 */
	hear(date: string | undefined, sentAt: number, heardAt: number): void {
		const serverTime = Date.parse(date ?? '');
		// If this clock was set back meanwhile, the answer proves nothing either.
		if (Number.isNaN(serverTime) || heardAt < sentAt) {
			return;
		}

		const now = this.#clock.now();
		if (now - this.#windowStartedAt >= windowMs) {
			this.#previous = now - this.#windowStartedAt < 2 * windowMs ? this.#current : unknown;
			this.#current = unknown;
			this.#windowStartedAt = now;
		}

		this.#current = {
			atLeast: Math.max(this.#current.atLeast, sentAt - serverTime - resolutionMs),
			atMost: Math.min(this.#current.atMost, heardAt - serverTime),
		};
	}

	/**
	 * How far this process's clock is ahead of an API server's (negative: behind), milliseconds, as far as the latest answers
	 * prove it. 0 if they prove no difference. Of several API servers, the one that differs most counts.
	 */
	get skewMs(): number {
		const ahead = Math.max(this.#current.atLeast, this.#previous.atLeast, 0);
		const behind = Math.min(this.#current.atMost, this.#previous.atMost, 0);
		return ahead > -behind ? ahead : behind;
	}
}
