/**
 * Signals for a thread that simulates: the platform's take a fifth of its time, and megabytes of them outlive their world, for
 * it keeps each to which somebody listens. A run is the same with either, and a test says so.
 */

type Listener = () => void;

/** How many signals have been made, and how many have been aborted: of two, which was first. */
let made = 0;
let aborted = 0;

class Signal {
	/** Empty for one that a controller aborts. */
	readonly #sources: readonly Signal[];
	readonly #order = ++made;
	/** In the order in which they are told. */
	readonly #listeners = new Map<Listener, {readonly once: boolean}>();
	/** Signals that follow this one, as long as somebody listens to them. */
	readonly #followers = new Set<Signal>();
	#abortedAs: number | undefined;
	#reason: unknown;

	constructor(sources: readonly Signal[] = []) {
		this.#sources = sources;
	}

	/** Aborted when the first of them is. */
	static any(signals: readonly Signal[]): Signal {
		return new Signal([...new Set(signals.flatMap(signal => signal.#sources.length > 0 ? signal.#sources : [signal]))]);
	}

	get aborted(): boolean {
		this.#catchUp();
		return this.#abortedAs !== undefined;
	}

	get reason(): unknown {
		this.#catchUp();
		return this.#reason;
	}

	throwIfAborted(): void {
		if (this.aborted) {
			throw this.#reason;
		}
	}

	addEventListener(_type: 'abort', listener: Listener, {once = false}: {readonly once?: boolean} = {}): void {
		if (!this.aborted && this.#listeners.size === 0) {
			for (const source of this.#sources) {
				source.#followers.add(this);
			}
		}

		if (!this.#listeners.has(listener)) {
			this.#listeners.set(listener, {once});
		}
	}

	removeEventListener(_type: 'abort', listener: Listener): void {
		if (this.#listeners.delete(listener) && this.#listeners.size === 0) {
			this.#unfollow();
		}
	}

	/** As the DOM's standard has it: all that follow are aborted before the first listener is told. */
	abort(reason: unknown): void {
		if (this.#abortedAs !== undefined) {
			return;
		}

		this.#abortAs(++aborted, reason);
		const followers = [...this.#followers].toSorted((a, b) => a.#order - b.#order);
		for (const follower of followers) {
			follower.#abortAs(this.#abortedAs!, reason);
			follower.#unfollow();
		}

		for (const signal of [this, ...followers]) {
			signal.#tell();
		}
	}

	#tell(): void {
		const listeners = [...this.#listeners];
		for (const [listener, {once}] of listeners) {
			if (this.#listeners.has(listener)) {
				if (once) {
					this.#listeners.delete(listener);
				}

				listener();
			}
		}
	}

	#abortAs(order: number, reason: unknown): void {
		this.#abortedAs = order;
		this.#reason = reason;
	}

	/** One to which nobody listens follows nobody, and looks when it is asked. */
	#catchUp(): void {
		if (this.#abortedAs === undefined) {
			for (const source of this.#sources) {
				if (source.#abortedAs !== undefined && source.#abortedAs < (this.#abortedAs ?? Infinity)) {
					this.#abortAs(source.#abortedAs, source.#reason);
				}
			}
		}
	}

	#unfollow(): void {
		for (const source of this.#sources) {
			source.#followers.delete(this);
		}
	}
}

class Controller {
	readonly signal = new Signal();

	abort(reason: unknown = new DOMException('This operation was aborted', 'AbortError')): void {
		this.signal.abort(reason);
	}
}

/** From now on, whoever makes a signal in this thread makes one of these. What they do not have, such as `timeout`, throws. */
export const useCheapSignals = (): void => {
	Object.assign(globalThis, {AbortController: Controller, AbortSignal: Signal});
};
