/**
 * `npm run churn -- --minutes 20 --seed 1`: creates, rejects, finishes and deletes Pods, and stops and kills replicas. With
 * `--kill-leader N` it kills the reconciling replica N times during a pass instead. At the end ledger and cluster must agree
 * exactly, and no port may ever have been given twice.
 */
import process from 'node:process';
import {setTimeout as sleep} from 'node:timers/promises';
import {parseArgs} from 'node:util';
import {createBurst} from '../harness/burst.ts';
import {countWrites} from '../harness/count-writes.ts';
import {createKubeClient} from '../harness/kube-client.ts';
import {differences, duplicates, hostPorts} from '../harness/observe.ts';
import {serviceAccount} from '../harness/product-objects.ts';
import type {Replica} from '../harness/replica.ts';
import {install} from '../harness/replicas.ts';
import {build} from './build.ts';
import {startControlPlane} from '../harness/control-plane/start.ts';
import {until} from '../harness/control-plane/until.ts';

const usage = `Creates, rejects, finishes and deletes Pods in a real control plane, stops and kills replicas, and compares ledger and cluster.

    npm run churn -- [options]

Options:
    --minutes <number>      how long (default: 20)
    --seed <number>         start of the random numbers (default: 1)
    --kill-leader <number>  kill the reconciling replica so often during a pass, and do nothing else (default: 0)
    --hold-time <duration>  of the replicas (default: 120s)
    --help                  show this help`;

const {values: {minutes, seed, 'kill-leader': kills, 'hold-time': holdTime, help}} = parseArgs({options: {
	minutes: {type: 'string', default: '20'},
	seed: {type: 'string', default: '1'},
	'kill-leader': {type: 'string', default: '0'},
	'hold-time': {type: 'string', default: '120s'},
	help: {type: 'boolean', short: 'h', default: false},
}});
if (help) {
	console.log(usage);
	process.exit(0);
}

/** A random generator with a seed (mulberry32), so that a run can be repeated as far as a real cluster allows. */
const randomFrom = (start: number) => {
	let state = start;
	return () => {
		state = (state + 0x6D_2B_79_F5) | 0;
		let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
		mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
	};
};

const random = randomFrom(Number(seed));
const mergePatch = 'application/merge-patch+json';
const basePort = 10_000;
const pods = (namespace: string) => `/api/v1/namespaces/${namespace}/pods`;

await build();
await using controlPlane = await startControlPlane({workloads: false, onProgress: line => console.log(line)});
await using client = await createKubeClient(controlPlane.kubeconfigPath);
for (const name of ['left', 'right', 'poor']) {
	await client.request('POST', '/api/v1/namespaces', {apiVersion: 'v1', kind: 'Namespace', metadata: {name}});
}

// Admission needs the quota's status, which the controller manager would fill in; this control plane runs without one.
const quota = '/api/v1/namespaces/poor/resourcequotas';
await client.request('POST', quota, {apiVersion: 'v1', kind: 'ResourceQuota', metadata: {name: 'none'}, spec: {hard: {pods: '0'}}});
await client.request('PATCH', `${quota}/none/status`, {status: {hard: {pods: '0'}, used: {pods: '0'}}}, mergePatch);

let passes = 0;
let killed = 0;
const leaseSeconds = Number(kills) > 0 ? '1s' : '3s';
// Set after `install`: replicas log before it has returned.
let running: () => readonly Replica[] = () => [];
await using installation = await install({
	client,
	kubeconfig: await controlPlane.kubeconfigFor(serviceAccount),
	directory: `${controlPlane.directory}/replicas`,
	replicas: 3,
	flags: ['--hold-time', holdTime, '--api-request-timeout', holdTime === '120s' ? '60s' : '1s', '--lease-duration', leaseSeconds, '--log-level', 'debug'],
	onLog({msg, identity}) {
		if (msg !== 'a pass begins') {
			return;
		}

		passes++;
		if (killed < Number(kills)) {
			const leader = running().find(replica => replica.identity === identity);
			// Between the first read and the last write of the pass.
			setTimeout(() => {
				if (leader?.process.kill('SIGKILL')) {
					killed++;
					void installation.addReplica(`after-kill-${killed}`);
				}
			}, random() * 60);
		}
	},
});

running = installation.replicas;

const counts = {created: 0, refused: 0, deleted: 0, finished: 0, failedTries: 0, restarts: 0, samples: 0, duplicates: 0};
const before = await countWrites(client);
const endAt = performance.now() + Number(minutes) * 60_000;
const isOver = () => (Number(kills) > 0 ? killed >= Number(kills) : performance.now() >= endAt);

const createAndDeletePods = async (): Promise<void> => {
	while (!isOver()) {
		const wave = await createBurst({client, count: 100 + Math.floor(random() * 150), concurrency: 60, namespaces: ['left', 'right'], basePort, attempts: 100});
		counts.created += wave.created;
		counts.failedTries += wave.failures.length;
		const refused = await createBurst({client, count: 5, concurrency: 5, namespaces: ['poor'], basePort});
		counts.refused += refused.failures.length;
		for (const namespace of ['left', 'right']) {
			const {items} = await client.request<{items: Array<{metadata: {name: string}}>}>('GET', pods(namespace));
			for (const {metadata: {name}} of items) {
				const fate = random();
				if (fate < 0.5) {
					await client.request('DELETE', `${pods(namespace)}/${name}?gracePeriodSeconds=0`);
					counts.deleted++;
				} else if (fate < 0.55) {
					await client.request('PATCH', `${pods(namespace)}/${name}/status`, {status: {phase: random() < 0.5 ? 'Succeeded' : 'Failed'}}, mergePatch);
					counts.finished++;
				}
			}
		}

		await sleep(random() * 20_000);
	}
};

const restartReplicas = async (): Promise<void> => {
	while (!isOver()) {
		// A new reconciler measures ages from zero. If replicas restarted faster than the hold time, no port would become free.
		await sleep(60_000 + random() * 120_000);
		const replicas = installation.replicas();
		const replica = replicas[Math.floor(random() * replicas.length)];
		if (replica && Number(kills) === 0) {
			await installation.removeReplica(replica, random() < 0.5 ? 'SIGKILL' : 'SIGTERM');
			await installation.addReplica(`restart-${++counts.restarts}`);
		}
	}
};

const sampleDuplicates = async (): Promise<void> => {
	while (!isOver()) {
		counts.duplicates += duplicates(await hostPorts(client)).length;
		counts.samples++;
		await sleep(1000);
	}
};

const report = setInterval(() => console.log(JSON.stringify({...counts, passes, killed})), 60_000);
await Promise.all([createAndDeletePods(), restartReplicas(), sampleDuplicates()]);
clearInterval(report);
const during = await countWrites(client);

let left = await differences(client);
// If they still differ after this, the result below says so.
await until(async () => {
	left = await differences(client);
	return left.length === 0;
}, {what: 'ledger and cluster to agree', budgetMs: 300_000, intervalMs: 2000}).catch(() => {});

const after = await countWrites(client);
const writes = after.configMaps - before.configMaps + after.leases - before.leases;
console.log(JSON.stringify({
	...counts,
	passes,
	killed,
	differences: left.length,
	writes,
	writesPerPod: Number((writes / counts.created).toFixed(3)),
	configMapWrites: during.configMaps - before.configMaps,
	leaseWrites: during.leases - before.leases,
	conflicts: after.refused - before.refused,
}));
for (const line of left.slice(0, 20)) {
	console.log(line);
}

process.exitCode = left.length === 0 && counts.duplicates === 0 ? 0 : 1;
