/**
 * `npm run bench:idle`: compares values of `--lease-idle`, which keeps the Lease for a while after a commit. Sends reviews one by
 * one straight to three replicas: all to one replica, or to each in turn, as if each came from another API server. Prints the
 * latency and the writes of ledger and Leases for each review. A replica's first review is not counted.
 */
import {randomUUID} from 'node:crypto';
import {readFileSync} from 'node:fs';
import https from 'node:https';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {parseArgs} from 'node:util';
import {build} from '../scripts/build.ts';
import {countWrites} from '../harness/count-writes.ts';
import {createKubeClient} from '../harness/kube-client.ts';
import {serviceAccount} from '../harness/product-objects.ts';
import {install} from '../harness/replicas.ts';
import {startControlPlane} from '../harness/control-plane/start.ts';
import {readText, sendRequest} from '../src/kubernetes/http-request.ts';
import {median, quantile} from './figures.ts';
import {clear, namespace} from './load.ts';

const {values} = parseArgs({options: {
	idle: {type: 'string', default: '0ms,10ms,50ms,200ms,1s'},
	gaps: {type: 'string', default: '0,100'},
	calls: {type: 'string', default: '25'},
	rounds: {type: 'string', default: '2'},
}});

const review = JSON.parse(readFileSync(new URL('../test/fixtures/review-replicaset-pod.json', import.meta.url), 'utf8')) as {readonly request: object};
// Replicas make their own certificates, which this process does not know.
const agent = new https.Agent({keepAlive: true, rejectUnauthorized: false});
using _closing = {[Symbol.dispose]: () => agent.destroy()};

/** Milliseconds that a replica takes to answer a review with ports. */
const call = async (port: number): Promise<number> => {
	const sentAt = performance.now();
	const response = await sendRequest({server: `https://127.0.0.1:${port}`, agent, authorization: async () => ({})}, {
		method: 'POST',
		path: '/mutate-pods?timeout=10s',
		headers: {'content-type': 'application/json'},
		body: {...review, request: {...review.request, uid: randomUUID(), namespace}},
		signal: AbortSignal.timeout(10_000),
	});
	const answer = await readText(response);
	if (!answer.includes('"patch":')) {
		throw new Error(`the replica gave no ports: ${answer}`);
	}

	return performance.now() - sentAt;
};

await build();
await using controlPlane = await startControlPlane({workloads: false, onProgress: line => console.error(line)});
await using client = await createKubeClient(controlPlane.kubeconfigPath);
for (const name of [namespace, 'operators']) {
	await client.request('POST', '/api/v1/namespaces', {apiVersion: 'v1', kind: 'Namespace', metadata: {name}});
}

const kubeconfig = await controlPlane.kubeconfigFor(serviceAccount);
const writes = async () => {
	const {configMaps, leases} = await countWrites(client);
	return configMaps + leases;
};

type Series = {readonly samples: number[]; writes: number};

const series = new Map<string, Series>();
for (let round = 0; round < Number(values.rounds); round++) {
	for (const idle of values.idle.split(',')) {
		await clear(client);
		await using installation = await install({client, kubeconfig, directory: path.join(controlPlane.directory, 'idle'), replicas: 3, flags: [`--lease-idle=${idle}`]});
		const ports = installation.replicas().map(({webhookPort}) => webhookPort);
		for (const port of ports) {
			await call(port);
		}

		for (const [where, targets] of [['one replica', ports.slice(0, 1)], ['in turn', ports]] as const) {
			for (const gapMs of values.gaps.split(',').map(Number)) {
				const key = `| ${idle} | ${where} | ${gapMs} |`;
				const own = series.get(key) ?? {samples: [], writes: 0};
				const before = await writes();
				for (let index = 0; index < Number(values.calls); index++) {
					await sleep(gapMs);
					own.samples.push(await call(targets[index % targets.length]!));
				}

				// Counts the writes after the last review too, unless the Lease is kept for longer than this.
				await sleep(100);
				own.writes += await writes() - before;
				series.set(key, own);
			}
		}
	}
}

console.log('| kept idle | calls | ms between | p50 / p99, ms | writes per Pod |');
console.log('|---|---|---:|---:|---:|');
for (const [key, {samples, writes: count}] of series) {
	console.log(`${key} ${median(samples).toFixed(1)} / ${quantile(samples, 0.99).toFixed(1)} | ${(count / samples.length).toFixed(2)} |`);
}
