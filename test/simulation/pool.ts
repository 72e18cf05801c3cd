/** Threads that share the seeds among them. */
import {once} from 'node:events';
import {Worker} from 'node:worker_threads';
import type {Run} from './run.ts';
import type {WorkerTask} from './worker.ts';

export type SeedsOptions = {
	readonly from: number;
	readonly count: number;
	readonly jobs: number;
	/** The name of a broken version. */
	readonly variant?: string | undefined;
	/** The name of one for all seeds. */
	readonly theme?: string | undefined;
	/** Whether to go on after a run. */
	readonly onRun: (run: Run) => 'go on' | 'stop';
};

/** What a run makes is garbage soon: with less room for it, a quarter of the time goes to collecting. */
const maxYoungGenerationSizeMb = 192;

/** Runs `count` seeds, each once. @throws what a run itself failed with. */
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
