/** What is promised when things break in the middle of a burst. */
import {setTimeout as sleep} from 'node:timers/promises';
import test from 'ava';
import type {ExecutionContext} from 'ava';
import type {Replica} from '../../scripts/replicas.ts';
import type {Lease} from '../../src/cluster/lease-record.ts';
import type {Burst} from '../../scripts/burst.ts';
import {createBurst, duplicates, hostPorts, missingFromLedger} from '../../scripts/burst.ts';
import {untilFound, useCluster} from './helpers/cluster.ts';

const cluster = useCluster(test, {workloads: false, replicas: 3, flags: ['--port-range', '20000-32767', '--hold-time', '4s', '--api-request-timeout', '2s']});

const leasePath = '/apis/coordination.k8s.io/v1/namespaces/operators/leases/hostport-ledger';
const configMapPath = (name: string) => `/api/v1/namespaces/operators/configmaps/${name}`;

const lease = async (): Promise<Lease | undefined> => {
	const {status, body} = await cluster().client.send<Lease>('GET', leasePath);
	return status === 200 ? body : undefined;
};

/** Stops (SIGSTOP) the replica that holds the Lease, and is sure that it does: it may hand it on while we read. */
const stoppedHolder = async (): Promise<Replica> => untilFound(async () => {
	const identity = (await lease())?.spec?.holderIdentity;
	const replica = cluster().installation.replicas().find(candidate => candidate.identity === identity);
	replica?.process.kill('SIGSTOP');
	// What it sent before it was stopped has arrived by then.
	await sleep(100);
	if (identity && (await lease())?.spec?.holderIdentity === identity) {
		return replica;
	}

	replica?.process.kill('SIGCONT');
	return undefined;
}, 'a holder of the Lease');

/** Runs a burst with one disturbance once it has well begun. Each burst has numbers of its own, so that none exhausts the range. */
const disturbedBurst = async (t: ExecutionContext, namespace: string, disturb: () => Promise<void>): Promise<Burst> => {
	const {client, createNamespace, logs} = cluster();
	await createNamespace(namespace);
	const begun = logs.length;
	const burst = createBurst({client, count: 600, concurrency: 60, namespaces: [namespace], attempts: 50, basePort: nextBase()});
	await untilFound(async () => logs.slice(begun).filter(({msg}) => msg === 'allocated').length >= 150 ? true : undefined, 'the burst to begin');
	await disturb();
	const result = await burst;
	t.log(`${result.created} created, ${result.failures.length} tries failed, longest stall ${result.longestStallMs.toFixed(0)} ms`);
	return result;
};

let base = 18_500;
const nextBase = () => {
	base += 1500;
	return base;
};

const assertSound = async (t: ExecutionContext, {created}: Burst) => {
	const {client} = cluster();
	const ports = await hostPorts(client);
	t.is(created, 600);
	t.deepEqual(duplicates(ports), []);
	t.deepEqual(await missingFromLedger(client, ports), []);
};

test.serial('kill -9 of the holder: only what was inside it fails, and succeeds on the next try', async t => {
	const {installation} = cluster();
	const burst = await disturbedBurst(t, 'killed', async () => installation.removeReplica(await stoppedHolder(), 'SIGKILL'));
	await assertSound(t, burst);
	// No refusal among them: these calls broke off, and no more of them than were under way.
	t.deepEqual(burst.failures.filter(message => !/EOF|connection reset|connection refused|broken pipe/.test(message)), []);
	t.true(burst.failures.length <= 60, `${burst.failures.length} failures`);
	await installation.addReplica('successor');
});

test.serial('the holder is paused for 8 s, and resumes: its late write is refused', async t => {
	const {logs} = cluster();
	const begun = logs.length;
	const burst = await disturbedBurst(t, 'paused', async () => {
		const {process} = await stoppedHolder();
		await sleep(8000);
		process.kill('SIGCONT');
	});
	await assertSound(t, burst);
	t.true(logs.slice(begun).some(({msg}) => msg === 'Lease: take over'), 'somebody took the Lease over');
});

test.serial('the Lease is deleted', async t => {
	const {client} = cluster();
	const burst = await disturbedBurst(t, 'no-lease', async () => {
		for (let times = 0; times < 3; times++) {
			await client.send('DELETE', leasePath);
			await sleep(100);
		}
	});
	await assertSound(t, burst);
	t.deepEqual(burst.failures, []);
});

test.serial('a page of the ledger is deleted: it comes back in quarantine, the others go on, and afterwards it holds all its live ports', async t => {
	const {client} = cluster();
	const burst = await disturbedBurst(t, 'no-page', async () => {
		await client.request('DELETE', configMapPath(`hostport-ledger-${base}`));
	});
	t.is(burst.created, 600);
	const ports = await hostPorts(client);
	t.deepEqual(duplicates(ports), []);
	await untilFound(async () => (await missingFromLedger(client, ports)).length === 0 ? true : undefined, 'the page to hold its ports again');
});

test.serial('the index is deleted', async t => {
	const {client} = cluster();
	const burst = await disturbedBurst(t, 'no-index', async () => {
		await client.request('DELETE', configMapPath('hostport-ledger'));
	});
	const ports = await hostPorts(client);
	t.is(burst.created, 600);
	t.deepEqual(duplicates(ports), []);
});

test.serial('all replicas are replaced, one after the other: no creation fails', async t => {
	const {installation} = cluster();
	const burst = await disturbedBurst(t, 'rolling', async () => {
		for (const [index, replica] of installation.replicas().entries()) {
			await installation.addReplica(`new-${index}`);
			await installation.removeReplica(replica, 'SIGTERM');
		}
	});
	await assertSound(t, burst);
	t.deepEqual(burst.failures, []);
});

test.serial('all replicas are down: annotated Pods are refused, everything else goes on', async t => {
	const {client, installation} = cluster();
	await Promise.all(installation.replicas().map(async replica => installation.removeReplica(replica, 'SIGTERM')));
	const annotated = await client.send<{message: string}>('POST', '/api/v1/namespaces/default/pods', pod('annotated', {'hostport.io/enabled': 'true'}));
	t.is(annotated.status, 500);
	t.regex(annotated.body.message, /mutate-pods\.hostport\.io/);
	t.is((await client.send('POST', '/api/v1/namespaces/default/pods', pod('plain', {}))).status, 201);
	t.is((await client.send('DELETE', '/api/v1/namespaces/default/pods/plain')).status, 200);
	t.is((await lease())?.spec?.holderIdentity, undefined);
});

const pod = (name: string, annotations: Record<string, string>) => ({
	apiVersion: 'v1',
	kind: 'Pod',
	metadata: {name, annotations},
	spec: {containers: [{name: 'main', image: 'none', ports: [{containerPort: 8080}]}]},
});
