/** `npm run mutate`: changes single places of `src` and tells which changes no test and no simulation notices. */
import {globSync, readFileSync} from 'node:fs';
import os from 'node:os';
import process from 'node:process';
import {parseArgs} from 'node:util';
import {seededRandom} from '../helpers/seeded-random.ts';
import {folderTests, judgeMutant, passesUnchanged} from './judge-mutant.ts';
import {mutantsOf} from './mutants.ts';
import type {Mutant} from './mutants.ts';

const usage = `npm run mutate -- [options]

--files GLOB   files to change (default src/*/**/*.ts: most files at the root are tested end to end only)
--count N      a sample of N mutants (default: all of them, in turn)
--seed S       chooses the sample (default 1)
--seeds N      seeds of the simulation for mutants of ports, ledger, lease and reconcile that survive the tests (default 10)
--jobs N       mutants at a time (default: one per core)`;

const {values} = parseArgs({options: {
	files: {type: 'string', default: 'src/*/**/*.ts'},
	count: {type: 'string', default: '999999'},
	seed: {type: 'string', default: '1'},
	seeds: {type: 'string', default: '10'},
	jobs: {type: 'string', default: String(os.availableParallelism())},
	help: {type: 'boolean', short: 'h'},
}});

const number = (name: 'count' | 'seed' | 'seeds' | 'jobs'): number => {
	if (!/^\d{1,9}$/.test(values[name])) {
		console.error(`--${name} must be a whole number of at most 9 digits, not "${values[name]}"`);
		process.exit(2);
	}

	return Number(values[name]);
};

/** The same for the same seed and the same source. */
const sampleOf = (mutants: readonly Mutant[], count: number, seed: number): readonly Mutant[] => {
	const random = seededRandom(seed);
	return mutants.length <= count
		? mutants
		: mutants.map(mutant => ({mutant, rank: random()})).toSorted((a, b) => a.rank - b.rank).slice(0, count).map(({mutant}) => mutant);
};

/** One line for a mutant. */
const describe = ({file, line, before, replacement}: Mutant): string => {
	const shown = before.replaceAll(/\s+/g, ' ');
	return `${file}:${line}  ${shown.length > 80 ? `${shown.slice(0, 79)}…` : shown}  →  ${replacement === '' ? '(removed)' : replacement}`;
};

if (values.help) {
	console.log(usage);
	process.exit(0);
}

// An exit ends the tests that run.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
	process.once(signal, () => process.exit(1));
}

const mutants = sampleOf(globSync(values.files).toSorted().flatMap(file => mutantsOf(file, readFileSync(file, 'utf8'))), number('count'), number('seed'));
for (const [tests, [mutant]] of Map.groupBy(mutants, ({file}) => folderTests(file))) {
	if (!await passesUnchanged(mutant!.file)) {
		console.error(`${tests} fails without any change, or is absent, so it can judge no mutant`);
		process.exit(1);
	}
}

const survivors: Mutant[] = [];
let judged = 0;
const queue = mutants.values();
const seeds = number('seeds');
const work = async () => {
	for (const mutant of queue) {
		const verdict = await judgeMutant(mutant, seeds);
		judged += 1;
		if (verdict === undefined) {
			survivors.push(mutant);
		}

		console.log(`${verdict ? `noticed by ${verdict}` : 'SURVIVED'}: ${describe(mutant)}`);
	}
};

await Promise.all(Array.from({length: number('jobs')}, async () => work()));
const score = judged === 0 ? 100 : 100 * (judged - survivors.length) / judged;
console.log(`\n${judged} mutants, ${survivors.length} survived: score ${score.toFixed(1)} %`);
for (const survivor of survivors.toSorted((a, b) => a.file.localeCompare(b.file) || a.line - b.line)) {
	console.log(describe(survivor));
}
