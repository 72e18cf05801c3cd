/** A clock whose time passes only when a test advances it. */
import {setImmediate as turn} from 'node:timers/promises';
import type {Clock} from '../../src/clock.ts';

type Timer = {readonly at: number; readonly fire: () => void};

export class FakeClock implements Clock {
	#now = 1_000_000;
	readonly #timers = new Set<Timer>();

	/** How many timers are pending. */
	get waits(): number {
		return this.#timers.size;
	}

	readonly now = (): number => this.#now;

	readonly date = (): Date => new Date(Date.UTC(2026, 10, 22, 10) + this.#now);

	readonly sleep = async (ms: number, signal: AbortSignal): Promise<void> => {
		const {promise, resolve} = Promise.withResolvers<void>();
		const timer = this.#after(ms, resolve);
		signal.addEventListener('abort', () => resolve(), {once: true});
		if (signal.aborted) {
			resolve();
		}

		await promise;
		this.#timers.delete(timer);
	};

	readonly deadline = (ms: number): AbortSignal => {
		const controller = new AbortController();
		this.#after(ms, () => controller.abort(new DOMException('too late', 'TimeoutError')));
		return controller.signal;
	};

	/** Waits for everything that needs no time: promise callbacks and I/O that is ready. */
	async settle(): Promise<void> {
		await turn();
		await turn();
	}

	/** Lets `ms` pass: fires each timer at its time and settles before the next. */
	async advance(ms: number): Promise<void> {
		const end = this.#now + ms;
		await this.settle();
		for (let timer = this.#next(); timer && timer.at <= end; timer = this.#next()) {
			this.#now = Math.max(timer.at, this.#now);
			this.#timers.delete(timer);
			timer.fire();
			await this.settle();
		}

		this.#now = end;
	}

	/** Lets `ms` pass without firing timers, as for a process that was paused with SIGSTOP: they fire late. */
	skip(ms: number): void {
		this.#now += ms;
	}

	/** Lets time pass until `promise` settles. @throws if it does not within `mostMs`. */
	async until<T>(promise: Promise<T>, mostMs = 60_000): Promise<T> {
		const end = this.#now + mostMs;
		while (await this.isPending(promise)) {
			const next = this.#next()?.at ?? Infinity;
			if (next > end) {
				throw new Error(`the promise did not settle within ${mostMs} ms`);
			}

			await this.advance(next - this.#now);
		}

		return promise;
	}

	/** Whether a promise stays pending while no time passes. */
	async isPending(promise: Promise<unknown>): Promise<boolean> {
		const settled = promise.then(() => false, () => false);
		return Promise.race([settled, this.settle().then(() => true)]);
	}

	#after(ms: number, fire: () => void): Timer {
		const timer = {at: this.#now + ms, fire};
		this.#timers.add(timer);
		return timer;
	}

	#next(): Timer | undefined {
		return [...this.#timers].toSorted((a, b) => a.at - b.at)[0];
	}
}
