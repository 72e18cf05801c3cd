/**
 * The README's installations and removals, one after the other on one cluster with all controllers. No containers run here:
 * processes stand in for the Deployment's Pods, behind the installed Service.
 */
import {writeFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import type {ExecutionContext} from 'ava';
import {webhookConfiguration} from '../../harness/product-objects.ts';
import {helmTemplate} from '../../harness/rendering.ts';
import {podsPath} from './helpers/pods.ts';
import type {Pod} from './helpers/pods.ts';
import {untilTrue} from './helpers/until.ts';
import {createPod, leftovers, quiet, useUserCluster} from './helpers/user-cluster.ts';

const cluster = useUserCluster(test, {workloads: true});

const operatorPods = `${podsPath('operators')}?labelSelector=app.kubernetes.io/name%3Dhostport-operator`;

const untilThreeRun = async (): Promise<void> => {
	await untilTrue(async () => {
		const {items} = await cluster().client.request<{items: Pod[]}>('GET', operatorPods);
		return items.length === 3 && items.every(({metadata, status}) => status.phase === 'Running' && !metadata.deletionTimestamp);
	}, 'three replicas');
};

/** Expects that a namespace that enforces the PodSecurity level "restricted" accepts the replicas without a warning. */
const assertRestricted = async (t: ExecutionContext): Promise<void> => {
	const {run} = cluster();
	await quiet(t, run('kubectl', 'label', 'namespace', 'operators', '--overwrite', 'pod-security.kubernetes.io/enforce=restricted', 'pod-security.kubernetes.io/warn=restricted'));
	await quiet(t, run('kubectl', 'rollout', 'restart', 'deployment/hostport-operator', '--namespace', 'operators'));
	await quiet(t, run('kubectl', 'rollout', 'status', 'deployment/hostport-operator', '--namespace', 'operators', '--timeout=90s'));
	await untilThreeRun();
};

const podPath = (name: string) => `${podsPath('default')}/${name}`;

/** Expects that the webhook is gone: new Pods get no host ports, and Pods that have host ports keep them. */
const assertLeftAlone = async (t: ExecutionContext, pods: Readonly<Record<string, string | undefined>>): Promise<void> => {
	const {client} = cluster();
	t.is((await client.send('GET', webhookConfiguration)).status, 404);
	await untilTrue(async () => {
		const port = await createPod(client, 'too-late');
		await client.request('DELETE', `${podPath('too-late')}?gracePeriodSeconds=0`);
		return port === undefined;
	}, 'the API server to notice');
	for (const [name, port] of Object.entries(pods)) {
		const {metadata, spec} = await client.request<Pod>('GET', podPath(name));
		t.is(metadata.annotations?.['hostport.io/allocated-game'], port);
		t.true(spec.hostNetwork);
	}
};

test.serial('the API server accepts the samples', async t => {
	for (const sample of ['statefulset-example.yaml', 'deployment-example.yaml', 'echo-server.yaml']) {
		await quiet(t, cluster().run('kubectl', 'apply', '--dry-run=server', '--validate=strict', '-f', `deploy/samples/${sample}`));
	}
});

test.serial('kubectl apply -k installs without a warning, and delete -k leaves Pods alone', async t => {
	const {run, client} = cluster();
	const created = await quiet(t, run('kubectl', 'apply', '-k', 'deploy/overlays/default', '--validate=strict'));
	t.true(created.trim().split('\n').every(line => line.endsWith(' created')), created);
	await untilThreeRun();
	await assertRestricted(t);

	const installation = await cluster().standIn();
	try {
		t.is(await createPod(client, 'first'), '30558');
		// Others than kubectl have changed caBundle and Service: kubectl leaves these fields alone.
		t.is(await quiet(t, run('kubectl', 'diff', '-k', 'deploy/overlays/default')), '');
		const before = await generations();
		await quiet(t, run('kubectl', 'apply', '-k', 'deploy/overlays/default', '--validate=strict'));
		t.deepEqual(await generations(), before);
		t.is(await createPod(client, 'second'), '30559');
	} finally {
		await installation.stop();
	}

	await quiet(t, run('kubectl', 'delete', '-k', 'deploy/overlays/default', '--timeout=90s'));
	await assertLeftAlone(t, {first: '30558', second: '30559'});
	t.is(await leftovers(cluster()), '');
	t.is((await client.send('GET', '/api/v1/namespaces/operators')).status, 404);
});

test.serial('kubectl apply -f install.yaml installs, and a removal by label keeps the ledger', async t => {
	const {run, client} = cluster();
	const created = await quiet(t, run('kubectl', 'apply', '-f', 'deploy/install.yaml', '--validate=strict'));
	t.true(created.trim().split('\n').every(line => line.endsWith(' created')), created);
	await untilThreeRun();

	const installation = await cluster().standIn();
	try {
		t.is(await createPod(client, 'third'), '30560', 'The ledger was deleted with its namespace, but Pods still use the first two ports.');
	} finally {
		await installation.stop();
	}

	await quiet(t, run('kubectl', 'delete', '-k', 'deploy/overlays/default', '-l', 'app.kubernetes.io/name=hostport-operator', '--timeout=90s'));
	await assertLeftAlone(t, {first: '30558', second: '30559', third: '30560'});
	t.is(await leftovers(cluster()), '');
	const {data} = await client.request<{data: Record<string, string>}>('GET', '/api/v1/namespaces/operators/configmaps/hostport-ledger-30500');
	t.true('30560.tcp' in data);
});

test.serial('the API server accepts the base, the other overlay and the network policy', async t => {
	const {run} = cluster();
	for (const source of [['-k', 'deploy/base'], ['-k', 'deploy/overlays/opt-in-by-label'], ['-f', 'deploy/components/network-policy/network-policy.yaml', '-n', 'operators']]) {
		const created = await quiet(t, run('kubectl', 'apply', '--dry-run=server', '--validate=strict', ...source));
		t.regex(created, /created \(server dry run\)/);
	}
});

test.serial('helm installs and upgrades without a warning, and uninstall keeps Pods and ledger', async t => {
	const {run, client} = cluster();
	const manifest = path.join(await cluster().newFolder('chart'), 'manifest.yaml');
	await writeFile(manifest, await helmTemplate('operators'));
	await quiet(t, run('kubectl', 'apply', '--dry-run=server', '--validate=strict', '-f', manifest));

	const notes = await quiet(t, run('helm', 'install', 'hostport-operator', 'deploy/chart', '--namespace', 'operators', '--create-namespace'));
	t.regex(notes, /STATUS: deployed/);
	t.regex(notes, /kubectl rollout status deployment\/hostport-operator --namespace operators/);
	await untilThreeRun();
	await assertRestricted(t);

	const {webhooks} = await client.request<{webhooks: ReadonlyArray<{clientConfig: {service: {path: string}}}>}>('GET', webhookConfiguration);
	const {path: webhookPath} = webhooks[0]!.clientConfig.service;
	t.regex(webhookPath, /^\/mutate-pods\/[a-z\d]{32}$/);
	const {stdout: inDeployment} = await run('kubectl', 'get', 'deployment', 'hostport-operator', '--namespace', 'operators', '-o', 'jsonpath={.spec.template.spec.containers[0].env[?(@.name=="HOSTPORT_WEBHOOK_PATH")].value}');
	t.is(inDeployment, webhookPath);

	const installation = await cluster().standIn('--webhook-path', webhookPath);
	try {
		t.is(await createPod(client, 'fourth'), '30561');
		const before = await generations();
		await quiet(t, run('helm', 'upgrade', 'hostport-operator', 'deploy/chart', '--namespace', 'operators'));
		t.deepEqual(await generations(), before, 'An upgrade to the same version changes nothing.');
		t.is(await createPod(client, 'fifth'), '30562');
	} finally {
		await installation.stop();
	}

	await quiet(t, run('helm', 'uninstall', 'hostport-operator', '--namespace', 'operators', '--wait'));
	await assertLeftAlone(t, {first: '30558', fourth: '30561', fifth: '30562'});
	t.is(await leftovers(cluster()), '');
	t.is((await client.send('GET', '/api/v1/namespaces/operators/configmaps/hostport-ledger')).status, 200);
});

/** The generations of the installed objects, which change with their specifications. */
const generations = async (): Promise<unknown> => Promise.all([
	'/apis/apps/v1/namespaces/operators/deployments/hostport-operator',
	webhookConfiguration,
	'/apis/policy/v1/namespaces/operators/poddisruptionbudgets/hostport-operator',
].map(async object => (await cluster().client.request<{metadata: {generation: number}}>('GET', object)).metadata.generation));
