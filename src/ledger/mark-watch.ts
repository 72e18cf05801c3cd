/** Waits out the hold time of a mark, by this process's own clock: nobody's memory of it is trusted but our own. */
import type {Logger} from 'pino';
import type {Clock} from '../clock.ts';

export type MarkWatchOptions = {
	readonly clock: Clock;
	readonly logger: Logger;
	/** H: how long an admitted Pod may be on its way to storage without anybody knowing of it. */
	readonly holdMs: number;
	/** Ends what waits in the background. */
	readonly signal: AbortSignal;
};

export type MarkSteps = {
	/** When the hold time begins: `over` where there is no such mark any more. Default: at once. */
	readonly begin?: (signal: AbortSignal) => Promise<'begun' | 'over' | 'not yet'>;
	/** Lifts the mark after the hold time: `over` when it is gone, `anew` where the hold time has to begin once more. */
	readonly lift: (signal: AbortSignal) => Promise<'over' | 'anew' | 'not yet'>;
};

/** How often what could not be done yet is tried again. */
const intervalMs = 1000;

export class MarkWatch {
	readonly #options: MarkWatchOptions;
	readonly #watched = new Set<string>();

	constructor(options: MarkWatchOptions) {
		this.#options = options;
	}

	/** @param mark which is watched once at a time. @param name of the ConfigMap, for the log. */
	liftAfterHold(mark: string, name: string, {begin = async () => 'begun', lift}: MarkSteps): void {
		const {clock, holdMs, signal} = this.#options;
		if (this.#watched.has(mark)) {
			return;
		}

		const watch = async () => {
			let isOver = false;
			while (!isOver && await this.#untilDone(name, begin) === 'begun') {
				await clock.sleep(holdMs, signal);
				isOver = await this.#untilDone(name, lift) === 'over';
			}

			this.#watched.delete(mark);
		};

		this.#watched.add(mark);
		void watch();
	}

	async #untilDone<Outcome extends string>(name: string, step: (signal: AbortSignal) => Promise<Outcome | 'over' | 'not yet'>): Promise<Outcome | 'over'> {
		const {clock, logger, signal} = this.#options;
		while (!signal.aborted) {
			try {
				const outcome = await step(signal);
				if (outcome !== 'not yet') {
					return outcome;
				}
			} catch (error) {
				logger.warn({err: error}, `the quarantine of the ConfigMap ${name} could not be lifted: trying again`);
			}

			await clock.sleep(intervalMs, signal);
		}

		return 'over';
	}
}
