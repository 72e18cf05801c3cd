/** The benchmark's page in the documentation: figures, goals, and the conditions under which they came about. */
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

/** Where the goals come from: the project's own, set before it was measured. */
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
		['the same : 0.43 of the static patch, which is what the operator before this one made of a webhook without work', '≥ 2', (three.large.podsPerSecond / still.large.podsPerSecond / 0.43).toFixed(2)],
		['ledger and Lease writes per Pod, burst of 500, 3 replicas', '≤ 0.1', three.small.writesPerPod.toFixed(3)],
		['added latency one by one, p50 : p50 of a compare-and-swap', '≤ 2', added('p50Ms').toFixed(2)],
		['the same, p99', '≤ 4', added('p99Ms').toFixed(2)],
		['p99 of a burst of 500 : static patch', '≤ 1.3', (three.small.p99Ms / still.small.p99Ms).toFixed(2)],
		['RSS per replica, idle, MB', '≤ 90', three.rssIdleMb.toFixed(0)],
	];
};

export const renderPage = (summary: Summary, {node, kubernetes, processor, cores, rounds, command}: Conditions): string => `# Benchmark

Made by \`${command}\`.

![Pods per second](burst.svg)

${renderTable(summary)}

"Static patch" is a webhook that answers every review with the same patch of the same size, as a plain Node program, and computes nothing. "Added" is what creations one after the other take longer than without a webhook.

## Against the goals

| figure | goal | seen |
|---|---:|---:|
${goalsOf(summary).map(row => `| ${row.join(' | ')} |`).join('\n')}

## Conditions

One machine with ${cores} cores (${processor}), on which everything ran at once: etcd (without fsync), kube-apiserver ${kubernetes}, the load, the balancer and the webhook, Node ${node}. So whatever the webhook uses, the API server lacks: where they have machines of their own, the difference is smaller. Medians of ${rounds} round${rounds === 1 ? '' : 's'} in which the contenders took turns. A burst has fifty creations under way at a time, of Pods with two ports; nothing schedules or runs them. All webhooks stand behind the same TCP balancer, which sends the connections of one client to one replica as the Service in \`deploy/\` does, but where it says "no-affinity". Each contender starts with an empty ledger, so that bursts pay for new pages too. A port given twice would have ended the run.
`;
