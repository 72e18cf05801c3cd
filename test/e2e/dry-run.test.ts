/** `kubectl apply --dry-run=server` leaves no trace, nor does any other request with `dryRun=All`. */
import {execFile} from 'node:child_process';
import {writeFile} from 'node:fs/promises';
import {promisify} from 'node:util';
import test from 'ava';
import {obtainBinaries} from '../../harness/control-plane/obtain.ts';
import {ledgerEntries} from '../../harness/observe.ts';
import {podTemplate} from '../../harness/pod-template.ts';
import {untilFound, useCluster} from './helpers/cluster.ts';

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

type Pod = {readonly spec: {readonly containers: ReadonlyArray<{readonly ports: ReadonlyArray<{readonly hostPort: number}>}>}};

const dryRun = async (name: string, annotations?: Record<string, string>) =>
	cluster().client.request<Pod>('POST', '/api/v1/namespaces/default/pods?dryRun=All', manifest(name, annotations));

const dryRunByKubectl = async (name: string, annotations?: Record<string, string>) => {
	const {controlPlane} = cluster();
	const file = `${controlPlane.directory}/${name}.json`;
	await writeFile(file, JSON.stringify(manifest(name, annotations)));
	const {kubectl} = await obtainBinaries(['kubectl']);
	const {stdout} = await run(kubectl, ['--kubeconfig', controlPlane.kubeconfigPath, 'apply', '--dry-run=server', '-f', file, '-o', 'json']);
	return JSON.parse(stdout) as Pod;
};

test.serial('before there is any ledger entry or Lease', async t => {
	const before = await ledgerAndLease();
	const pod = await dryRunByKubectl('nothing-yet');
	t.deepEqual(pod.spec.containers[0]?.ports.map(({hostPort}) => hostPort), [30_558, 30_559]);
	t.is(await ledgerAndLease(), before);
});

test.serial('a hundred times beside a ledger with entries', async t => {
	const {client} = cluster();
	await client.request('POST', '/api/v1/namespaces/default/pods', podTemplate('real'));
	// The reconciler binds the entries, and the Lease is cleared a moment after.
	await untilFound(async () => [...(await ledgerEntries(client)).values()].every(entry => entry.includes('"bound"')) ? true : undefined, 'the entries to be bound');
	const before = await untilSettled();
	for (let round = 0; round < 25; round++) {
		// Each run of kubectl takes half a second of a processor.
		const ask = round === 0 ? dryRunByKubectl : dryRun;
		const pods = await Promise.all([
			ask(`dry-${round}`),
			ask(`dry-${round}-high`, {'hostport.io/base-port': '31500'}),
			ask(`dry-${round}-random`, {'hostport.io/strategy': 'Random'}),
			ask(`dry-${round}-elsewhere`, {'hostport.io/base-port': '2000'}),
		]);
		for (const pod of pods) {
			t.true(pod.spec.containers[0]?.ports.every(({hostPort}) => hostPort >= 2000 && hostPort !== 30_558 && hostPort !== 30_559));
		}
	}

	t.is(await ledgerAndLease(), before);
});

const untilSettled = async (): Promise<string> => {
	for (let previous = await ledgerAndLease(); ;) {
		await new Promise(resolve => {
			setTimeout(resolve, 300);
		});
		const now = await ledgerAndLease();
		if (now === previous) {
			return now;
		}

		previous = now;
	}
};
