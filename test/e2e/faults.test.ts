/** What is promised when things break in the middle of a burst. */
import {setTimeout as sleep} from 'node:timers/promises';
import test from 'ava';
import {hostPorts, missingFromLedger} from '../../harness/observe.ts';
import {untilFound, useCluster} from './helpers/cluster.ts';
import {assertSound, useDisturbances, usual} from './helpers/disturbed-burst.ts';

const cluster = useCluster(test, {workloads: false, replicas: 3, flags: ['--port-range', '10000-32767', '--hold-time', '4s', '--api-request-timeout', '2s']});

const {disturbedBurst, testReclaim, stopHolder} = useDisturbances(cluster, 10_000);

const leasePath = '/apis/coordination.k8s.io/v1/namespaces/operators/leases/hostport-ledger';
const configMapPath = (name: string) => `/api/v1/namespaces/operators/configmaps/${name}`;

/** The Lease lasts 3 s, and a second more is promised; a slow machine may take longer to get everything else done. */
const longestPauseMs = 15_000;

test.serial('kill -9 of the holder: only what was inside it fails, and succeeds on the next try', async t => {
	const {installation} = cluster();
	const burst = await disturbedBurst(t, {namespace: 'killed', disturb: async () => installation.removeReplica(await stopHolder('hostport-ledger'), 'SIGKILL')});
	assertSound(t, burst);
	t.true(burst.longestStallMs < longestPauseMs, `a pause of ${burst.longestStallMs} ms`);
	// No refusal among them: these calls broke off, and no more of them than were under way.
	t.deepEqual(burst.failures.filter(message => !/EOF|connection reset|connection refused|broken pipe/.test(message)), []);
	t.true(burst.failures.length <= 60, `${burst.failures.length} failures`);
	await installation.addReplica('successor');
});

test.serial('the Lease is deleted', async t => {
	const {client} = cluster();
	const burst = await disturbedBurst(t, {
		namespace: 'no-lease',
		async disturb() {
			for (let times = 0; times < 3; times++) {
				await client.send('DELETE', leasePath);
				await sleep(100);
			}
		},
	});
	assertSound(t, burst);
	t.deepEqual(burst.failures, []);
});

test.serial('kill -9 of all replicas, which are then started again: what they were at is tried again', async t => {
	const {installation} = cluster();
	const burst = await disturbedBurst(t, {
		namespace: 'all-killed',
		async disturb() {
			await Promise.all(installation.replicas().map(async replica => installation.removeReplica(replica, 'SIGKILL')));
			await Promise.all([1, 2, 3].map(async number => installation.addReplica(`revived-${number}`)));
		},
	});
	assertSound(t, burst);
	t.true(burst.failures.length > 0, 'the calls of killed processes break off');
});

test.serial('a page of the ledger is deleted: it comes back in quarantine, the others go on, and afterwards it holds all its live ports', async t => {
	const {client} = cluster();
	const burst = await disturbedBurst(t, {
		namespace: 'no-page',
		async disturb(basePort) {
			await client.request('DELETE', configMapPath(`hostport-ledger-${basePort}`));
		},
	});
	t.is(burst.created, usual.count);
	t.deepEqual(burst.duplicates, []);
	const ports = await hostPorts(client);
	await untilFound(async () => (await missingFromLedger(client, ports)).length === 0 ? true : undefined, 'the page to hold its ports again');
});

test.serial('the index is deleted', async t => {
	const {client} = cluster();
	const burst = await disturbedBurst(t, {namespace: 'no-index', disturb: async () => {
		await client.request('DELETE', configMapPath('hostport-ledger'));
	}});
	t.is(burst.created, usual.count);
	t.deepEqual(burst.duplicates, []);
});

test.serial('what the bursts have left in the ledger is reclaimed', testReclaim);
