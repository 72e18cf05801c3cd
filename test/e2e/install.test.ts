/**
 * The README's installations and removals, on an empty cluster with all controllers. The Deployment's Pods are there, but on
 * this machine nothing runs in them: processes stand in for them, behind the Service that was installed.
 */
import {execFile} from 'node:child_process';
import {mkdtemp, writeFile} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import {fileURLToPath} from 'node:url';
import {promisify} from 'node:util';
import test from 'ava';
import type {ExecutionContext} from 'ava';
import {obtainBinaries} from '../../scripts/control-plane/obtain.ts';
import {startControlPlane} from '../../scripts/control-plane/start.ts';
import type {ControlPlane} from '../../scripts/control-plane/start.ts';
import {createKubeClient} from '../../scripts/kube-client.ts';
import type {KubeClient} from '../../scripts/kube-client.ts';
import {helmTemplate} from '../../scripts/manifests.ts';
import {install, serviceAccount, webhookConfiguration} from '../../scripts/replicas.ts';
import type {Installation} from '../../scripts/replicas.ts';
import {untilFound} from './helpers/cluster.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const started = new AsyncDisposableStack();

type Output = {readonly stdout: string; readonly stderr: string};

let cluster: {readonly controlPlane: ControlPlane; readonly client: KubeClient; readonly run: (program: 'kubectl' | 'helm', ...args: string[]) => Promise<Output>};

test.before(async t => {
	t.timeout(20 * 60_000, 'the control plane takes long the first time, when it is built');
	const binaries = await obtainBinaries(['kubectl', 'helm'], {onProgress: line => t.log(line)});
	const controlPlane = started.use(await startControlPlane({workloads: true, onProgress: line => t.log(line)}));
	const client = started.use(await createKubeClient(controlPlane.kubeconfigPath));
	const home = await mkdtemp(path.join(controlPlane.directory, 'home-'));
	cluster = {
		controlPlane,
		client,
		run: async (program, ...args) => promisify(execFile)(binaries[program], args, {
			cwd: root,
			// Whatever the user has set up for helm at home has no place here.
			env: {PATH: process.env['PATH'], HOME: home, KUBECONFIG: controlPlane.kubeconfigPath},
		}),
	};
});
test.after.always(async () => started.disposeAsync());

/** Standard output, where nothing was said on the side. */
const quiet = async (t: ExecutionContext, output: Promise<Output>): Promise<string> => {
	const {stdout, stderr} = await output;
	t.is(stderr, '');
	return stdout;
};

const operatorPods = '/api/v1/namespaces/operators/pods?labelSelector=app.kubernetes.io/name%3Dhostport-operator';

const untilThreeRun = async (): Promise<void> => {
	await untilFound(async () => {
		const {items} = await cluster.client.request<{items: Array<{metadata: {deletionTimestamp?: string}; status: {phase: string}}>}>('GET', operatorPods);
		return items.length === 3 && items.every(({metadata, status}) => status.phase === 'Running' && !metadata.deletionTimestamp) ? true : undefined;
	}, 'three replicas');
};

/** A namespace that enforces PodSecurity's strictest level takes the replicas, and has nothing to warn about. */
const assertRestricted = async (t: ExecutionContext): Promise<void> => {
	const {run} = cluster;
	await quiet(t, run('kubectl', 'label', 'namespace', 'operators', '--overwrite', 'pod-security.kubernetes.io/enforce=restricted', 'pod-security.kubernetes.io/warn=restricted'));
	await quiet(t, run('kubectl', 'rollout', 'restart', 'deployment/hostport-operator', '--namespace', 'operators'));
	await quiet(t, run('kubectl', 'rollout', 'status', 'deployment/hostport-operator', '--namespace', 'operators', '--timeout=90s'));
	await untilThreeRun();
};

/** Two processes for the three Pods. */
const standIn = async (): Promise<Installation> => {
	const {controlPlane, client} = cluster;
	return install({
		client,
		kubeconfig: await controlPlane.kubeconfigFor(serviceAccount),
		directory: await mkdtemp(path.join(controlPlane.directory, 'replicas-')),
		replicas: 2,
		flags: ['--hold-time', '4s', '--api-request-timeout', '2s'],
		behindService: true,
	});
};

type Pod = {readonly metadata: {readonly annotations: Readonly<Record<string, string>>; readonly uid: string}; readonly spec: {readonly hostNetwork?: boolean}};

const podPath = (name: string) => `/api/v1/namespaces/default/pods/${name}`;

/** Creates a Pod and returns the host port that it was given. */
const createPod = async (name: string): Promise<string | undefined> => {
	const {metadata} = await cluster.client.request<Pod>('POST', '/api/v1/namespaces/default/pods', {
		apiVersion: 'v1',
		kind: 'Pod',
		metadata: {name, annotations: {'hostport.io/enabled': 'true'}},
		spec: {containers: [{name: 'main', image: 'none', ports: [{name: 'game', containerPort: 8080}]}]},
	});
	return metadata.annotations['hostport.io/allocated-game'];
};

/** Nothing calls the operator any more: Pods that ask for ports are made without, and those that have some keep them. */
const assertLeftAlone = async (t: ExecutionContext, pods: Readonly<Record<string, string | undefined>>): Promise<void> => {
	const {client} = cluster;
	t.is((await client.send('GET', webhookConfiguration)).status, 404);
	await untilFound(async () => {
		const port = await createPod('too-late');
		await client.request('DELETE', `${podPath('too-late')}?gracePeriodSeconds=0`);
		return port === undefined ? true : undefined;
	}, 'the API server to notice');
	for (const [name, port] of Object.entries(pods)) {
		const {metadata, spec} = await client.request<Pod>('GET', podPath(name));
		t.is(metadata.annotations['hostport.io/allocated-game'], port);
		t.true(spec.hostNetwork);
	}
};

/** Whatever the installation has made. */
const leftovers = async (): Promise<string> => {
	const kinds = 'clusterrole,clusterrolebinding,priorityclass,mutatingwebhookconfiguration,role,rolebinding,serviceaccount,service,deployment,poddisruptionbudget';
	const {stdout} = await cluster.run('kubectl', 'get', kinds, '--all-namespaces', '-l', 'app.kubernetes.io/name=hostport-operator', '-o', 'name');
	return stdout.trim();
};

test.serial('the samples are valid', async t => {
	for (const sample of ['statefulset-example.yaml', 'deployment-example.yaml']) {
		await quiet(t, cluster.run('kubectl', 'apply', '--dry-run=server', '--validate=strict', '-f', `deploy/samples/${sample}`));
	}
});

let firstPort: string | undefined;

test.serial('kubectl apply -k deploy/overlays/default: accepted without a warning, repeatable, called; and delete -k leaves Pods alone', async t => {
	const {run, client} = cluster;
	const created = await quiet(t, run('kubectl', 'apply', '-k', 'deploy/overlays/default', '--validate=strict'));
	t.true(created.trim().split('\n').every(line => line.endsWith(' created')), created);
	await untilThreeRun();
	await assertRestricted(t);

	const installation = await standIn();
	try {
		firstPort = await createPod('first');
		t.is(firstPort, '30558');
		// By now caBundle and Service have been changed by others than kubectl: it leaves that as it is.
		t.is(await quiet(t, run('kubectl', 'diff', '-k', 'deploy/overlays/default')), '');
		const before = await versions();
		await quiet(t, run('kubectl', 'apply', '-k', 'deploy/overlays/default', '--validate=strict'));
		t.deepEqual(await versions(), before);
		t.is(await createPod('second'), '30559');
	} finally {
		await installation.stop();
	}

	await quiet(t, run('kubectl', 'delete', '-k', 'deploy/overlays/default', '--timeout=90s'));
	await assertLeftAlone(t, {first: '30558', second: '30559'});
	t.is(await leftovers(), '');
	t.is((await client.send('GET', '/api/v1/namespaces/operators')).status, 404);
});

test.serial('kubectl apply -f deploy/install.yaml: the same, and finds the Pods of an earlier installation; removed by label, it leaves the ledger', async t => {
	const {run, client} = cluster;
	const created = await quiet(t, run('kubectl', 'apply', '-f', 'deploy/install.yaml', '--validate=strict'));
	t.true(created.trim().split('\n').every(line => line.endsWith(' created')), created);
	await untilThreeRun();

	const installation = await standIn();
	try {
		t.is(await createPod('third'), '30560', 'The ledger was deleted with its namespace; the ports of the Pods that run are taken all the same.');
	} finally {
		await installation.stop();
	}

	await quiet(t, run('kubectl', 'delete', '-k', 'deploy/overlays/default', '-l', 'app.kubernetes.io/name=hostport-operator', '--timeout=90s'));
	await assertLeftAlone(t, {first: '30558', second: '30559', third: '30560'});
	t.is(await leftovers(), '');
	const {data} = await client.request<{data: Record<string, string>}>('GET', '/api/v1/namespaces/operators/configmaps/hostport-ledger-30500');
	t.true('30560.tcp' in data);
});

test.serial('what is not in the default is valid too', async t => {
	const {run} = cluster;
	for (const source of [['-k', 'deploy/base'], ['-k', 'deploy/overlays/opt-in-by-label'], ['-f', 'deploy/components/network-policy/network-policy.yaml', '-n', 'operators']]) {
		const created = await quiet(t, run('kubectl', 'apply', '--dry-run=server', '--validate=strict', ...source));
		t.regex(created, /created \(server dry run\)/);
	}
});

test.serial('helm install: accepted without a warning, repeatable, called; and helm uninstall leaves Pods and ledger', async t => {
	const {run, client} = cluster;
	const manifest = path.join(await mkdtemp(path.join(cluster.controlPlane.directory, 'chart-')), 'manifest.yaml');
	await writeFile(manifest, await helmTemplate('operators'));
	await quiet(t, run('kubectl', 'apply', '--dry-run=server', '--validate=strict', '-f', manifest));

	const notes = await quiet(t, run('helm', 'install', 'hostport-operator', 'deploy/chart', '--namespace', 'operators', '--create-namespace'));
	t.regex(notes, /STATUS: deployed/);
	t.regex(notes, /kubectl rollout status deployment\/hostport-operator --namespace operators/);
	await untilThreeRun();
	await assertRestricted(t);

	const installation = await standIn();
	try {
		t.is(await createPod('fourth'), '30561');
		const before = await versions();
		await quiet(t, run('helm', 'upgrade', 'hostport-operator', 'deploy/chart', '--namespace', 'operators'));
		t.deepEqual(await versions(), before, 'An upgrade to what is there changes nothing.');
		t.is(await createPod('fifth'), '30562');
	} finally {
		await installation.stop();
	}

	await quiet(t, run('helm', 'uninstall', 'hostport-operator', '--namespace', 'operators', '--wait'));
	await assertLeftAlone(t, {first: '30558', fourth: '30561', fifth: '30562'});
	t.is(await leftovers(), '');
	t.is((await client.send('GET', '/api/v1/namespaces/operators/configmaps/hostport-ledger')).status, 200);
});

/** Those that change where a specification does. */
const versions = async (): Promise<unknown> => Promise.all([
	'/apis/apps/v1/namespaces/operators/deployments/hostport-operator',
	webhookConfiguration,
	'/apis/policy/v1/namespaces/operators/poddisruptionbudgets/hostport-operator',
].map(async object => (await cluster.client.request<{metadata: {generation: number}}>('GET', object)).metadata.generation));
