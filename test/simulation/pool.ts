/** Runs seeds in parallel worker threads. */
import {once} from 'node:events';
import {Worker} from 'node:worker_threads';
import type {Run} from './run.ts';
import type {WorkerTask} from './worker.ts';

export type SeedsOptions = {
	readonly from: number;
	readonly count: number;
	readonly jobs: number;
	/** The name of a variant, see `variants.ts`. */
	readonly variant?: string | undefined;
	/** The name of a theme that replaces each seed's own. */
	readonly theme?: string | undefined;
	/** Is called after each run and decides whether more seeds are started. */
	readonly onRun: (run: Run) => 'go on' | 'stop';
};

/** A run creates mostly short-lived garbage. With Node's default, a quarter of the time goes to collecting it. */
const maxYoungGenerationSizeMb = 192;

/** Runs `count` seeds, each once. @throws the error of a run that failed itself. */
export const runSeeds = async ({from, count, jobs, variant, theme, onRun}: SeedsOptions): Promise<void> => {
	const end = from + count;
	let next = from;
	const work = async () => {
		const worker = new Worker(new URL('worker.ts', import.meta.url), {workerData: {variant, theme} satisfies WorkerTask, resourceLimits: {maxYoungGenerationSizeMb}});
		try {
			while (next < end) {
				worker.postMessage(next++);
				const [run] = await once(worker, 'message') as [Run];
				if (onRun(run) === 'stop') {
					next = end;
				}
			}
		} finally {
			await worker.terminate();
		}
	};

	await Promise.all(Array.from({length: Math.min(jobs, count)}, async () => work()));
};
