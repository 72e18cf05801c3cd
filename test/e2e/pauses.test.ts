/** What is promised when processes stand still in the middle of a burst (SIGSTOP), and go on as if nothing had been. */
import {setTimeout as sleep} from 'node:timers/promises';
import test from 'ava';
import {hostPorts, missingFromLedger} from '../../scripts/burst.ts';
import {untilFound, useCluster} from './helpers/cluster.ts';
import {assertSound, useDisturbances} from './helpers/disturbed-burst.ts';

// A paused replica may answer a Pod's admission when it wakes up, as late as its webhook may take: 10 s. The hold time must
// be longer than that, as it is where it is not shortened for a test; else the reconciler frees the port before the Pod is there.
const cluster = useCluster(test, {workloads: false, replicas: 3, flags: ['--port-range', '10000-32767', '--hold-time', '14s', '--api-request-timeout', '7s', '--lease-duration', '1s']});

const {disturbedBurst, stopHolder} = useDisturbances(cluster, 10_000);

test.serial('the holder is paused for 8 s, and resumes: its late write is refused', async t => {
	const {logs} = cluster();
	const begun = logs.length;
	const burst = await disturbedBurst(t, {
		namespace: 'paused',
		async disturb() {
			const {process} = await stopHolder('hostport-ledger');
			await sleep(8000);
			process.kill('SIGCONT');
		},
	});
	assertSound(t, burst);
	t.true(logs.slice(begun).some(({msg}) => msg === 'Lease: take over'), 'somebody took the Lease over');
});

test.serial('all replicas are paused for 5 s, and resume', async t => {
	const {installation} = cluster();
	const burst = await disturbedBurst(t, {
		namespace: 'all-paused',
		async disturb() {
			const replicas = installation.replicas();
			for (const {process} of replicas) {
				process.kill('SIGSTOP');
			}

			await sleep(5000);
			for (const {process} of replicas) {
				process.kill('SIGCONT');
			}
		},
	});
	assertSound(t, burst);
	t.true(burst.longestStallMs >= 4000, 'they were paused in the middle of the burst');
});

test.serial('etcd is paused for 4 s', async t => {
	const etcd = cluster().controlPlane.processes.etcd!;
	const burst = await disturbedBurst(t, {
		namespace: 'etcd-paused',
		async disturb() {
			etcd.kill('SIGSTOP');
			await sleep(4000);
			etcd.kill('SIGCONT');
		},
	});
	assertSound(t, burst);
	t.true(burst.longestStallMs >= 3000, 'it was paused in the middle of the burst');
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
