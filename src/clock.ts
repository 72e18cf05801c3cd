/** Time. Passed to everything that waits or measures an age, so that a test can control it. */
export type Clock = {
	/** Milliseconds on a monotonic clock with an arbitrary zero. All ages and durations are measured with it. */
	readonly now: () => number;
	/** The wall clock: for texts, metrics and certificates. It may jump, so no age is measured with it. */
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

		// Not by `node:timers/promises`: each wait cut short would cost an AbortError with its stack trace.
		const {promise, resolve} = Promise.withResolvers<void>();
		const wake = () => resolve();
		// The time to wait for may have passed already, and Node prints a warning for a negative delay.
		const timer = setTimeout(wake, Math.max(ms, 0));
		signal.addEventListener('abort', wake, {once: true});
		await promise;
		clearTimeout(timer);
		signal.removeEventListener('abort', wake);
	},
	deadline: ms => AbortSignal.timeout(Math.ceil(ms)),
};

/** RFC 3339 with whole seconds, as the ledger shows times to people. */
export const timestamp = (date: Date): string => date.toISOString().replace(/\.\d+Z$/, 'Z');
