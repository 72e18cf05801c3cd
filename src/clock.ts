/** Time, passed in wherever something waits or ages, so that a test can own it. */
export type Clock = {
	/** Milliseconds on a clock that only goes forward; its zero means nothing. All ages and durations are measured with it. */
	readonly now: () => number;
	/** The wall clock, only ever shown to people. */
	readonly date: () => Date;
	/** Resolves after `ms`, or as soon as the signal is aborted. Never rejects. */
	readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
	/** A signal that aborts itself after `ms`. */
	readonly deadline: (ms: number) => AbortSignal;
};

export const systemClock: Clock = {
	now: () => performance.now(),
	date: () => new Date(),
	async sleep(ms, signal) {
		if (signal.aborted) {
			return;
		}

		// Without the AbortError that `node:timers/promises` would make, stack trace and all, each time that a wait is cut short.
		const {promise, resolve} = Promise.withResolvers<void>();
		const wake = () => resolve();
		// What is left until a moment may be gone by now, and Node prints a warning for a time below nothing.
		const timer = setTimeout(wake, Math.max(ms, 0));
		signal.addEventListener('abort', wake, {once: true});
		await promise;
		clearTimeout(timer);
		signal.removeEventListener('abort', wake);
	},
	deadline: ms => AbortSignal.timeout(Math.ceil(ms)),
};

/** The time as the ledger shows it to people: RFC 3339, to the second. */
export const timestamp = (date: Date): string => date.toISOString().replace(/\.\d+Z$/, 'Z');
