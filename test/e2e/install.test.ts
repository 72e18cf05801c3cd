/**
 * The README's installations and removals, on an empty cluster with all controllers. The Deployment's Pods are there, but on
 * this machine nothing runs in them: processes stand in for them, behind the Service that was installed.
 */
import {writeFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import type {ExecutionContext} from 'ava';
import {webhookConfiguration} from '../../harness/product-objects.ts';
import {helmTemplate} from '../../harness/rendering.ts';
import {untilFound} from './helpers/cluster.ts';
import {createPod, leftovers, quiet, useUserCluster} from './helpers/user-cluster.ts';

const cluster = useUserCluster(test, {workloads: true});

const operatorPods = '/api/v1/namespaces/operators/pods?labelSelector=app.kubernetes.io/name%3Dhostport-operator';

const untilThreeRun = async (): Promise<void> => {
	await untilFound(async () => {
		const {items} = await cluster().client.request<{items: Array<{metadata: {deletionTimestamp?: string}; status: {phase: string}}>}>('GET', operatorPods);
		return items.length === 3 && items.every(({metadata, status}) => status.phase === 'Running' && !metadata.deletionTimestamp) ? true : undefined;
	}, 'three replicas');
};

/** A namespace that enforces PodSecurity's strictest level takes the replicas, and has nothing to warn about. */
const assertRestricted = async (t: ExecutionContext): Promise<void> => {
	const {run} = cluster();
	await quiet(t, run('kubectl', 'label', 'namespace', 'operators', '--overwrite', 'pod-security.kubernetes.io/enforce=restricted', 'pod-security.kubernetes.io/warn=restricted'));
	await quiet(t, run('kubectl', 'rollout', 'restart', 'deployment/hostport-operator', '--namespace', 'operators'));
	await quiet(t, run('kubectl', 'rollout', 'status', 'deployment/hostport-operator', '--namespace', 'operators', '--timeout=90s'));
	await untilThreeRun();
};

type Pod = {readonly metadata: {readonly annotations: Readonly<Record<string, string>>}; readonly spec: {readonly hostNetwork?: boolean}};

const podPath = (name: string) => `/api/v1/namespaces/default/pods/${name}`;

/** Nothing calls the operator any more: Pods that ask for ports are made without, and those that have some keep them. */
const assertLeftAlone = async (t: ExecutionContext, pods: Readonly<Record<string, string | undefined>>): Promise<void> => {
	const {client} = cluster();
	t.is((await client.send('GET', webhookConfiguration)).status, 404);
	await untilFound(async () => {
		const port = await createPod(client, 'too-late');
		await client.request('DELETE', `${podPath('too-late')}?gracePeriodSeconds=0`);
		return port === undefined ? true : undefined;
	}, 'the API server to notice');
	for (const [name, port] of Object.entries(pods)) {
		const {metadata, spec} = await client.request<Pod>('GET', podPath(name));
		t.is(metadata.annotations['hostport.io/allocated-game'], port);
		t.true(spec.hostNetwork);
	}
};

test.serial('the samples are valid', async t => {
	for (const sample of ['statefulset-example.yaml', 'deployment-example.yaml']) {
		await quiet(t, cluster().run('kubectl', 'apply', '--dry-run=server', '--validate=strict', '-f', `deploy/samples/${sample}`));
	}
});

let firstPort: string | undefined;

test.serial('kubectl apply -k deploy/overlays/default: accepted without a warning, repeatable, called; and delete -k leaves Pods alone', async t => {
	const {run, client} = cluster();
	const created = await quiet(t, run('kubectl', 'apply', '-k', 'deploy/overlays/default', '--validate=strict'));
	t.true(created.trim().split('\n').every(line => line.endsWith(' created')), created);
	await untilThreeRun();
	await assertRestricted(t);

	const installation = await cluster().standIn();
	try {
		firstPort = await createPod(client, 'first');
		t.is(firstPort, '30558');
		// By now caBundle and Service have been changed by others than kubectl: it leaves that as it is.
		t.is(await quiet(t, run('kubectl', 'diff', '-k', 'deploy/overlays/default')), '');
		const before = await versions();
		await quiet(t, run('kubectl', 'apply', '-k', 'deploy/overlays/default', '--validate=strict'));
		t.deepEqual(await versions(), before);
		t.is(await createPod(client, 'second'), '30559');
	} finally {
		await installation.stop();
	}

	await quiet(t, run('kubectl', 'delete', '-k', 'deploy/overlays/default', '--timeout=90s'));
	await assertLeftAlone(t, {first: '30558', second: '30559'});
	t.is(await leftovers(cluster()), '');
	t.is((await client.send('GET', '/api/v1/namespaces/operators')).status, 404);
});

test.serial('kubectl apply -f deploy/install.yaml: the same, and finds the Pods of an earlier installation; removed by label, it leaves the ledger', async t => {
	const {run, client} = cluster();
	const created = await quiet(t, run('kubectl', 'apply', '-f', 'deploy/install.yaml', '--validate=strict'));
	t.true(created.trim().split('\n').every(line => line.endsWith(' created')), created);
	await untilThreeRun();

	const installation = await cluster().standIn();
	try {
		t.is(await createPod(client, 'third'), '30560', 'The ledger was deleted with its namespace; the ports of the Pods that run are taken all the same.');
	} finally {
		await installation.stop();
	}

	await quiet(t, run('kubectl', 'delete', '-k', 'deploy/overlays/default', '-l', 'app.kubernetes.io/name=hostport-operator', '--timeout=90s'));
	await assertLeftAlone(t, {first: '30558', second: '30559', third: '30560'});
	t.is(await leftovers(cluster()), '');
	const {data} = await client.request<{data: Record<string, string>}>('GET', '/api/v1/namespaces/operators/configmaps/hostport-ledger-30500');
	t.true('30560.tcp' in data);
});

test.serial('what is not in the default is valid too', async t => {
	const {run} = cluster();
	for (const source of [['-k', 'deploy/base'], ['-k', 'deploy/overlays/opt-in-by-label'], ['-f', 'deploy/components/network-policy/network-policy.yaml', '-n', 'operators']]) {
		const created = await quiet(t, run('kubectl', 'apply', '--dry-run=server', '--validate=strict', ...source));
		t.regex(created, /created \(server dry run\)/);
	}
});

test.serial('helm install: accepted without a warning, repeatable, called; and helm uninstall leaves Pods and ledger', async t => {
	const {run, client} = cluster();
	const manifest = path.join(await cluster().newFolder('chart'), 'manifest.yaml');
	await writeFile(manifest, await helmTemplate('operators'));
	await quiet(t, run('kubectl', 'apply', '--dry-run=server', '--validate=strict', '-f', manifest));

	const notes = await quiet(t, run('helm', 'install', 'hostport-operator', 'deploy/chart', '--namespace', 'operators', '--create-namespace'));
	t.regex(notes, /STATUS: deployed/);
	t.regex(notes, /kubectl rollout status deployment\/hostport-operator --namespace operators/);
	await untilThreeRun();
	await assertRestricted(t);

	const installation = await cluster().standIn();
	try {
		t.is(await createPod(client, 'fourth'), '30561');
		const before = await versions();
		await quiet(t, run('helm', 'upgrade', 'hostport-operator', 'deploy/chart', '--namespace', 'operators'));
		t.deepEqual(await versions(), before, 'An upgrade to what is there changes nothing.');
		t.is(await createPod(client, 'fifth'), '30562');
	} finally {
		await installation.stop();
	}

	await quiet(t, run('helm', 'uninstall', 'hostport-operator', '--namespace', 'operators', '--wait'));
	await assertLeftAlone(t, {first: '30558', fourth: '30561', fifth: '30562'});
	t.is(await leftovers(cluster()), '');
	t.is((await client.send('GET', '/api/v1/namespaces/operators/configmaps/hostport-ledger')).status, 200);
});

/** Those that change where a specification does. */
const versions = async (): Promise<unknown> => Promise.all([
	'/apis/apps/v1/namespaces/operators/deployments/hostport-operator',
	webhookConfiguration,
	'/apis/policy/v1/namespaces/operators/poddisruptionbudgets/hostport-operator',
].map(async object => (await cluster().client.request<{metadata: {generation: number}}>('GET', object)).metadata.generation));
