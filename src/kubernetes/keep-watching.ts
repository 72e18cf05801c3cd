/** A watch that is started again whenever it ends, for as long as somebody wants to know. */
import type {Clock} from '../clock.ts';

export type WatchingOptions<Event> = {
	/** Begins a watch. What it throws ends this one, and not the watching. */
	readonly start: () => AsyncIterable<Event>;
	readonly onEvent: (event: Event) => void;
	/** Is told why a watch ended, where it did not end by itself. */
	readonly onBroken: (error: unknown) => void;
	/** Between two watches. */
	readonly restMs: number;
	readonly clock: Clock;
	readonly signal: AbortSignal;
};

/** A watch that went silent without ending is over after this: long enough to cost nothing, short enough that a dead connection is found out. */
export const watchSeconds = 300;

/** Watches until the signal is aborted. Never rejects. */
export const keepWatching = async <Event>({start, onEvent, onBroken, restMs, clock, signal}: WatchingOptions<Event>): Promise<void> => {
	while (!signal.aborted) {
		try {
			for await (const event of start()) {
				onEvent(event);
			}
		} catch (error) {
			if (!signal.aborted) {
				onBroken(error);
			}
		}

		await clock.sleep(restMs, signal);
	}
};
