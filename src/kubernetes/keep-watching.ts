/** Restarts a watch whenever it ends, until it is aborted. */
import type {Clock} from '../clock.ts';
import {pauseAfter} from '../retry.ts';

export type WatchingOptions<Event> = {
	/** Starts a watch. After an error or the end of the watch it is called again. */
	readonly start: () => AsyncIterable<Event>;
	readonly onEvent: (event: Event) => void;
	/** Called with the error if a watch fails. */
	readonly onBroken: (error: unknown) => void;
	/** The pause between two watches. It is longer if the API server asks for that. */
	readonly restMs: number;
	/** The pause doubles up to this after each failure without an event in between. Default: it stays the same. */
	readonly longestRestMs?: number;
	readonly clock: Clock;
	readonly signal: AbortSignal;
};

/** A watch's lifetime. Long enough that restarts cost nothing, short enough that a dead connection is noticed. */
export const watchSeconds = 300;

/** Watches until the signal is aborted. Never rejects. */
export const keepWatching = async <Event>({start, onEvent, onBroken, restMs, longestRestMs = restMs, clock, signal}: WatchingOptions<Event>): Promise<void> => {
	let failures = 0;
	while (!signal.aborted) {
		let pauseMs = restMs;
		try {
			for await (const event of start()) {
				failures = 0;
				onEvent(event);
			}

			failures = 0;
		} catch (error) {
			pauseMs = pauseAfter(error, Math.min(restMs * 2 ** failures, longestRestMs));
			failures++;
			if (!signal.aborted) {
				onBroken(error);
			}
		}

		await clock.sleep(pauseMs, signal);
	}
};
