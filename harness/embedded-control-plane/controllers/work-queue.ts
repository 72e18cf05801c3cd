/** Reconciles keys: each once at a time, again after a change, and again with back-off after a failure. */

export type WorkQueue = Disposable & {
	readonly add: (key: string) => void;
};

/** As client-go's `DefaultControllerRateLimiter`: 5 ms, doubled after each failure. Its maximum is 1000 s; a demo is shorter. */
const firstRetryMs = 5;
const maximumRetryMs = 10_000;

export const createWorkQueue = (reconcile: (key: string) => Promise<void>): WorkQueue => {
	const waiting = new Set<string>();
	const running = new Set<string>();
	const failures = new Map<string, number>();
	const timers = new Set<NodeJS.Timeout>();
	let isOver = false;

	const add = (key: string): void => {
		if (!waiting.has(key) && !isOver) {
			waiting.add(key);
			// Later: a listener is called while the object is being written.
			setImmediate(() => void work(key));
		}
	};

	const work = async (key: string): Promise<void> => {
		if (running.has(key) || isOver) {
			return;
		}

		waiting.delete(key);
		running.add(key);
		try {
			await reconcile(key);
			failures.delete(key);
		} catch {
			// The reconciler has reported it as an Event.
			const count = failures.get(key) ?? 0;
			failures.set(key, count + 1);
			const timer = setTimeout(() => {
				timers.delete(timer);
				add(key);
			}, Math.min(firstRetryMs * 2 ** count, maximumRetryMs));
			timers.add(timer);
		}

		running.delete(key);
		if (waiting.has(key)) {
			setImmediate(() => void work(key));
		}
	};

	return {
		add,
		[Symbol.dispose]() {
			isOver = true;
			for (const timer of timers) {
				clearTimeout(timer);
			}
		},
	};
};
