/**
 * A fast AbortSignal for the simulation's threads. Node's own takes a fifth of a run's time, and megabytes of them outlive
 * their run, because Node keeps every signal that has a listener. A test checks that a run is the same with either.
 */

type Listener = () => void;

/** Counters of signals made and aborted: they tell which of two came first. */
let made = 0;
let aborted = 0;

class Signal {
	/** The signals that this one combines; empty for a controller's signal. */
	readonly #sources: readonly Signal[];
	readonly #order = ++made;
	/** In the order in which they are called. */
	readonly #listeners = new Map<Listener, {readonly once: boolean}>();
	/** Signals that combine this one and have listeners of their own. */
	readonly #followers = new Set<Signal>();
	#abortedAs: number | undefined;
	#reason: unknown;

	constructor(sources: readonly Signal[] = []) {
		this.#sources = sources;
	}

	/** A signal that is aborted when the first of these is. */
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

	/** As in the DOM standard, all followers are aborted before the first listener is called. */
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
			signal.#callListeners();
		}
	}

	#callListeners(): void {
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

	/** A signal without listeners is not among its sources' followers, so it looks at its sources when it is read. */
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

/** Replaces AbortController and AbortSignal in this thread. What these do not have, such as `AbortSignal.timeout`, throws. */
export const useCheapSignals = (): void => {
	Object.assign(globalThis, {AbortController: Controller, AbortSignal: Signal});
};
