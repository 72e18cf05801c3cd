/** Waits out the hold time of a mark, by this process's own clock: nobody's memory of it is trusted but our own. */
import type {Logger} from 'pino';
import type {Clock} from './clock.ts';

export type MarkWatchOptions = {
	readonly clock: Clock;
	readonly logger: Logger;
	/** H: how long an admitted Pod may be on its way to storage without anybody knowing of it. */
	readonly holdMs: number;
	/** Ends what waits in the background. */
	readonly signal: AbortSignal;
};

/** What is tried until it resolves with true. */
export type Step = (signal: AbortSignal) => Promise<boolean>;

export type MarkSteps = {
	/** When it resolves, the hold time begins. */
	readonly begin?: Step;
	/** Resolves with whether the mark is gone, or is nobody's concern any more. */
	readonly lift: Step;
};

const intervalMs = 1000;

export class MarkWatch {
	readonly #options: MarkWatchOptions;
	readonly #watched = new Set<string>();

	constructor(options: MarkWatchOptions) {
		this.#options = options;
	}

	/** @param mark what is watched, once for each process. @param name of the ConfigMap, for the log. */
	liftAfterHold(mark: string, name: string, {begin = async () => true, lift}: MarkSteps): void {
		const {clock, holdMs, signal} = this.#options;
		if (this.#watched.has(mark)) {
			return;
		}

		const watch = async () => {
			await this.#untilDone(name, begin);
			await clock.sleep(holdMs, signal);
			await this.#untilDone(name, lift);
		};

		this.#watched.add(mark);
		void watch();
	}

	async #untilDone(name: string, step: Step): Promise<void> {
		const {clock, logger, signal} = this.#options;
		while (!signal.aborted) {
			try {
				if (await step(signal)) {
					return;
				}
			} catch (error) {
				logger.warn({err: error}, `the quarantine of the ConfigMap ${name} could not be lifted: trying again`);
			}

			await clock.sleep(intervalMs, signal);
		}
	}
}
