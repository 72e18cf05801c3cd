/** What becomes of the ledger when the replica that keeps it true is killed. */
import test from 'ava';
import {differences} from '../../harness/observe.ts';
import {untilFound, useCluster} from './helpers/cluster.ts';
import {assertSound, useDisturbances} from './helpers/disturbed-burst.ts';

// The Lease of the reconciler lasts five times as long as that of the ledger.
const cluster = useCluster(test, {workloads: false, replicas: 3, flags: ['--port-range', '10000-32767', '--hold-time', '2s', '--api-request-timeout', '1s', '--lease-duration', '1s']});

const {disturbedBurst, testReclaim, stopHolder} = useDisturbances(cluster, 10_000);

const untilAgreed = async () => {
	let last: string[] = [];
	await untilFound(async () => {
		last = await differences(cluster().client);
		return last.length === 0;
	}, 'ledger and cluster to agree', 500).catch((error: unknown) => {
		throw new Error(`${last.length} differences: ${last.slice(0, 5).join('; ')}`, {cause: error});
	});
};

/** Resolves when another replica says that it reconciles now. */
const untilSucceeded = async (begun: number, predecessor: string) => untilFound(
	async () => cluster().logs.slice(begun).some(({msg, identity}) => msg === 'reconciling from now on' && identity !== predecessor) ? true : undefined,
	'another reconciler',
);

const secondsSince = (startedAt: number) => ((performance.now() - startedAt) / 1000).toFixed(1);

test.serial('kill -9 of the reconciler in the middle of a burst: another goes on, and the ledger follows the cluster again', async t => {
	const {installation, logs} = cluster();
	let killedAt = 0;
	let begun = 0;
	let killed = '';
	const burst = await disturbedBurst(t, {
		namespace: 'killed',
		async disturb() {
			const replica = await stopHolder('hostport-reconciler');
			begun = logs.length;
			killed = replica.identity;
			await installation.removeReplica(replica, 'SIGKILL');
			killedAt = performance.now();
		},
	});
	assertSound(t, burst);
	await untilSucceeded(begun, killed);
	t.log(`another reconciles ${secondsSince(killedAt)} s after the kill; its Lease lasts 5 s`);
	await untilAgreed();
	t.log(`ledger and cluster agree ${secondsSince(killedAt)} s after the kill`);
});

test.serial('what the burst has left in the ledger is reclaimed', testReclaim);
