/** The benchmark as a page: figures, goals, and the conditions of the measurement. Pure. */
import {renderTable} from './round.ts';
import type {Summary} from './round.ts';

export type Conditions = {
	readonly node: string;
	readonly kubernetes: string;
	readonly processor: string;
	readonly cores: number;
	readonly rounds: number;
	readonly command: string;
};

/** The goals were set before the first measurement. */
const goalsOf = ({contenders, compareAndSwap}: Summary): Array<readonly [figure: string, goal: string, seen: string]> => {
	const find = (name: string) => contenders.find(contender => contender.name === name);
	const [none, still, three] = [find('no webhook'), find('static patch'), find('3 replicas')];
	if (!none || !still || !three) {
		return [];
	}

	const added = (quantile: 'p50Ms' | 'p99Ms') => (three.oneByOne[quantile] - none.oneByOne[quantile]) / compareAndSwap.p50Ms;
	return [
		['burst rate of 500, 3 replicas : static patch', '≥ 0.9', (three.small.podsPerSecond / still.small.podsPerSecond).toFixed(2)],
		['burst rate of 2,000, 3 replicas : static patch', '≥ 0.9', (three.large.podsPerSecond / still.large.podsPerSecond).toFixed(2)],
		['the same : 0.43 of the static patch, the rate of the operator that this one replaces', '≥ 2', (three.large.podsPerSecond / still.large.podsPerSecond / 0.43).toFixed(2)],
		['ledger and Lease writes per Pod, burst of 500, 3 replicas', '≤ 0.1', three.small.writesPerPod.toFixed(3)],
		['added latency one by one, p50 : p50 of a compare-and-swap', '≤ 2', added('p50Ms').toFixed(2)],
		['the same, p99', '≤ 4', added('p99Ms').toFixed(2)],
		['p99 of a burst of 500 : static patch', '≤ 1.3', (three.small.p99Ms / still.small.p99Ms).toFixed(2)],
		['RSS per replica, idle, MB', '≤ 90', three.rssIdleMb.toFixed(0)],
	];
};

export const renderPage = (summary: Summary, {node, kubernetes, processor, cores, rounds, command}: Conditions): string => `# Benchmark

Measured by \`${command}\`.

![Pods per second](burst.svg)

${renderTable(summary)}

"Static patch" is a plain Node program that answers every review with the same patch and computes nothing; its patch has the size of the operator's. "Added latency" is how much longer a creation takes than without a webhook, with creations one after the other.

## Against the goals

| figure | goal | seen |
|---|---:|---:|
${goalsOf(summary).map(row => `| ${row.join(' | ')} |`).join('\n')}

## Conditions

Everything ran at once on one machine with ${cores} cores (${processor}): etcd (without fsync), kube-apiserver ${kubernetes}, the load generator, the load balancer and the webhook, on Node ${node}. Processor time that the webhook uses is therefore missing for the API server; on separate machines the difference is smaller. The figures are medians of ${rounds} round${rounds === 1 ? '' : 's'}, and the contenders take turns within a round. A burst creates Pods with two ports, with 50 requests at a time; the Pods are not scheduled. Every webhook is behind the same TCP load balancer, which sends all connections of a client to one replica, as the Service in \`deploy/\` does. With "no-affinity" it spreads them over all replicas. Each contender starts with an empty ledger, so the bursts include the creation of new pages. If any port had been given twice, the run would have failed.

This page and the chart are made from [results.json](results.json), by \`npm run docs\`.
`;
