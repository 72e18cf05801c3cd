/** A rolling restart while Pods are created without a pause: no creation fails. */
import test from 'ava';
import {duplicates, hostPorts, missingFromLedger} from '../../harness/observe.ts';
import {useCluster} from './helpers/cluster.ts';
import {startLoad} from './helpers/load.ts';

const cluster = useCluster(test, {workloads: false, replicas: 3});

const rounds = 3;

test('no creation fails while every replica is replaced three times', async t => {
	const {client, createNamespace, installation, logs} = cluster();
	await createNamespace('rolling');
	// The API server's connections to a replica that is told to stop: some busy, some idle.
	await using busy = startLoad({client, namespace: 'rolling', workers: 3, pauseMs: 5});
	await using slow = startLoad({client, namespace: 'rolling', workers: 6, pauseMs: 300});
	let replaced = 0;
	for (let round = 1; round <= rounds; round++) {
		const leaving: Array<Promise<void>> = [];
		for (const replica of installation.replicas()) {
			// As the Deployment does: the new one is ready first (maxSurge 1, maxUnavailable 0), and the old one ends in the background.
			await installation.addReplica(`${replica.name.split('.')[0]}.${round}`);
			leaving.push(installation.removeReplica(replica, 'SIGTERM'));
			replaced++;
		}

		await Promise.all(leaving);
	}

	await Promise.all([busy.stop(), slow.stop()]);
	const created = busy.created() + slow.created();
	const failures = [...busy.failures(), ...slow.failures()];
	const served = Map.groupBy(logs.filter(({msg}) => msg === 'allocated'), ({identity}) => identity);
	t.log(`${created} Pods created and ${failures.length} failed, while ${replaced} replicas were replaced; each served ${[...served.values()].map(({length}) => length).toSorted((a, b) => a - b).join(', ')} Pods`);
	t.deepEqual(failures, []);
	t.is(replaced, 3 * rounds);
	t.is(logs.filter(({msg}) => msg === 'stopped').length, replaced, 'Each finished its shutdown.');
	t.deepEqual(logs.filter(({msg}) => msg === 'Lease: take over' || msg.startsWith('Lease could not')), [], 'Each handed its Leases on, so that none had to expire.');
	const ports = await hostPorts(client);
	t.true(ports.length >= 2 * created);
	t.deepEqual(duplicates(ports), []);
	t.deepEqual(await missingFromLedger(client, ports), []);
});
