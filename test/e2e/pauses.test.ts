/** What holds when processes are paused in the middle of a burst (SIGSTOP) and resume later. */
import {setTimeout as sleep} from 'node:timers/promises';
import test from 'ava';
import {hostPorts, missingFromLedger} from '../../harness/observe.ts';
import type {LogLine} from '../../harness/replica.ts';
import {useCluster} from './helpers/cluster.ts';
import {assertAllCreated, assertReclaimed, assertSound, disturbedBurst, stopHolder} from './helpers/disturbed-burst.ts';
import {podsPath} from './helpers/pods.ts';
import {untilFound, untilTrue} from './helpers/until.ts';

// A paused replica may still answer a Pod's admission when it resumes, up to 10 s after the request: the webhook's timeout. The
// hold time must be longer than that, as the default is; else the reconciler frees the port before the Pod is stored.
const cluster = useCluster(test, {workloads: false, replicas: 3, flags: ['--port-range', '10000-32767', '--hold-time', '14s', '--api-request-timeout', '7s', '--lease-duration', '1s']});

test.serial('a holder that is paused past its Lease has its late write rejected', async t => {
	const {logs} = cluster();
	const begun = logs.length;
	const burst = await disturbedBurst(t, cluster(), {
		namespace: 'paused',
		basePort: 10_000,
		async disturb() {
			const {identity, process} = await stopHolder(cluster(), 'hostport-ledger');
			const takeOver = await untilFound(async () => {
				const index = logs.findIndex(({msg}, index) => index >= begun && msg === 'Lease: take over');
				return index >= 0 && index;
			}, 'another replica to take the Lease over');
			const isWrite = (line: LogLine) => line.msg === 'allocated' && line.identity !== identity;
			await untilTrue(() => logs.slice(takeOver).filter(isWrite).length >= 20, 'other replicas to write');
			process.kill('SIGCONT');
		},
	});
	assertAllCreated(t, burst);
	assertSound(t, burst);
});

test.serial('a paused reconciler that resumes loses no port of a live Pod', async t => {
	const {client, logs} = cluster();
	const path = podsPath('paused');
	const deletePods = async () => {
		const {items} = await client.request<{items: Array<{metadata: {name: string}}>}>('GET', path);
		await Promise.all(items.slice(0, 50).map(async ({metadata: {name}}) => client.request('DELETE', `${path}/${name}?gracePeriodSeconds=0`)));
	};

	const passBegins = async (begun: number, accept: (identity: string) => boolean) =>
		untilTrue(() => logs.slice(begun).some(({msg, identity}) => msg === 'a pass begins' && accept(identity)), 'a pass');
	const burst = await disturbedBurst(t, cluster(), {
		namespace: 'reconciler-paused',
		basePort: 12_000,
		async disturb() {
			// So that the pass has something to release.
			await deletePods();
			await passBegins(logs.length, () => true);
			const {identity, process} = await stopHolder(cluster(), 'hostport-reconciler');
			const stopped = logs.length;
			await passBegins(stopped, other => other !== identity);
			await deletePods();
			process.kill('SIGCONT');
		},
	});
	assertAllCreated(t, burst);
	assertSound(t, burst);
	// By now the replica that was paused has tried to write its judgements.
	await passBegins(logs.length, () => true);
	t.deepEqual(await missingFromLedger(client, await hostPorts(client)), []);
});

test.serial('a burst goes on after all replicas were paused for three Lease durations', async t => {
	const {installation} = cluster();
	const burst = await disturbedBurst(t, cluster(), {
		namespace: 'all-paused',
		basePort: 14_000,
		async disturb() {
			const replicas = installation.replicas();
			for (const {process} of replicas) {
				process.kill('SIGSTOP');
			}

			await sleep(3000);
			for (const {process} of replicas) {
				process.kill('SIGCONT');
			}
		},
	});
	assertAllCreated(t, burst);
	assertSound(t, burst);
	t.true(burst.longestStallMs >= 2000, 'The replicas were paused in the middle of the burst.');
});

test.serial('a burst goes on after etcd was paused for 3 s', async t => {
	const etcd = cluster().controlPlane.processes.etcd!;
	const burst = await disturbedBurst(t, cluster(), {
		namespace: 'etcd-paused',
		basePort: 16_000,
		async disturb() {
			etcd.kill('SIGSTOP');
			await sleep(3000);
			etcd.kill('SIGCONT');
		},
	});
	assertAllCreated(t, burst);
	assertSound(t, burst);
	t.true(burst.longestStallMs >= 2000, 'It was paused in the middle of the burst.');
});

test.serial('entries that the bursts left without a Pod are freed', async t => assertReclaimed(t, cluster()));
