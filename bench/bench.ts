/**
 * `npm run bench`: compares the product with a webhook that computes nothing, and with no webhook, on a real control plane on
 * this machine. The contenders take turns in each round.
 */
import {mkdir, writeFile} from 'node:fs/promises';
import os from 'node:os';
import process from 'node:process';
import {setTimeout as sleep} from 'node:timers/promises';
import {parseArgs} from 'node:util';
import {build} from '../scripts/build.ts';
import {startControlPlane} from '../harness/control-plane/start.ts';
import {createKubeClient} from '../harness/kube-client.ts';
import {serviceAccount} from '../harness/product-objects.ts';
import {parseContender} from './contender-spec.ts';
import {renderChart} from './chart.ts';
import {contenderOf} from './contenders.ts';
import type {Contender} from './contenders.ts';
import {assertNoDuplicates, clear, measureBurst, measureCompareAndSwap, measureOneByOne, namespace} from './load.ts';
import {usageOf} from './process-usage.ts';
import {renderPage} from './page.ts';
import {renderTable, summarize} from './round.ts';
import type {Round} from './round.ts';

const {values} = parseArgs({options: {
	rounds: {type: 'string', default: '3'},
	contender: {type: 'string', multiple: true, default: ['none', 'static', '1', '3', '5', '3 no-affinity']},
	'large-burst': {type: 'string', default: '2000'},
	/** Number of creations one by one, and of creations every 0.1 s. Use fewer to compare bursts only. */
	singles: {type: 'string', default: '200'},
	paced: {type: 'string', default: '50'},
	output: {type: 'string'},
	directory: {type: 'string'},
}});
const specs = values.contender.map(parseContender);

await build();
// Disposed of last, because after tens of thousands of requests the process sometimes stayed alive for minutes with nothing to do.
using _end = {[Symbol.dispose]: () => setImmediate(() => process.exit())};
await using controlPlane = await startControlPlane({
	workloads: false,
	onProgress: line => console.error(line),
	...(values.directory && {directory: values.directory}),
});
await using client = await createKubeClient(controlPlane.kubeconfigPath);
for (const name of [namespace, 'operators']) {
	await client.request('POST', '/api/v1/namespaces', {apiVersion: 'v1', kind: 'Namespace', metadata: {name}});
}

const stage = {client, kubeconfig: await controlPlane.kubeconfigFor(serviceAccount), directory: controlPlane.directory};
const contenders = await Promise.all(specs.map(async spec => contenderOf(stage, spec)));

const measureRound = async (contender: Contender): Promise<Round> => {
	await clear(client);
	await using running = await contender.start();
	// Lets connections, caches and the compiler warm up.
	await sleep(1000);
	const rssIdleMb = (await Promise.all(running.pids.map(usageOf))).map(({rssMb}) => rssMb);
	const measured = {contender: running.pids, controlPlane: Object.values(controlPlane.processes).map(({pid}) => pid)};
	await measureBurst(client, 200, measured);
	const small = await measureBurst(client, 500, measured);
	const large = await measureBurst(client, Number(values['large-burst']), measured);
	await sleep(500);
	const oneByOneMs = await measureOneByOne(client, Number(values.singles), 0);
	const pacedMs = await measureOneByOne(client, Number(values.paced), 100);
	const rssMb = (await Promise.all(running.pids.map(usageOf))).map(({rssMb}) => rssMb);
	if (contender.name.includes('replica')) {
		await assertNoDuplicates(client);
	}

	return {contender: contender.name, small, large, oneByOneMs, pacedMs, rssIdleMb, rssMb};
};

const rounds: Round[] = [];
const compareAndSwapMs: number[] = [];
for (let round = 0; round < Number(values.rounds); round++) {
	compareAndSwapMs.push(...await measureCompareAndSwap(client, 100));
	// Each round begins with another contender, so that no contender always gets the youngest API server.
	const start = round % contenders.length;
	for (const contender of [...contenders.slice(start), ...contenders.slice(0, start)]) {
		const figures = await measureRound(contender);
		rounds.push(figures);
		console.error(`round ${round + 1}, ${contender.name}: ${figures.small.podsPerSecond.toFixed(0)} and ${figures.large.podsPerSecond.toFixed(0)} Pods/s, p99 ${figures.small.p99Ms.toFixed(0)} ms, ${figures.small.writesPerPod.toFixed(3)} writes per Pod, ${figures.large.cpuSecondsPer1000Pods.toFixed(2)} CPU s per 1,000, control plane ${figures.large.controlPlaneCpuSecondsPer1000Pods.toFixed(2)}`);
	}
}

const summary = summarize(rounds, compareAndSwapMs);
console.log(renderTable(summary));
if (values.output) {
	const conditions = {node: process.version, kubernetes: controlPlane.version, processor: os.cpus()[0]?.model ?? 'unknown', cores: os.availableParallelism(), rounds: Number(values.rounds), command: ['npm run bench --', ...process.argv.slice(2)].join(' ')};
	await mkdir(values.output, {recursive: true});
	await Promise.all([
		writeFile(`${values.output}/results.json`, `${JSON.stringify({conditions, summary, rounds: rounds.map(({oneByOneMs: _one, pacedMs: _paced, ...rest}) => rest)}, undefined, '\t')}\n`),
		writeFile(`${values.output}/burst.svg`, renderChart(summary)),
		writeFile(`${values.output}/README.md`, renderPage(summary, conditions)),
	]);
}
