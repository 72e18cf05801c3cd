/** The results of one contender in one round, and their summary over all rounds. Pure. */
import {median, quantile} from './figures.ts';
import type {BurstFigures} from './load.ts';

export type Round = {
	readonly contender: string;
	/** Bursts of 500 and of 2,000 Pods. */
	readonly small: BurstFigures;
	readonly large: BurstFigures;
	/** Latencies of creations one after the other: without a pause, and with 100 ms between them. */
	readonly oneByOneMs: readonly number[];
	readonly pacedMs: readonly number[];
	/** Of each process of the contender: after its start, and at the end of the round. */
	readonly rssIdleMb: readonly number[];
	readonly rssMb: readonly number[];
};

/** Medians over the rounds. Exceptions: failures are totals, RSS is the largest, latencies at low load are over all samples. */
export type Summary = {
	readonly contenders: ReadonlyArray<{
		readonly name: string;
		readonly small: BurstFigures;
		readonly large: BurstFigures;
		readonly oneByOne: Latency;
		readonly paced: Latency;
		readonly rssIdleMb: number;
		readonly rssMb: number;
	}>;
	readonly compareAndSwap: Latency;
};

type Latency = {readonly p50Ms: number; readonly p99Ms: number};

export const summarize = (rounds: readonly Round[], compareAndSwapMs: readonly number[]): Summary => ({
	contenders: [...Map.groupBy(rounds, ({contender}) => contender)].map(([name, own]) => ({
		name,
		small: medians(own.map(({small}) => small)),
		large: medians(own.map(({large}) => large)),
		oneByOne: latencyOf(own.flatMap(({oneByOneMs}) => oneByOneMs)),
		paced: latencyOf(own.flatMap(({pacedMs}) => pacedMs)),
		rssIdleMb: Math.max(0, ...own.flatMap(({rssIdleMb}) => rssIdleMb)),
		rssMb: Math.max(0, ...own.flatMap(({rssMb}) => rssMb)),
	})).toSorted((a, b) => order(a.name) - order(b.name)),
	compareAndSwap: latencyOf(compareAndSwapMs),
});

const order = (name: string): number => ['no webhook', 'static patch'].includes(name) ? ['no webhook', 'static patch'].indexOf(name) : 1 + Number.parseInt(name, 10);

const latencyOf = (samples: readonly number[]): Latency => ({p50Ms: quantile(samples, 0.5), p99Ms: quantile(samples, 0.99)});

const medians = (bursts: readonly BurstFigures[]): BurstFigures => {
	const of = (member: keyof BurstFigures) => median(bursts.map(burst => burst[member]));
	return {
		podsPerSecond: of('podsPerSecond'),
		p50Ms: of('p50Ms'),
		p99Ms: of('p99Ms'),
		failures: bursts.reduce((total, {failures}) => total + failures, 0),
		writesPerPod: of('writesPerPod'),
		cpuSecondsPer1000Pods: of('cpuSecondsPer1000Pods'),
		controlPlaneCpuSecondsPer1000Pods: of('controlPlaneCpuSecondsPer1000Pods'),
	};
};

/** A Markdown table that is also readable on a terminal. */
export const renderTable = ({contenders, compareAndSwap}: Summary): string => {
	const baseline = contenders.find(({name}) => name === 'no webhook') ?? contenders[0]!;
	const rows = [
		['', ...contenders.map(({name}) => name)],
		['burst of 500: Pods/s', ...contenders.map(({small}) => small.podsPerSecond.toFixed(0))],
		['p50 / p99, ms', ...contenders.map(({small}) => `${small.p50Ms.toFixed(0)} / ${small.p99Ms.toFixed(0)}`)],
		['writes per Pod', ...contenders.map(({small}) => small.writesPerPod.toFixed(3))],
		['burst of 2,000: Pods/s', ...contenders.map(({large}) => large.podsPerSecond.toFixed(0))],
		['p50 / p99, ms', ...contenders.map(({large}) => `${large.p50Ms.toFixed(0)} / ${large.p99Ms.toFixed(0)}`)],
		['writes per Pod', ...contenders.map(({large}) => large.writesPerPod.toFixed(3))],
		['CPU s per 1,000 Pods', ...contenders.map(({large}) => large.cpuSecondsPer1000Pods.toFixed(2))],
		['the same for API server and etcd', ...contenders.map(({large}) => large.controlPlaneCpuSecondsPer1000Pods.toFixed(2))],
		['failures', ...contenders.map(({small, large}) => String(small.failures + large.failures))],
		['added latency one by one, p50 / p99, ms', ...contenders.map(({oneByOne}) => added(oneByOne, baseline.oneByOne))],
		['added latency every 0.1 s, p50 / p99, ms', ...contenders.map(({paced}) => added(paced, baseline.paced))],
		['RSS idle / at the end, MB', ...contenders.map(({rssIdleMb, rssMb}) => rssMb === 0 ? '–' : `${rssIdleMb.toFixed(0)} / ${rssMb.toFixed(0)}`)],
	];
	const widths = rows[0]!.map((_, column) => Math.max(...rows.map(row => row[column]!.length)));
	const lines = rows.map(row => `| ${row.map((cell, column) => column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)).join(' | ')} |`);
	const rule = `|${widths.map((width, column) => column === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`).join('|')}|`;
	return [lines[0]!, rule, ...lines.slice(1), '', `One compare-and-swap of a ConfigMap with 100 entries: p50 ${compareAndSwap.p50Ms.toFixed(1)} ms, p99 ${compareAndSwap.p99Ms.toFixed(1)} ms.`].join('\n');
};

/** A dash if there are no samples. */
const added = (latency: Latency, baseline: Latency): string =>
	Number.isNaN(latency.p50Ms) ? '–' : `${(latency.p50Ms - baseline.p50Ms).toFixed(1)} / ${(latency.p99Ms - baseline.p99Ms).toFixed(1)}`;
