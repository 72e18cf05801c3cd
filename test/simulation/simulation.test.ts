import os from 'node:os';
import test from 'ava';
import {runSeeds} from './pool.ts';
import {describeViolation, simulate} from './run.ts';
import type {Run} from './run.ts';

/** Enough for a test; `npm run simulate -- --seeds 10000` runs more. */
const seeds = 200;

const runsOf = async (from: number, count: number): Promise<Run[]> => {
	const runs: Run[] = [];
	await runSeeds({from, count, jobs: Math.min(count, os.availableParallelism()), onRun(run) {
		runs.push(run);
		return 'go on';
	}});
	return runs;
};

test('two runs of one seed have the same events', async t => {
	const lines: string[][] = [[], []];
	const [first, second] = [await simulate(1, {show: line => lines[0]!.push(line)}), await simulate(1, {show: line => lines[1]!.push(line)})];
	t.deepEqual(lines[0], lines[1]);
	t.deepEqual(first, second);
	t.not((await simulate(2)).hash, first.hash);
});

test('a run is the same with Node\'s abort signals and with the simulated ones', async t => {
	for (const run of await runsOf(1, 3)) {
		t.deepEqual(await simulate(run.seed), run);
	}
});

test(`${seeds} runs of at least 200 Pods each violate no invariant`, async t => {
	t.timeout(10 * 60_000, 'half a minute on two idle cores');
	const runs = await runsOf(1, seeds);
	t.deepEqual(runs.filter(({violation}) => violation).map(run => describeViolation(run)), []);
	t.is(runs.length, seeds);
	t.true(runs.every(({lifecycles}) => lifecycles >= 200), 'no run ended early');
	t.true(runs.reduce((sum, {stored}) => sum + stored, 0) > 50 * seeds, 'enough Pods were stored');
});
