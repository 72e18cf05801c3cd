/** A process that can be stopped, resumed and killed at any moment, with a clock of its own that is never quite right. */
import type {Clock} from '../../../src/clock.ts';
import type {Random} from './random.ts';
import type {Cancel, Scheduler} from './scheduler.ts';

const epoch = Date.UTC(2026, 10, 22, 10);

/** Quartz is off by 100 parts in a million; twenty times that is more than any machine that still keeps time. */
const fastestRate = 0.002;

/** Somebody has set the wall clock by hand, or forgotten to. */
const largestSkewMs = 3 * 3_600_000;

/** One for all, because making one takes longer than everything else about a timer; only its words matter. */
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

				// As late as a timer is on a machine that has other things to do.
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

	/** SIGKILL: nothing that it waits for ever comes. */
	kill(): void {
		this.#isDead = true;
		for (const tell of this.#deathListeners.splice(0)) {
			tell();
		}
	}

	/** Its connections break when it dies. */
	onDeath(tell: () => void): void {
		this.#deathListeners.push(tell);
	}

	/** SIGSTOP: what is due from now on waits, and its clock goes on. */
	pause(): void {
		this.#isPaused = true;
	}

	/** SIGCONT: what was due meanwhile comes now, in order. */
	resume(): void {
		this.#isPaused = false;
		for (const arrive of this.#held.splice(0)) {
			this.#scheduler.after(0, arrive);
		}
	}

	/** Makes something happen in this process after `ms`, if it lives and runs then. */
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
