/** The ledger follows the cluster again after the replica that reconciles was killed. */
import test from 'ava';
import {differences} from '../../harness/observe.ts';
import {useCluster} from './helpers/cluster.ts';
import {assertAllCreated, assertReclaimed, assertSound, disturbedBurst, stopHolder} from './helpers/disturbed-burst.ts';
import {untilFound, untilTrue} from './helpers/until.ts';

// The reconciler's Lease lasts five times as long as the ledger's.
const cluster = useCluster(test, {workloads: false, replicas: 3, flags: ['--port-range', '10000-32767', '--hold-time', '2s', '--api-request-timeout', '1s', '--lease-duration', '1s']});

const untilAgreed = async () => {
	let last: string[] = [];
	await untilFound(async () => {
		last = await differences(cluster().client);
		return last.length === 0;
	}, 'ledger and cluster to agree', 500).catch((error: unknown) => {
		throw new Error(`${last.length} differences: ${last.slice(0, 5).join('; ')}`, {cause: error});
	});
};

const secondsSince = (startedAt: number) => ((performance.now() - startedAt) / 1000).toFixed(1);

test.serial('another replica reconciles after kill -9 of the reconciler', async t => {
	const {installation, logs} = cluster();
	const burst = await disturbedBurst(t, cluster(), {
		namespace: 'killed',
		basePort: 10_000,
		async disturb() {
			const replica = await stopHolder(cluster(), 'hostport-reconciler');
			const begun = logs.length;
			await installation.removeReplica(replica, 'SIGKILL');
			return {begun, killed: replica.identity, killedAt: performance.now()};
		},
	});
	assertAllCreated(t, burst);
	assertSound(t, burst);
	const {begun, killed, killedAt} = burst.disturbance;
	await untilTrue(() => logs.slice(begun).some(({msg, identity}) => msg === 'reconciling from now on' && identity !== killed), 'another reconciler');
	t.log(`another reconciles ${secondsSince(killedAt)} s after the kill; its Lease lasts 5 s`);
	await untilAgreed();
	t.log(`ledger and cluster agree ${secondsSince(killedAt)} s after the kill`);
});

test.serial('entries that the burst left without a Pod are freed', async t => assertReclaimed(t, cluster()));
