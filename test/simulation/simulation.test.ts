import os from 'node:os';
import test from 'ava';
import {runSeeds} from './pool.ts';
import {describeViolation, simulate} from './run.ts';
import type {Run} from './run.ts';

/** The long run is `npm run simulate -- --seeds 10000`. */
const seeds = 200;

const runsOf = async (from: number, count: number): Promise<Run[]> => {
	const runs: Run[] = [];
	await runSeeds({from, count, jobs: Math.min(count, os.availableParallelism()), onRun(run) {
		runs.push(run);
		return 'go on';
	}});
	return runs;
};

test('the same seed has the same run, to the last line', async t => {
	const lines: string[][] = [[], []];
	const [first, second] = [await simulate(1, {show: line => lines[0]!.push(line)}), await simulate(1, {show: line => lines[1]!.push(line)})];
	t.deepEqual(lines[0], lines[1]);
	t.deepEqual(first, second);
	t.not((await simulate(2)).hash, first.hash);
});

test('a run is the same with the platform\'s signals and with those of a thread that simulates', async t => {
	for (const run of await runsOf(1, 3)) {
		t.deepEqual(await simulate(run.seed), run);
	}
});

test(`nothing is violated in ${seeds} runs of at least 200 Pods each`, async t => {
	t.timeout(10 * 60_000, 'it takes half a minute on two idle cores');
	const runs = await runsOf(1, seeds);
	t.deepEqual(runs.filter(({violation}) => violation).map(run => describeViolation(run)), []);
	t.is(runs.length, seeds);
	t.true(runs.every(({lifecycles}) => lifecycles >= 200), 'a run that ends early shows nothing');
	t.true(runs.reduce((sum, {stored}) => sum + stored, 0) > 50 * seeds, 'Pods come to life');
});
