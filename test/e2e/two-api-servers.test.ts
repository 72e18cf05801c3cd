/**
 * Two API servers on one etcd, as in production: each has a cache of its own, calls the webhook itself, and can die. Each replica
 * reaches them through a load balancer that keeps to one API server as long as it accepts connections: replica 2 to the second,
 * the others to the first. Pods are created through both at once.
 */
import {setTimeout as sleep} from 'node:timers/promises';
import test from 'ava';
import {startBalancer} from '../../harness/balancer.ts';
import {countWrites} from '../../harness/count-writes.ts';
import {createKubeClient} from '../../harness/kube-client.ts';
import type {KubeClient} from '../../harness/kube-client.ts';
import {hostPorts} from '../../harness/observe.ts';
import {serviceAccount, untilCalled} from '../../harness/product-objects.ts';
import {assertCalmBursts} from './helpers/calm-bursts.ts';
import {useCluster} from './helpers/cluster.ts';
import type {Cluster, Preparation, Stage} from './helpers/cluster.ts';
import {assertAllCreated, assertSound, disturbedBurst, stopHolder} from './helpers/disturbed-burst.ts';
import {useFixture} from './helpers/fixture.ts';

type Kubeconfigs = {
	/** An administrator's, for each API server; through a balancer, as clients outside the cluster use one. */
	readonly administrators: readonly string[];
};

const prepare = async ({controlPlane: {serverUrls, kubeconfigFor}, started}: Stage): Promise<Preparation<Kubeconfigs>> => {
	const servers = serverUrls.map(url => ({host: '127.0.0.1', port: Number(new URL(url).port)}));
	/** The URL of a balancer that prefers one of the API servers. */
	const preferring = async (index: number): Promise<string> => {
		const targets = [...servers.slice(index), ...servers.slice(0, index)];
		const {port} = started.use(await startBalancer({targets: () => targets, affinity: true}));
		return `https://127.0.0.1:${port}`;
	};

	const toFirst = await kubeconfigFor(serviceAccount, await preferring(0));
	const toSecond = await kubeconfigFor(serviceAccount, await preferring(1));
	const administrator = {user: 'kubernetes-admin', groups: ['system:masters']};
	return {
		kubeconfig: replica => replica === 'replica-2' ? toSecond : toFirst,
		prepared: {administrators: await Promise.all(servers.map(async (_, index) => kubeconfigFor(administrator, await preferring(index))))},
	};
};

const cluster = useCluster(test, {workloads: false, replicas: 3, apiServers: 2, flags: ['--port-range', '10000-32767', '--hold-time', '6s', '--api-request-timeout', '3s'], prepare});

const clients = useFixture(test, async (_, started) => {
	const all = await Promise.all(cluster().prepared.administrators.map(async kubeconfig => started.use(await createKubeClient(kubeconfig))));
	await Promise.all(all.map(async client => untilCalled(client, undefined)));
	return all;
});

/** The cluster with a client that sends each request to the next API server in turn. */
const throughBoth = (): Cluster => {
	let turn = 0;
	const next = (): KubeClient => clients()[turn++ % clients().length]!;
	const {client} = cluster();
	return {...cluster(), client: {...client, send: async (...request) => next().send(...request), request: async (...request) => next().request(...request)}};
};

const writes = async (): Promise<number> => {
	const counts = await Promise.all(clients().map(countWrites));
	return counts.reduce((total, {configMaps, leases}) => total + configMaps + leases, 0);
};

test.serial('600 Pods through both API servers get distinct ports, by at most 0.2 writes each', async t => {
	const both = throughBoth();
	await both.createNamespace('calm');
	await assertCalmBursts(t, both, {namespaces: ['calm'], basePorts: [20_000, 22_000, 24_000], countWrites: writes});
});

test.serial('an API server that was paused gives no port twice, though its cache is old', async t => {
	const {controlPlane} = cluster();
	const burst = await disturbedBurst(t, throughBoth(), {
		namespace: 'paused-server',
		basePort: 12_000,
		async disturb() {
			controlPlane.processes['kube-apiserver-2']?.kill('SIGSTOP');
			// Shorter than the hold time, for which the API server may take to store an admitted Pod.
			await sleep(2000);
			controlPlane.processes['kube-apiserver-2']?.kill('SIGCONT');
		},
	});
	assertAllCreated(t, burst);
	assertSound(t, burst);
});

test.serial('kill -9 of one API server fails only the requests under way', async t => {
	const {controlPlane, installation, logs} = cluster();
	const burst = await disturbedBurst(t, throughBoth(), {
		namespace: 'one-server',
		basePort: 10_000,
		async disturb() {
			controlPlane.processes['kube-apiserver-2']?.kill('SIGKILL');
			await controlPlane.processes['kube-apiserver-2']?.exited;
			return logs.length;
		},
	});
	assertAllCreated(t, burst);
	assertSound(t, burst);
	t.is(installation.replicas().length, 3);
	const after = logs.slice(burst.disturbance).filter(({msg, identity}) => msg === 'allocated' && identity.startsWith('replica-2'));
	t.true(after.length > 0, 'The replica of the killed API server goes on through the other one.');
	t.true(burst.failures.length <= 60, `${burst.failures.length} failures`);
	await controlPlane.restartApiServer(1);
});

test.serial('kill -9 of an API server and of the Lease holder at once', async t => {
	const {controlPlane, installation} = cluster();
	const burst = await disturbedBurst(t, throughBoth(), {
		namespace: 'both',
		basePort: 14_000,
		async disturb() {
			const holder = await stopHolder(throughBoth(), 'hostport-ledger');
			controlPlane.processes['kube-apiserver']?.kill('SIGKILL');
			await installation.removeReplica(holder, 'SIGKILL');
		},
	});
	assertAllCreated(t, burst);
	assertSound(t, burst);
});

test.serial('every Pod of the bursts has its ports', async t => {
	const {client} = throughBoth();
	const {items} = await client.request<{items: ReadonlyArray<{readonly metadata: {readonly name: string}}>}>('GET', '/api/v1/pods');
	t.is((await hostPorts(client)).length, 2 * items.length);
});
