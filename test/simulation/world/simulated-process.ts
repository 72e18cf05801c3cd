/** A process that can be paused, resumed and killed at any moment, with its own inaccurate clock. */
import type {Clock} from '../../../src/clock.ts';
import type {Random} from './random.ts';
import type {Cancel, Scheduler} from './scheduler.ts';

const epoch = Date.UTC(2026, 10, 22, 10);

/** How much a clock's rate may be off: twenty times the 100 parts per million of a bad quartz. */
const fastestRate = 0.002;

/** How wrong a wall clock may be, as after a wrong time zone. */
const largestSkewMs = 3 * 3_600_000;

/** Shared, because creating a DOMException takes longer than all else that a timer does. */
export const timeoutError = new DOMException('The operation was aborted due to timeout', 'TimeoutError');

export class SimulatedProcess {
	readonly clock: Clock;
	readonly #scheduler: Scheduler;
	#isDead = false;
	#isPaused = false;
	#held: Array<() => void> = [];
	readonly #deathListeners: Array<() => void> = [];

	constructor(scheduler: Scheduler, random: Random) {
		this.#scheduler = scheduler;
		const rate = 1 + random.between(-fastestRate, fastestRate);
		const zero = random.between(0, 1_000_000);
		const skewMs = random.chance(0.5) ? random.between(-largestSkewMs, largestSkewMs) : random.between(-20, 20);
		this.clock = {
			now: () => zero + scheduler.now * rate,
			date: () => new Date(epoch + scheduler.now * rate + skewMs),
			sleep: async (ms, signal) => {
				const {promise, resolve} = Promise.withResolvers<void>();
				if (signal.aborted) {
					return;
				}

				// Up to a millisecond late, as on a busy machine.
				const cancel = this.later(ms / rate + random.next(), () => {
					signal.removeEventListener('abort', wake);
					resolve();
				});
				const wake = () => {
					cancel();
					resolve();
				};

				signal.addEventListener('abort', wake, {once: true});
				return promise;
			},
			deadline: ms => {
				const controller = new AbortController();
				this.later(ms / rate + random.next(), () => controller.abort(timeoutError));
				return controller.signal;
			},
		};
	}

	get isDead(): boolean {
		return this.#isDead;
	}

	get isPaused(): boolean {
		return this.#isPaused;
	}

	/** SIGKILL: nothing happens in this process any more. */
	kill(): void {
		this.#isDead = true;
		for (const listener of this.#deathListeners.splice(0)) {
			listener();
		}
	}

	/** Calls the listener at `kill`, when the process's connections break. */
	onDeath(listener: () => void): void {
		this.#deathListeners.push(listener);
	}

	/** SIGSTOP: everything that is due waits, and the clock goes on. */
	pause(): void {
		this.#isPaused = true;
	}

	/** SIGCONT: everything that was due meanwhile happens now, in order. */
	resume(): void {
		this.#isPaused = false;
		for (const arrive of this.#held.splice(0)) {
			this.#scheduler.after(0, arrive);
		}
	}

	/** Calls `action` in this process after `ms`: never if it is dead then, after `resume` if it is paused then. */
	later(ms: number, action: () => void): Cancel {
		let isCancelled = false;
		const arrive = () => {
			if (this.#isDead || isCancelled) {
				return;
			}

			if (this.#isPaused) {
				this.#held.push(arrive);
			} else {
				action();
			}
		};

		const cancel = this.#scheduler.after(ms, arrive);
		return () => {
			isCancelled = true;
			cancel();
		};
	}
}
