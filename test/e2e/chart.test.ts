/**
 * The chart with the values of other clusters, and the components that do the same, in a namespace of another name: applied to a
 * real API server, and called by it. The replicas get the options that the stored Deployment gives to its containers.
 */
import {once} from 'node:events';
import {mkdir, writeFile} from 'node:fs/promises';
import {createServer} from 'node:net';
import path from 'node:path';
import test from 'ava';
import type {ExecutionContext} from 'ava';
import {stringify} from 'yaml';
import {deployFolder, helmTemplate} from '../../harness/rendering.ts';
import {version} from '../../src/version.ts';
import {writeOverlay} from '../deploy/rendered/overlay.ts';
import {enabled, hostPortsOf, podsPath} from './helpers/pods.ts';
import type {Pod, Port} from './helpers/pods.ts';
import {createPod, leftovers, quiet, useUserCluster} from './helpers/user-cluster.ts';

const cluster = useUserCluster(test, {workloads: false});
const namespace = 'ports';
const objects = `/api/v1/namespaces/${namespace}`;

/** A Deployment as the API server stores it, as far as the tests look at it. */
type Deployment = {
	readonly spec: {
		readonly strategy: object;
		readonly template: {readonly metadata: object; readonly spec: Pod['spec'] & {readonly securityContext: object}};
	};
};

/** The Pods that have ports stay, so that each later one gets the next number. */
let nextPort = 30_558;
const takeNextPort = () => String(nextPort++);

test.serial.before('the namespaces exist', async () => {
	await cluster().run('kubectl', 'create', 'namespace', namespace, '--save-config');
	await cluster().run('kubectl', 'create', 'namespace', 'games');
});

const storedDeployment = async () => cluster().client.request<Deployment>('GET', `/apis/apps/v1/namespaces/${namespace}/deployments/hostport-operator`);

const isFree = async (port: number): Promise<boolean> => {
	const server = createServer().listen(port, '127.0.0.1');
	try {
		await once(server, 'listening');
		return true;
	} catch {
		return false;
	} finally {
		server.close();
	}
};

/** The flags for the variables of the container. If another program has the webhook's port, the replica takes any other. */
const flagsOf = async (t: ExecutionContext, {spec}: Deployment): Promise<string[]> => {
	const given = (spec.template.spec.containers[0]!.env ?? []).filter(({valueFrom}) => !valueFrom);
	const flags: string[] = [];
	for (const {name, value = ''} of given) {
		const flag = name.replace(/^HOSTPORT_/, '--').toLowerCase().replaceAll('_', '-');
		if (flag === '--webhook-port' && !await isFree(Number(value))) {
			t.log(`${value} is in use on this machine: the replica listens on another port.`);
		} else {
			flags.push(flag, value);
		}
	}

	return flags;
};

type Source = readonly ['-f' | '-k', string];

/** Applies the objects, expects that Pods get ports, runs the further checks, and removes what it applied. */
const assertInstalls = async (t: ExecutionContext, name: string, source: Source, check: (deployment: Deployment) => Promise<void> = async () => undefined): Promise<void> => {
	const {run, client, standInFor} = cluster();
	t.notRegex(await quiet(t, run('kubectl', 'apply', '--validate=strict', ...source)), /^(?!namespace\/).* unchanged$/m);
	try {
		const deployment = await storedDeployment();
		const flags = await flagsOf(t, deployment);
		await using installation = await standInFor({namespace, replicas: 1, flags});
		if (flags.includes('--webhook-port')) {
			t.is(installation.replicas()[0]?.webhookPort, 10_250);
		}

		t.is(await createPod(client, name), takeNextPort());
		await check(deployment);
	} finally {
		await quiet(t, run('kubectl', 'delete', ...source, '-l', 'app.kubernetes.io/name=hostport-operator', '--timeout=90s'));
	}

	t.is(await leftovers(cluster()), '');
};

const write = async (manifests: string): Promise<string> => {
	const file = path.join(await cluster().newFolder('chart'), 'manifests.yaml');
	await writeFile(file, manifests);
	return file;
};

const rendered = async (...args: readonly string[]): Promise<Source> => ['-f', await write(await helmTemplate(namespace, ...args))];

const overlay = async (component: string): Promise<Source> => ['-k', await writeOverlay(await cluster().newFolder('user'), path.join(deployFolder, 'overlays', 'default'), [component], namespace)];

/** Renders the Pod of `helm test`. */
const testPod = async (...args: readonly string[]): Promise<string> => {
	const {stdout} = await cluster().run('helm', 'template', 'hostport-operator', 'deploy/chart', '--namespace', namespace, '--show-only', 'templates/tests/pod.yaml', ...args);
	return write(stdout);
};

test.serial('the chart with its default values, and the Pod of "helm test" gets a port', async t => {
	await assertInstalls(t, 'default-values', await rendered(), async ({spec}) => {
		t.like(spec.template.spec, {securityContext: {runAsNonRoot: true, runAsUser: 65_532, runAsGroup: 65_532}});
		t.is(await createPod(cluster().client, 'own', {annotations: enabled}, namespace), undefined, 'The webhook is not called for the operator\'s own namespace.');
		// Not without a warning: the operator's numbers are NodePorts too.
		await cluster().run('kubectl', 'create', '--validate=strict', '-f', await testPod());
		const pod = await cluster().client.request<Pod>('GET', `${podsPath('default')}/hostport-operator-test`);
		const port = takeNextPort();
		t.is(pod.metadata.annotations?.['hostport.io/allocated-test'], port);
		t.deepEqual(pod.spec.containers[0]!.env?.find(({name}) => name === 'HOSTPORT_TEST'), {name: 'HOSTPORT_TEST', value: port});
		t.like(pod.spec, {hostNetwork: true, containers: [{ports: [{name: 'test', hostPort: Number(port)}]}]});
	});
});

/** Expects that the Service leads to a port that the container listens on. */
const assertPort10250 = async (t: ExecutionContext, {spec}: Deployment): Promise<void> => {
	const [container] = spec.template.spec.containers;
	t.deepEqual(container!.ports?.find(({name}) => name === 'webhook'), {name: 'webhook', containerPort: 10_250, protocol: 'TCP'} as Port);
	t.is(container!.env?.find(({name}) => name === 'HOSTPORT_WEBHOOK_PORT')?.value, '10250');
	const service = await cluster().client.request<{spec: {ports: object[]}}>('GET', `${objects}/services/hostport-operator-webhook-service`);
	t.like(service.spec.ports, [{port: 443, targetPort: 'webhook'}]);
};

test.serial('the chart with webhook.port=10250', async t => {
	await assertInstalls(t, 'port-10250', await rendered('--set', 'webhook.port=10250'), async deployment => assertPort10250(t, deployment));
});

test.serial('the component webhook-port-10250', async t => {
	await assertInstalls(t, 'component-port-10250', await overlay('webhook-port-10250'), async deployment => assertPort10250(t, deployment));
});

/** Returns a Pod of the Deployment as the API server would store it. There is no controller here that makes one. */
const replicaOf = async ({spec: {template}}: Deployment, securityContext: object = {}): Promise<Pod> => cluster().client.request<Pod>('POST', `${podsPath(namespace)}?dryRun=All`, {
	apiVersion: 'v1',
	kind: 'Pod',
	metadata: {name: 'replica', ...template.metadata},
	spec: {...template.spec, securityContext: {...template.spec.securityContext, ...securityContext}},
});

/** Expects that a replica takes its ports on the node, and that an old one makes room for a new one. */
const assertHostNetwork = async (t: ExecutionContext, deployment: Deployment): Promise<void> => {
	t.like(deployment.spec.strategy, {rollingUpdate: {maxSurge: 0, maxUnavailable: 1}});
	const replica = await replicaOf(deployment);
	t.like(replica.spec, {hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet'});
	t.deepEqual(hostPortsOf(replica), [9443, 8081, 8080]);
};

test.serial('the chart with webhook.hostNetwork=true', async t => {
	await assertInstalls(t, 'host-network', await rendered('--set', 'webhook.hostNetwork=true'), async deployment => assertHostNetwork(t, deployment));
});

test.serial('the component host-network', async t => {
	await assertInstalls(t, 'component-host-network', await overlay('host-network'), async deployment => assertHostNetwork(t, deployment));
});

test.serial('the chart leaves the user to the platform, and the level "restricted" admits the platform\'s choice', async t => {
	const openShift = ['--api-versions', 'security.openshift.io/v1'];
	const withoutUser = ['--set', 'podSecurityContext.runAsUser=null,podSecurityContext.runAsGroup=null'];
	t.is(await helmTemplate(namespace, ...openShift), await helmTemplate(namespace, ...withoutUser));

	const enforce = async (level: string | null) => cluster().client.request('PATCH', `/api/v1/namespaces/${namespace}`, {metadata: {labels: {'pod-security.kubernetes.io/enforce': level}}}, 'application/merge-patch+json');
	await assertInstalls(t, 'without-user', await rendered(...openShift), async deployment => {
		t.deepEqual(deployment.spec.template.spec.securityContext, {runAsNonRoot: true, seccompProfile: {type: 'RuntimeDefault'}});
		await enforce('restricted');
		// What OpenShift's own admission adds.
		await t.notThrowsAsync(replicaOf(deployment, {runAsUser: 1_000_680_000, fsGroup: 1_000_680_000}));
		await t.throwsAsync(replicaOf(deployment, {runAsNonRoot: false}), {message: /violates PodSecurity "restricted/});
		await enforce(null);
		const {stdout} = await cluster().run('kubectl', 'create', '--dry-run=server', '--output', 'json', '-f', await testPod(...openShift, '--set', 'test.namespace=games'));
		t.like(JSON.parse(stdout), {metadata: {namespace: 'games'}, spec: {hostNetwork: true, securityContext: {runAsNonRoot: true}}});
		t.false(stdout.includes('runAsUser'));
	});
});

test.serial('the chart as a conditional dependency of another chart', async t => {
	const {run, newFolder} = cluster();
	const parent = path.join(await newFolder('parent'), 'platform');
	await mkdir(parent);
	await writeFile(path.join(parent, 'Chart.yaml'), stringify({
		apiVersion: 'v2',
		name: 'platform',
		version: '1.0.0',
		dependencies: [{name: 'hostport-operator', version, repository: `file://${path.join(deployFolder, 'chart')}`, condition: 'hostport-operator.enabled'}],
	}));
	await run('helm', 'dependency', 'build', parent);
	const render = async (enabled: boolean) => quiet(t, run('helm', 'template', 'platform', parent, '--namespace', namespace, '--skip-tests', '--set', `hostport-operator.enabled=${enabled}`));
	t.is((await render(false)).trim(), '');
	await assertInstalls(t, 'dependency', ['-f', await write(await render(true))]);
});
