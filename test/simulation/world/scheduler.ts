/** Virtual time: a queue of events, carried out one by one in the order of their times. */
import process from 'node:process';

export type Cancel = () => void;

type Event = {readonly at: number; readonly order: number; action: (() => void) | undefined};

/** After this many events the real event loop gets a turn: it is where Node reports unhandled rejections. */
const eventsPerTurn = 1000;

export class Scheduler {
	#now = 0;
	#order = 0;
	/** A binary heap: the event at `place` comes before those at `2 * place + 1` and `2 * place + 2`. */
	readonly #heap: Event[] = [];

	/** Milliseconds since the run began. */
	get now(): number {
		return this.#now;
	}

	/** Calls `action` at this time. Actions of the same time are called in the order in which they were scheduled. */
	at(time: number, action: () => void): Cancel {
		const event: Event = {at: Math.max(time, this.#now), order: this.#order++, action};
		this.#push(event);
		return () => {
			event.action = undefined;
		};
	}

	after(ms: number, action: () => void): Cancel {
		return this.at(this.#now + ms, action);
	}

	/** Resolves after `ms`. */
	async sleep(ms: number): Promise<void> {
		const {promise, resolve} = Promise.withResolvers<void>();
		this.after(ms, resolve);
		return promise;
	}

	/**
	 * Carries out events until `isOver`, or none is left. Before each event, all promise callbacks of the one before have
	 * run. @throws what an event throws.
	 */
	async run(isOver: () => boolean): Promise<void> {
		const {promise, resolve, reject} = Promise.withResolvers<void>();
		let turns = 0;
		const step = () => {
			try {
				if (isOver() || !this.#next()) {
					resolve();
					return;
				}
			} catch (error) {
				reject(error);
				return;
			}

			// `nextTick` runs when no microtask is left. It is called from a microtask because a tick queued by a tick would run
			// before the microtasks of the event. Seven times as fast as `setImmediate`.
			queueMicrotask(++turns % eventsPerTurn === 0 ? () => setImmediate(step) : () => process.nextTick(step));
		};

		process.nextTick(step);
		return promise;
	}

	#next(): boolean {
		for (;;) {
			const event = this.#pop();
			if (!event) {
				return false;
			}

			if (event.action) {
				this.#now = event.at;
				event.action();
				return true;
			}
		}
	}

	#push(event: Event): void {
		const heap = this.#heap;
		let place = heap.length;
		heap.push(event);
		while (place > 0) {
			const parent = (place - 1) >> 1;
			if (!isBefore(event, heap[parent]!)) {
				break;
			}

			heap[place] = heap[parent]!;
			place = parent;
		}

		heap[place] = event;
	}

	#pop(): Event | undefined {
		const heap = this.#heap;
		const [first] = heap;
		const last = heap.pop();
		if (!last || heap.length === 0) {
			return first;
		}

		let place = 0;
		for (;;) {
			let child = 2 * place + 1;
			if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) {
				child += 1;
			}

			if (child >= heap.length || !isBefore(heap[child]!, last)) {
				break;
			}

			heap[place] = heap[child]!;
			place = child;
		}

		heap[place] = last;
		return first;
	}
}

const isBefore = (a: Event, b: Event): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);
