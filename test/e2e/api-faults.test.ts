/** What holds when the API server, or the connection to it, breaks in the middle of a burst. */
import {readFile, writeFile} from 'node:fs/promises';
import {setTimeout as sleep} from 'node:timers/promises';
import test from 'ava';
import {startFaultProxy} from '../../harness/fault-proxy.ts';
import type {Fault, FaultProxy} from '../../harness/fault-proxy.ts';
import {useCluster} from './helpers/cluster.ts';
import type {Stage} from './helpers/cluster.ts';
import {assertAllCreated, assertReclaimed, assertSound, disturbedBurst} from './helpers/disturbed-burst.ts';
import {untilTrue} from './helpers/until.ts';

/** While faults are on, this fraction of the exchanges between replicas and API server loses its request, and as many lose their answer. */
const faultRate = 1 / 6;

const randomFault = (): Fault | undefined => {
	const dice = Math.random() / faultRate;
	return dice < 1 ? 'lose request' : dice < 2 ? 'lose answer' : undefined;
};

type FaultyConnection = {
	readonly proxy: FaultProxy;
	/** Faults happen while `work` runs. */
	readonly withFaults: (work: () => Promise<void>) => Promise<void>;
};

/** Puts a proxy between the replicas and the API server. */
const connectByProxy = async ({controlPlane: {serverUrl}, operatorKubeconfig, started}: Stage): Promise<{kubeconfig: string; prepared: FaultyConnection}> => {
	let isFaulty = false;
	const proxy = started.use(await startFaultProxy({targetPort: Number(new URL(serverUrl).port), chooseFault: () => isFaulty ? randomFault() : undefined}));
	const kubeconfig = `${operatorKubeconfig}.proxy`;
	await writeFile(kubeconfig, (await readFile(operatorKubeconfig, 'utf8')).replace(serverUrl, `https://127.0.0.1:${proxy.port}`), {mode: 0o600});
	const withFaults = async (work: () => Promise<void>): Promise<void> => {
		isFaulty = true;
		await work().finally(() => {
			isFaulty = false;
		});
	};

	return {kubeconfig, prepared: {proxy, withFaults}};
};

const cluster = useCluster(test, {
	workloads: false,
	replicas: 3,
	flags: ['--port-range', '2000-32767', '--hold-time', '6s', '--api-request-timeout', '3s', '--lease-duration', '1s'],
	prepare: connectByProxy,
});

/** Commits whose request or answer was lost, as the replicas count them. */
const failedCommits = async (): Promise<number> => {
	let count = 0;
	for (const {metricsPort} of cluster().installation.replicas()) {
		const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
		count += Number(/^hostport_ledger_commits_total\{result="failed"\} (\d+)$/m.exec(text)?.[1] ?? 0);
	}

	return count;
};

test.serial('writes survive lost requests and lost answers', async t => {
	const {proxy: {counts}, withFaults} = cluster().prepared;
	const burst = await disturbedBurst(t, cluster(), {
		namespace: 'lossy',
		basePort: 2000,
		lastsUntilDisturbed: true,
		disturb: async () => withFaults(async () => untilTrue(async () => await failedCommits() >= 5 && counts['lose answer'] >= 10, 'commits that fail')),
	});
	t.log(`lost requests: ${counts['lose request']}, lost answers: ${counts['lose answer']}; commits among them: ${await failedCommits()}`);
	assertSound(t, burst);
});

test.serial('a burst goes on while all connections to the API server are reset repeatedly', async t => {
	const {proxy} = cluster().prepared;
	const burst = await disturbedBurst(t, cluster(), {
		namespace: 'reset',
		basePort: 14_000,
		lastsUntilDisturbed: true,
		async disturb() {
			let count = 0;
			for (let times = 0; times < 10; times++) {
				count += proxy.resetAll();
				await sleep(150);
			}

			return count;
		},
	});
	t.log(`${burst.disturbance} connections were reset`);
	assertSound(t, burst);
	t.true(burst.disturbance > 0);
});

test.serial('a burst goes on after kill -9 and restart of the API server', async t => {
	const {controlPlane} = cluster();
	const burst = await disturbedBurst(t, cluster(), {
		namespace: 'api-killed',
		basePort: 26_000,
		async disturb() {
			controlPlane.processes['kube-apiserver']?.kill('SIGKILL');
			await controlPlane.restartApiServer();
		},
	});
	assertAllCreated(t, burst);
	assertSound(t, burst);
	t.true(burst.failures.length > 0, 'Creations break off.');
});

test.serial('entries that the bursts left without a Pod are freed', async t => assertReclaimed(t, cluster()));
