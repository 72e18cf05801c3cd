/** What is promised when processes stand still in the middle of a burst (SIGSTOP), and go on as if nothing had been. */
import {setTimeout as sleep} from 'node:timers/promises';
import test from 'ava';
import {hostPorts, missingFromLedger} from '../../harness/observe.ts';
import type {LogLine} from '../../harness/replica.ts';
import {untilFound, useCluster} from './helpers/cluster.ts';
import {assertSound, useDisturbances} from './helpers/disturbed-burst.ts';

// A paused replica may answer a Pod's admission when it wakes up, as late as its webhook may take: 10 s. The hold time must
// be longer than that, as it is where it is not shortened for a test; else the reconciler frees the port before the Pod is there.
const cluster = useCluster(test, {workloads: false, replicas: 3, flags: ['--port-range', '10000-32767', '--hold-time', '14s', '--api-request-timeout', '7s', '--lease-duration', '1s']});

const {disturbedBurst, testReclaim, stopHolder} = useDisturbances(cluster, 10_000);

test.serial('the holder is paused until another has taken its place, and resumes: its late write is refused', async t => {
	const {logs} = cluster();
	const begun = logs.length;
	const burst = await disturbedBurst(t, {
		namespace: 'paused',
		async disturb() {
			const {identity, process} = await stopHolder('hostport-ledger');
			const takeOver = await untilFound(async () => {
				const index = logs.findIndex(({msg}, index) => index >= begun && msg === 'Lease: take over');
				return index >= 0 && index;
			}, 'somebody to take the Lease over');
			const isWrite = (line: LogLine) => line.msg === 'allocated' && line.identity !== identity;
			await untilFound(async () => logs.slice(takeOver).filter(isWrite).length >= 20, 'others to write');
			process.kill('SIGCONT');
		},
	});
	assertSound(t, burst);
});

test.serial('the reconciler is paused while another takes its place, and it resumes: nothing of a live Pod is lost', async t => {
	const {client, logs} = cluster();
	const podsPath = '/api/v1/namespaces/paused/pods';
	const deletePods = async () => {
		const {items} = await client.request<{items: Array<{metadata: {name: string}}>}>('GET', podsPath);
		await Promise.all(items.slice(0, 50).map(async ({metadata: {name}}) => client.request('DELETE', `${podsPath}/${name}?gracePeriodSeconds=0`)));
	};

	const passBegins = async (begun: number, accept: (identity: string) => boolean) =>
		untilFound(async () => logs.slice(begun).some(({msg, identity}) => msg === 'a pass begins' && accept(identity)) ? true : undefined, 'a pass');
	const burst = await disturbedBurst(t, {
		namespace: 'reconciler-paused',
		async disturb() {
			// Then the pass has something to release.
			await deletePods();
			await passBegins(logs.length, () => true);
			const {identity, process} = await stopHolder('hostport-reconciler');
			const stopped = logs.length;
			await passBegins(stopped, other => other !== identity);
			await deletePods();
			process.kill('SIGCONT');
		},
	});
	assertSound(t, burst);
	// What the sleeper had judged is written by now, if it is ever.
	await passBegins(logs.length, () => true);
	t.deepEqual(await missingFromLedger(client, await hostPorts(client)), []);
});

test.serial('all replicas are paused for three times as long as their Lease lasts, and resume', async t => {
	const {installation} = cluster();
	const burst = await disturbedBurst(t, {
		namespace: 'all-paused',
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
	assertSound(t, burst);
	t.true(burst.longestStallMs >= 2000, 'they were paused in the middle of the burst');
});

test.serial('etcd is paused for 3 s', async t => {
	const etcd = cluster().controlPlane.processes.etcd!;
	const burst = await disturbedBurst(t, {
		namespace: 'etcd-paused',
		async disturb() {
			etcd.kill('SIGSTOP');
			await sleep(3000);
			etcd.kill('SIGCONT');
		},
	});
	assertSound(t, burst);
	t.true(burst.longestStallMs >= 2000, 'it was paused in the middle of the burst');
});

test.serial('what the bursts have left in the ledger is reclaimed', testReclaim);
