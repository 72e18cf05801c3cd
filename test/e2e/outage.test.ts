/** While all replicas are down, Pods without host ports are not affected, and `kubectl describe` says why Pods with host ports are missing. */
import {execFile} from 'node:child_process';
import {promisify} from 'node:util';
import test from 'ava';
import {obtainBinaries} from '../../harness/control-plane/obtain.ts';
import {useCluster} from './helpers/cluster.ts';
import {useFixture} from './helpers/fixture.ts';
import {enabled, podsPath} from './helpers/pods.ts';
import type {Pod} from './helpers/pods.ts';
import {untilFound, untilTrue} from './helpers/until.ts';

const cluster = useCluster(test, {workloads: true, replicas: 2});

const pods = podsPath('outage');

const podSpec = {terminationGracePeriodSeconds: 0, containers: [{name: 'main', image: 'none', ports: [{name: 'game', containerPort: 8080}]}]};

const pod = (name: string, annotations: Record<string, string>, finalizers: readonly string[] = []) => ({
	apiVersion: 'v1', kind: 'Pod', metadata: {name, annotations, finalizers}, spec: podSpec,
});

const workload = (kind: 'Deployment' | 'StatefulSet', name: string, replicas: number, annotations: Record<string, string>) => ({
	apiVersion: 'apps/v1',
	kind,
	metadata: {name},
	spec: {
		replicas,
		...(kind === 'StatefulSet' && {serviceName: name}),
		selector: {matchLabels: {app: name}},
		template: {metadata: {labels: {app: name}, annotations}, spec: podSpec},
	},
});

const untilRunning = async (app: string, count: number): Promise<Pod[]> => untilFound(async () => {
	const {items} = await cluster().client.request<{items: Pod[]}>('GET', `${pods}?labelSelector=app%3D${app}`);
	const running = items.filter(({metadata, status}) => status.phase === 'Running' && !metadata.deletionTimestamp);
	return running.length === count ? running : undefined;
}, `${count} Pods of ${app}`);

const untilGone = async (name: string): Promise<void> => {
	await untilTrue(async () => (await cluster().client.send('GET', `${pods}/${name}`)).status === 404, `the end of ${name}`);
};

const describe = async (kind: string, name: string): Promise<string> => {
	const {kubectl} = await obtainBinaries(['kubectl']);
	const {stdout} = await promisify(execFile)(kubectl, ['describe', kind, name, '--namespace', 'outage', '--kubeconfig', cluster().controlPlane.kubeconfigPath]);
	return stdout;
};

const portsByName = (running: readonly Pod[]): Record<string, string | undefined> =>
	Object.fromEntries(running.map(({metadata}) => [metadata.name, metadata.annotations?.['hostport.io/allocated-game']] as const));

/** Starts workloads with and without host ports, kills all replicas, and resolves with the host port of each Pod of the StatefulSet. */
const portsBefore = useFixture(test, async () => {
	const {client, createNamespace, installation} = cluster();
	await createNamespace('outage');
	await client.request('POST', '/apis/apps/v1/namespaces/outage/statefulsets', workload('StatefulSet', 'game', 2, enabled));
	await client.request('POST', '/apis/apps/v1/namespaces/outage/deployments', workload('Deployment', 'worker', 1, enabled));
	await client.request('POST', '/apis/apps/v1/namespaces/outage/deployments', workload('Deployment', 'web', 1, {}));
	await client.request('POST', pods, pod('finalized', enabled, ['example.com/clean-up']));
	const [game] = await Promise.all([untilRunning('game', 2), untilRunning('worker', 1), untilRunning('web', 1)]);
	await Promise.all(installation.replicas().map(async replica => installation.removeReplica(replica, 'SIGKILL')));
	return portsByName(game);
});

test.serial('Pods that do not ask for host ports are created, scheduled and run', async t => {
	const {client} = cluster();
	await client.request('PATCH', '/apis/apps/v1/namespaces/outage/deployments/web', {spec: {replicas: 3}}, 'application/merge-patch+json');
	await untilRunning('web', 3);
	t.is((await client.send('POST', pods, pod('declines', {'hostport.io/enabled': 'false'}))).status, 201);
});

test.serial('Pods of the cluster itself and of the operator can be created', async t => {
	const {client} = cluster();
	for (const namespace of ['kube-system', 'operators']) {
		await untilFound(async () => client.request('GET', `/api/v1/namespaces/${namespace}/serviceaccounts/default`), `the ServiceAccount of ${namespace}`);
		t.is((await client.send('POST', podsPath(namespace), pod('needed', enabled))).status, 201, namespace);
	}
});

test.serial('Pods with host ports can be updated, lose their finalizers and be deleted', async t => {
	const {client} = cluster();
	const mergePatch = 'application/merge-patch+json';
	t.is((await client.send('PATCH', `${pods}/game-0`, {metadata: {labels: {touched: 'true'}}}, mergePatch)).status, 200);
	t.is((await client.send('PATCH', `${pods}/game-0`, {metadata: {annotations: {'hostport.io/enabled': 'nonsense'}}}, mergePatch)).status, 200);
	t.is((await client.send('PATCH', `${pods}/game-0/status`, {status: {message: 'still here'}}, mergePatch)).status, 200);

	t.is((await client.send('DELETE', `${pods}/finalized`)).status, 200);
	t.is((await client.send('PATCH', `${pods}/finalized`, {metadata: {finalizers: null}}, mergePatch)).status, 200);
	await untilGone('finalized');
	t.is((await client.send('DELETE', `${pods}/game-1`)).status, 200);
	await untilGone('game-1');
});

test.serial('kubectl describe names the webhook when Pods of a workload can\'t be created', async t => {
	const {client} = cluster();
	await client.request('PATCH', '/apis/apps/v1/namespaces/outage/deployments/worker', {spec: {replicas: 2}}, 'application/merge-patch+json');
	const {items: [replicaSet]} = await client.request<{items: Array<{metadata: {name: string}}>}>('GET', '/apis/apps/v1/namespaces/outage/replicasets?labelSelector=app%3Dworker');
	for (const [kind, name] of [['statefulset', 'game'], ['replicaset', replicaSet!.metadata.name]] as const) {
		const line = await untilFound(async () => /^ +Warning +FailedCreate.*$/m.exec(await describe(kind, name))?.[0], `an event of ${name}`);
		t.log(line.trim().replaceAll(/\s+/g, ' '));
		t.regex(line, /Warning +FailedCreate .*failed calling webhook "mutate-pods\.hostport\.io"/);
	}
});

test.serial('once a replica is back, workloads get their Pods and the StatefulSet its old ports', async t => {
	await cluster().installation.addReplica('back');
	const game = await untilRunning('game', 2);
	t.is(game.find(({metadata}) => metadata.name === 'game-0')?.metadata.labels?.['touched'], 'true', 'It has run all the time.');
	t.is(Object.values(portsBefore()).filter(Boolean).length, 2);
	t.deepEqual(portsByName(game), portsBefore());
	await untilRunning('worker', 2);
});
