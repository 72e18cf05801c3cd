/** An undisturbed burst of 600 Pods on three replicas, and the start of a replica. */
import {execFile} from 'node:child_process';
import process from 'node:process';
import {promisify} from 'node:util';
import test from 'ava';
import {memoryOf} from '../../harness/process-memory.ts';
import {countWrites} from '../../harness/count-writes.ts';
import type {Replica} from '../../harness/replica.ts';
import {assertCalmBursts} from './helpers/calm-bursts.ts';
import {useCluster} from './helpers/cluster.ts';

const cluster = useCluster(test, {workloads: false, replicas: 3});

test.serial('600 Pods at concurrency 60 get distinct ports, by at most 0.2 writes each', async t => {
	const {client, installation, createNamespace, logs} = cluster();
	await Promise.all([createNamespace('left'), createNamespace('right')]);
	const writes = async () => countWrites(client);
	await assertCalmBursts(t, {client, logs}, {
		namespaces: ['left', 'right'],
		basePorts: [20_000, 22_000, 24_000, 26_000, 28_000],
		async countWrites() {
			const {configMaps, leases} = await writes();
			return configMaps + leases;
		},
		async details() {
			return `${(await writes()).refused} writes refused so far, RSS ${(await Promise.all(installation.replicas().map(rssMb))).join(', ')} MB`;
		},
	});
});

test.serial('a replica starts, serves /readyz and exits with 0', async t => {
	const {installation} = cluster();
	const startedAt = performance.now();
	await promisify(execFile)(process.execPath, ['-e', '0']);
	const nodeMs = performance.now() - startedAt;
	const replica = await installation.addReplica('late');
	t.log(`node -e 0: ${nodeMs.toFixed(0)} ms; start to ready: ${replica.readyMs.toFixed(0)} ms, ${(replica.readyMs / nodeMs).toFixed(1)} times as long; RSS ${await rssMb(replica)} MB`);
	const ready = await fetch(`http://127.0.0.1:${replica.healthPort}/readyz`);
	t.is(ready.status, 200);
	await installation.removeReplica(replica, 'SIGTERM');
	t.deepEqual(await replica.process.exited, {code: 0, signal: null});
});

const rssMb = async ({process: {pid}}: Replica): Promise<number> => (await memoryOf(pid)).rssMb;
