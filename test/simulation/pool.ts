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

/** A world that is over leaves 4 MB behind: signals that somebody listens to, and that nobody will abort any more. */
const runsOfThread = 100;

/** Runs `count` seeds, each once. @throws what a run itself failed with. */
export const runSeeds = async ({from, count, jobs, variant, theme, onRun}: SeedsOptions): Promise<void> => {
	const end = from + count;
	let next = from;
	const work = async () => {
		if (next >= end) {
			return;
		}

		const worker = new Worker(new URL('worker.ts', import.meta.url), {workerData: {variant, theme} satisfies WorkerTask, resourceLimits: {maxYoungGenerationSizeMb: 64}});
		try {
			for (let runs = 0; runs < runsOfThread && next < end; runs++) {
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

	const workers = Array.from({length: jobs}, async () => {
		for (let threads = 0; threads < Math.ceil(count / runsOfThread); threads++) {
			await work();
		}
	});
	await Promise.all(workers);
};
