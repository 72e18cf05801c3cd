/** What holds when replicas are killed, and the Lease or parts of the ledger are deleted, in the middle of a burst. */
import {setTimeout as sleep} from 'node:timers/promises';
import test from 'ava';
import {hostPorts, missingFromLedger} from '../../harness/observe.ts';
import {useCluster} from './helpers/cluster.ts';
import {assertAllCreated, assertReclaimed, assertSound, disturbedBurst, stopHolder} from './helpers/disturbed-burst.ts';
import {untilTrue} from './helpers/until.ts';

const cluster = useCluster(test, {workloads: false, replicas: 3, flags: ['--port-range', '10000-32767', '--hold-time', '4s', '--api-request-timeout', '2s']});

const leasePath = '/apis/coordination.k8s.io/v1/namespaces/operators/leases/hostport-ledger';
const configMapPath = (name: string) => `/api/v1/namespaces/operators/configmaps/${name}`;

/** The Lease lasts 3 s, and the pause should end a second later. The rest is for slow machines. */
const longestPauseMs = 15_000;

test.serial('kill -9 of the Lease holder fails only the requests under way', async t => {
	const {installation} = cluster();
	const burst = await disturbedBurst(t, cluster(), {
		namespace: 'killed',
		basePort: 10_000,
		disturb: async () => installation.removeReplica(await stopHolder(cluster(), 'hostport-ledger'), 'SIGKILL'),
	});
	assertAllCreated(t, burst);
	assertSound(t, burst);
	t.true(burst.longestStallMs < longestPauseMs, `a pause of ${burst.longestStallMs} ms`);
	// No request was denied. Calls broke off, and no more of them than were under way.
	t.deepEqual(burst.failures.filter(message => !/EOF|connection reset|connection refused|broken pipe/.test(message)), []);
	t.true(burst.failures.length <= 60, `${burst.failures.length} failures`);
	await installation.addReplica('successor');
});

test.serial('no request fails when the Lease is deleted', async t => {
	const {client} = cluster();
	const burst = await disturbedBurst(t, cluster(), {
		namespace: 'no-lease',
		basePort: 12_000,
		async disturb() {
			for (let times = 0; times < 3; times++) {
				await client.send('DELETE', leasePath);
				await sleep(100);
			}
		},
	});
	assertAllCreated(t, burst);
	assertSound(t, burst);
	t.deepEqual(burst.failures, []);
});

test.serial('a burst goes on after kill -9 of all replicas', async t => {
	const {installation} = cluster();
	const burst = await disturbedBurst(t, cluster(), {
		namespace: 'all-killed',
		basePort: 14_000,
		async disturb() {
			await Promise.all(installation.replicas().map(async replica => installation.removeReplica(replica, 'SIGKILL')));
			await Promise.all([1, 2, 3].map(async number => installation.addReplica(`revived-${number}`)));
		},
	});
	assertAllCreated(t, burst);
	assertSound(t, burst);
	t.true(burst.failures.length > 0, 'The calls of killed processes break off.');
});

test.serial('a deleted page comes back in quarantine and regains its live ports', async t => {
	const {client} = cluster();
	const burst = await disturbedBurst(t, cluster(), {
		namespace: 'no-page',
		basePort: 16_000,
		async disturb() {
			await client.request('DELETE', configMapPath('hostport-ledger-16000'));
		},
	});
	assertAllCreated(t, burst);
	t.deepEqual(burst.duplicates, []);
	const ports = await hostPorts(client);
	await untilTrue(async () => (await missingFromLedger(client, ports)).length === 0, 'the page to hold its ports again');
});

test.serial('no port is given twice when the index is deleted', async t => {
	const {client} = cluster();
	const burst = await disturbedBurst(t, cluster(), {
		namespace: 'no-index',
		basePort: 18_000,
		async disturb() {
			await client.request('DELETE', configMapPath('hostport-ledger'));
		},
	});
	assertAllCreated(t, burst);
	t.deepEqual(burst.duplicates, []);
});

test.serial('entries that the bursts left without a Pod are freed', async t => assertReclaimed(t, cluster()));
