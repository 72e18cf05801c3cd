/** An undisturbed burst of 600 Pods on three replicas, and the start of a replica. */
import {execFile} from 'node:child_process';
import process from 'node:process';
import {promisify} from 'node:util';
import test from 'ava';
import {memoryOf} from '../../harness/process-memory.ts';
import {createBurst} from '../../harness/burst.ts';
import {countWrites} from '../../harness/count-writes.ts';
import {duplicates, hostPorts, missingFromLedger} from '../../harness/observe.ts';
import type {Replica} from '../../harness/replica.ts';
import {useCluster} from './helpers/cluster.ts';

const cluster = useCluster(test, {workloads: false, replicas: 3});

test.serial('600 Pods at concurrency 60 get distinct ports, by at most 0.2 writes each', async t => {
	const {client, installation, createNamespace, logs} = cluster();
	await Promise.all([createNamespace('left'), createNamespace('right')]);
	let least = Infinity;
	for (const [round, basePort] of [20_000, 22_000, 24_000, 26_000, 28_000].entries()) {
		const before = await countWrites(client);
		const burst = await createBurst({client, count: 600, concurrency: 60, namespaces: ['left', 'right'], basePort});
		const after = await countWrites(client);
		const ports = await hostPorts(client);
		const writes = after.configMaps - before.configMaps + after.leases - before.leases;
		least = Math.min(least, writes / 600);
		t.log(`${(burst.created / burst.durationMs * 1000).toFixed(0)} Pods/s, ${(writes / 600).toFixed(3)} writes per Pod (${after.refused - before.refused} of them refused), longest stall ${burst.longestStallMs.toFixed(0)} ms, RSS ${(await Promise.all(installation.replicas().map(rssMb))).join(', ')} MB`);
		t.deepEqual(burst.failures, []);
		t.is(burst.created, 600);
		t.is(ports.length, 1200 * (round + 1));
		t.deepEqual(duplicates(ports), []);
		t.deepEqual(await missingFromLedger(client, ports), []);
		// A busy machine makes batches smaller, and so adds writes. One good round is enough.
		if (least <= 0.2) {
			break;
		}
	}

	t.true(least <= 0.2, `${least} writes per Pod`);
	const allocators = new Set(logs.filter(({msg}) => msg === 'allocated').map(({identity}) => identity));
	t.is(allocators.size, 3, 'All replicas took part.');
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
