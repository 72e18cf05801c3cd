/** A worker thread that runs seeds one after the other, with the product or with a variant of it. */
import {parentPort, workerData} from 'node:worker_threads';
import {useCheapSignals} from './world/signals.ts';
import {loadVariant} from './variants/variant-loader.ts';
import {themeNamed} from './faults/themes.ts';
import {variants} from './variants/variants.ts';

export type WorkerTask = {
	readonly variant?: string | undefined;
	/** Replaces the theme of the variant or the seed. */
	readonly theme?: string | undefined;
};

const {variant, theme: wanted} = workerData as WorkerTask;
const broken = variants.find(({name}) => name === variant);
if (broken) {
	loadVariant(broken);
}

// A run creates errors all the time, and most of an error's cost is its stack trace.
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
