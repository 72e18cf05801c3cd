/** A thread that runs seeds one after the other, of the product or of a broken version of it. */
import {parentPort, workerData} from 'node:worker_threads';
import {useCheapSignals} from './world/signals.ts';
import {loadVariant} from './variants/variant-loader.ts';
import {themeNamed} from './faults/themes.ts';
import {variants} from './variants/variants.ts';

export type WorkerTask = {
	readonly variant?: string | undefined;
	/** In place of that which a seed has, or the variant. */
	readonly theme?: string | undefined;
};

const {variant, theme: wanted} = workerData as WorkerTask;
const broken = variants.find(({name}) => name === variant);
if (broken) {
	loadVariant(broken);
}

// Errors and aborted signals are a run's daily bread, and most of what one costs is its stack.
Error.stackTraceLimit = 0;
useCheapSignals();

const theme = themeNamed(wanted ?? broken?.theme);
const {simulate} = await import('./run.ts');

parentPort!.on('message', (seed: number) => {
	simulate(seed, {theme}).then(
		run => parentPort!.postMessage(run),
		(error: unknown) => {
			throw new Error(`seed ${seed}: ${String(error)}`, {cause: error});
		},
	);
});
