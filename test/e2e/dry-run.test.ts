/** Requests with `dryRun=All`, by `kubectl apply --dry-run=server` or any client, change neither ledger nor Lease. */
import {execFile} from 'node:child_process';
import {writeFile} from 'node:fs/promises';
import {promisify} from 'node:util';
import test from 'ava';
import {obtainBinaries} from '../../harness/control-plane/obtain.ts';
import {ledgerEntries} from '../../harness/observe.ts';
import {podTemplate} from '../../harness/pod-template.ts';
import {useCluster} from './helpers/cluster.ts';
import {hostPortsOf, podsPath} from './helpers/pods.ts';
import type {Pod} from './helpers/pods.ts';
import {untilFound, untilTrue} from './helpers/until.ts';

const cluster = useCluster(test, {workloads: false, replicas: 3});

const run = promisify(execFile);

const ledgerAndLease = async () => {
	const {client} = cluster();
	const [configMaps, lease] = await Promise.all([
		client.request<{items: unknown[]}>('GET', '/api/v1/namespaces/operators/configmaps'),
		client.send('GET', '/apis/coordination.k8s.io/v1/namespaces/operators/leases/hostport-ledger'),
	]);
	return JSON.stringify([configMaps.items, lease], null, '\t');
};

const manifest = (name: string, annotations: Record<string, string> = {}) => {
	const template = podTemplate(name);
	return {...template, metadata: {name, namespace: 'default', annotations: {...template.metadata.annotations, ...annotations}}};
};

const dryRun = async (name: string, annotations?: Record<string, string>) =>
	cluster().client.request<Pod>('POST', `${podsPath('default')}?dryRun=All`, manifest(name, annotations));

const dryRunByKubectl = async (name: string, annotations?: Record<string, string>) => {
	const {controlPlane} = cluster();
	const file = `${controlPlane.directory}/${name}.json`;
	await writeFile(file, JSON.stringify(manifest(name, annotations)));
	const {kubectl} = await obtainBinaries(['kubectl']);
	const {stdout} = await run(kubectl, ['--kubeconfig', controlPlane.kubeconfigPath, 'apply', '--dry-run=server', '-f', file, '-o', 'json']);
	return JSON.parse(stdout) as Pod;
};

test.serial('a dry run before the first Pod makes no entry and no Lease', async t => {
	const before = await ledgerAndLease();
	const pod = await dryRunByKubectl('nothing-yet');
	t.deepEqual(hostPortsOf(pod), [30_558, 30_559]);
	t.is(await ledgerAndLease(), before);
});

test.serial('a hundred dry runs leave a ledger with entries as it is', async t => {
	const {client} = cluster();
	await client.request('POST', podsPath('default'), podTemplate('real'));
	// The reconciler binds the entries, and the holder clears the Lease a moment later.
	await untilTrue(async () => [...(await ledgerEntries(client)).values()].every(entry => entry.includes('"bound"')), 'the entries to be bound');
	const before = await untilSettled();
	for (let round = 0; round < 25; round++) {
		// kubectl once only: it takes half a second of processor time.
		const ask = round === 0 ? dryRunByKubectl : dryRun;
		const pods = await Promise.all([
			ask(`dry-${round}`),
			ask(`dry-${round}-high`, {'hostport.io/base-port': '31500'}),
			ask(`dry-${round}-random`, {'hostport.io/strategy': 'Random'}),
			ask(`dry-${round}-elsewhere`, {'hostport.io/base-port': '2000'}),
		]);
		for (const pod of pods) {
			t.true(hostPortsOf(pod).every(port => Number(port) >= 2000 && port !== 30_558 && port !== 30_559));
		}
	}

	t.is(await ledgerAndLease(), before);
});

/** Resolves with ledger and Lease once two reads in a row are equal. */
const untilSettled = async (): Promise<string> => {
	let previous: string | undefined;
	return untilFound(async () => {
		const now = await ledgerAndLease();
		const isSettled = now === previous;
		previous = now;
		return isSettled && now;
	}, 'ledger and Lease to settle', 300);
};
