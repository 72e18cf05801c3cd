/** Lets one loop sleep until something has happened, without losing what happens while it is awake. */
import type {Clock} from './clock.ts';

/** A reason of our own: the default one is an exception with a stack trace, which costs more than the wait. */
const happened = 'something has happened';

export class Wakeup {
	readonly #clock: Clock;
	#happened = new AbortController();

	constructor(clock: Clock) {
		this.#clock = clock;
	}

	/** Something has happened: the current wait, or else the next one, ends at once. */
	notify(): void {
		this.#happened.abort(happened);
	}

	/** Resolves when notified, after `ms`, or when the signal is aborted; the caller looks again at everything. */
	async wait(ms: number, signal: AbortSignal): Promise<void> {
		await this.#clock.sleep(ms, AbortSignal.any([signal, this.#happened.signal]));
		this.#happened = new AbortController();
	}
}
