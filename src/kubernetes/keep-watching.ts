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
	readonly clock: Clock;
	readonly signal: AbortSignal;
};

/** A watch's lifetime. Long enough that restarts cost nothing, short enough that a dead connection is noticed. */
export const watchSeconds = 300;

/** Watches until the signal is aborted. Never rejects. */
export const keepWatching = async <Event>({start, onEvent, onBroken, restMs, clock, signal}: WatchingOptions<Event>): Promise<void> => {
	while (!signal.aborted) {
		let pauseMs = restMs;
		try {
			for await (const event of start()) {
				onEvent(event);
			}
		} catch (error) {
			pauseMs = pauseAfter(error, restMs);
			if (!signal.aborted) {
				onBroken(error);
			}
		}

		await clock.sleep(pauseMs, signal);
	}
};
