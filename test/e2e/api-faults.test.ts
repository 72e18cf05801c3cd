/** What is promised while the API server and the way to it break in the middle of a burst. */
import {readFile, writeFile} from 'node:fs/promises';
import {setTimeout as sleep} from 'node:timers/promises';
import test from 'ava';
import {startFaultProxy} from '../../harness/fault-proxy.ts';
import type {Fault, FaultProxy} from '../../harness/fault-proxy.ts';
import {untilFound, useCluster} from './helpers/cluster.ts';
import {assertSound, useDisturbances} from './helpers/disturbed-burst.ts';

/** One in so many exchanges between replicas and API server meets with each fault, while there are any. */
const oneIn = 6;

let proxy: FaultProxy;
let isFaulty = false;

const cluster = useCluster(test, {
	workloads: false,
	replicas: 3,
	flags: ['--port-range', '2000-32767', '--hold-time', '6s', '--api-request-timeout', '3s', '--lease-duration', '1s'],
	async kubeconfigOf({controlPlane: {serverUrl}, operatorKubeconfig}) {
		proxy = await startFaultProxy({targetPort: Number(new URL(serverUrl).port), chooseFault: () => isFaulty ? chance() : undefined});
		const file = `${operatorKubeconfig}.proxy`;
		await writeFile(file, (await readFile(operatorKubeconfig, 'utf8')).replace(serverUrl, `https://127.0.0.1:${proxy.port}`), {mode: 0o600});
		return file;
	},
});

test.after.always(async () => proxy?.[Symbol.asyncDispose]());

const {disturbedBurst, testReclaim} = useDisturbances(cluster, 2000);

const chance = (): Fault | undefined => {
	const dice = Math.floor(Math.random() * oneIn);
	return dice === 0 ? 'lose request' : dice === 1 ? 'lose answer' : undefined;
};

/** Commits whose answers, or which themselves, were lost, as the replicas count them. */
const failedCommits = async (): Promise<number> => {
	let count = 0;
	for (const {metricsPort} of cluster().installation.replicas()) {
		const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
		count += Number(/^hostport_ledger_commits_total\{result="failed"\} (\d+)$/m.exec(text)?.[1] ?? 0);
	}

	return count;
};

test.serial('requests are lost, and answers after they were carried out: each write is found again by its claim, or made again', async t => {
	const burst = await disturbedBurst(t, {
		namespace: 'lossy',
		forAsLongAsItTakes: true,
		async disturb() {
			isFaulty = true;
			await untilFound(async () => await failedCommits() >= 5 && proxy.counts['lose answer'] >= 10 ? true : undefined, 'commits that fail').finally(() => {
				isFaulty = false;
			});
		},
	});
	t.log(`lost requests: ${proxy.counts['lose request']}, lost answers: ${proxy.counts['lose answer']}; commits among them: ${await failedCommits()}`);
	t.deepEqual(burst.duplicates, []);
	t.deepEqual(burst.missing, []);
});

test.serial('all connections to the API server are reset, again and again', async t => {
	let count = 0;
	const burst = await disturbedBurst(t, {
		namespace: 'reset',
		forAsLongAsItTakes: true,
		async disturb() {
			for (let times = 0; times < 10; times++) {
				count += proxy.resetAll();
				await sleep(150);
			}
		},
	});
	t.log(`${count} connections were reset`);
	t.deepEqual(burst.duplicates, []);
	t.deepEqual(burst.missing, []);
	t.true(count > 0);
});

test.serial('the API server is killed with -9, and started again', async t => {
	const {controlPlane} = cluster();
	const burst = await disturbedBurst(t, {
		namespace: 'api-killed',
		async disturb() {
			controlPlane.processes['kube-apiserver']?.kill('SIGKILL');
			await controlPlane.restartApiServer();
		},
	});
	// A Pod that was stored although its creator has heard nothing is one more.
	assertSound(t, burst);
	t.true(burst.failures.length > 0, 'creations break off');
});

test.serial('what the bursts have left in the ledger is reclaimed', testReclaim);
