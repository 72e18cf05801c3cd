/** Lets one loop sleep until it is notified. A notification while the loop is awake ends its next wait at once. */
import type {Clock} from './clock.ts';

/** The default reason for an abort is an exception with a stack trace, which costs more than the wait. */
const reason = 'notified';

export class Wakeup {
	readonly #clock: Clock;
	#notification = new AbortController();

	constructor(clock: Clock) {
		this.#clock = clock;
	}

	/** Ends the current wait, or else the next one, at once. */
	notify(): void {
		this.#notification.abort(reason);
	}

	/** Resolves when notified, after `ms`, or when the signal is aborted. The caller can't tell which, and checks everything again. */
	async wait(ms: number, signal: AbortSignal): Promise<void> {
		await this.#clock.sleep(ms, AbortSignal.any([signal, this.#notification.signal]));
		this.#notification = new AbortController();
	}
}
