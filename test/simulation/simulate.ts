/** `npm run simulate`: runs the operator under faults on virtual time, or checks that broken variants of it are caught. */
import os from 'node:os';
import process from 'node:process';
import {parseArgs} from 'node:util';
import {runSeeds} from './pool.ts';
import {describeViolation, simulate} from './run.ts';
import type {Run} from './run.ts';
import {themeNamed, themes} from './faults/themes.ts';
import {variants} from './variants/variants.ts';

const usage = `npm run simulate -- [options]

--seeds N        run N seeds and report violations (default 1000)
--from S         start with seed S (default 1)
--seed S         run one seed and show every event
--variant NAME   run seeds with a broken variant of the operator until one catches it; "all" for every variant
--theme NAME     use this theme for every seed
--jobs N         number of threads (default: one per core)`;

const {values} = parseArgs({options: {
	seeds: {type: 'string', default: '1000'},
	from: {type: 'string', default: '1'},
	seed: {type: 'string'},
	variant: {type: 'string'},
	theme: {type: 'string'},
	jobs: {type: 'string', default: String(os.availableParallelism())},
	help: {type: 'boolean', short: 'h'},
}});

const number = (name: 'seeds' | 'from' | 'seed' | 'jobs'): number => {
	const value = values[name] ?? '';
	if (!/^\d{1,9}$/.test(value)) {
		console.error(`--${name} must be a whole number of at most 9 digits, not "${value}"`);
		process.exit(2);
	}

	return Number(value);
};

const theme = themeNamed(values.theme);
if (values.theme !== undefined && !theme) {
	console.error(`unknown theme "${values.theme}". The themes are:\n${themes.map(({name}) => name).join('\n')}`);
	process.exit(2);
}

const showOne = async (seed: number): Promise<boolean> => {
	const run = await simulate(seed, {theme, show: line => console.log(line)});
	console.log(run.violation ? describeViolation(run) : `seed ${seed}: ${run.lifecycles} Pods, ${run.stored} of them stored, no violation; hash ${run.hash}`);
	return run.violation === undefined;
};

const runMany = async (): Promise<boolean> => {
	const startedAt = performance.now();
	let runs = 0;
	let lifecycles = 0;
	let stored = 0;
	let violations = 0;
	const summary = () => {
		const seconds = (performance.now() - startedAt) / 1000;
		return `${runs} runs, ${lifecycles} Pod lifecycles (${stored} stored), ${violations} violations, ${(runs / seconds).toFixed(1)} runs/s, ${seconds.toFixed(0)} s`;
	};

	await runSeeds({from: number('from'), count: number('seeds'), jobs: number('jobs'), theme: theme?.name, onRun(run) {
		runs += 1;
		lifecycles += run.lifecycles;
		stored += run.stored;
		if (run.violation) {
			violations += 1;
			console.log(describeViolation(run));
		}

		if (runs % 500 === 0) {
			console.log(summary());
		}

		return 'go on';
	}});
	console.log(summary());
	return violations === 0;
};

const catchVariants = async (wanted: string): Promise<boolean> => {
	const chosen = variants.filter(({name}) => wanted === 'all' || name === wanted);
	if (chosen.length === 0) {
		console.error(`unknown variant "${wanted}". The variants are:\n${variants.map(({name}) => name).join('\n')}`);
		process.exit(2);
	}

	let missed = 0;
	for (const {name} of chosen) {
		let runs = 0;
		let caught: Run | undefined;
		await runSeeds({from: number('from'), count: number('seeds'), jobs: number('jobs'), variant: name, theme: theme?.name, onRun(run) {
			runs += 1;
			caught ??= run.violation && run;
			return caught ? 'stop' : 'go on';
		}});
		missed += caught ? 0 : 1;
		console.log(`${name}: ${caught ? `caught after ${runs} seeds (${caught.seed}): ${caught.violation?.invariant}` : `NOT CAUGHT in ${runs} seeds`}`);
	}

	return missed === 0;
};

if (values.help) {
	console.log(usage);
} else {
	const succeeded = values.seed === undefined
		? await (values.variant === undefined ? runMany() : catchVariants(values.variant))
		: await showOne(number('seed'));
	process.exitCode = succeeded ? 0 : 1;
}
