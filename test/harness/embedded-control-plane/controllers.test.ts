/** The controllers, the scheduler and the nodes of the embedded control plane. */
import test from 'ava';
import type {ExecutionContext} from 'ava';
import {until} from '../../../harness/control-plane/until.ts';
import {startEmbeddedControlPlane} from '../../../harness/embedded-control-plane/start.ts';
import type {Stored} from '../../../harness/in-memory-api/kinds.ts';

type Pod = Stored & {readonly spec: {readonly nodeName?: string}; readonly status: {readonly phase: string}};

const caller = {user: 'tester', groups: []};
const template = (port: object = {containerPort: 9000}) => ({metadata: {labels: {app: 'game'}}, spec: {containers: [{name: 'server', image: 'none', ports: [port]}]}});

const startCluster = async (t: ExecutionContext, nodes = 2) => {
	const {api, stop} = await startEmbeddedControlPlane({nodes});
	t.teardown(stop);
	const send = async (method: 'POST' | 'PATCH' | 'DELETE', path: string, body?: object) => {
		const {status, body: answer} = await api.handle({method, path, body, contentType: 'application/merge-patch+json'}, caller);
		t.true(status < 300, JSON.stringify(answer));
	};

	const allPods = () => [...api.server.all('Pod')] as Pod[];
	return {
		api,
		send,
		pods: allPods,
		/** Waits until this number of Pods run and no other Pods exist. */
		untilRunning: async (count: number) =>
			until(async () => {
				const pods = allPods();
				return pods.length === count && pods.every(({status}) => status.phase === 'Running') && pods;
			}, {what: `${count} Pods to run`, budgetMs: 20_000}),
		events: (reason: string) => [...api.server.all('Event')].filter(event => event['reason'] === reason),
	};
};

const names = (pods: readonly Pod[]) => pods.map(({metadata: {name}}) => name).toSorted();

const apps = '/apis/apps/v1/namespaces/default';
const selector = {matchLabels: {app: 'game'}};

test('a Deployment has as many Pods as it wants, also after it is scaled and after a Pod is deleted', async t => {
	const {send, untilRunning, api} = await startCluster(t);
	await send('POST', `${apps}/deployments`, {metadata: {name: 'game'}, spec: {replicas: 3, selector, template: template()}});
	const [first] = await untilRunning(3);
	t.regex(first!.metadata.name, /^game-[\da-f]{10}-[a-z\d]{5}$/);
	await send('PATCH', `${apps}/deployments/game/scale`, {spec: {replicas: 5}});
	await untilRunning(5);
	await send('DELETE', `/api/v1/namespaces/default/pods/${first!.metadata.name}`);
	t.false((await untilRunning(5)).some(({metadata: {name}}) => name === first!.metadata.name));
	await until(async () => (api.server.find('Deployment', 'game', 'default')?.['status'] as {readyReplicas?: number} | undefined)?.readyReplicas === 5, {what: 'the status', budgetMs: 5000});
	await send('PATCH', `${apps}/deployments/game/scale`, {spec: {replicas: 1}});
	await untilRunning(1);
	await send('DELETE', `${apps}/deployments/game`);
	await untilRunning(0);
});

test('a changed template of a Deployment gives new Pods', async t => {
	const {send, untilRunning, pods} = await startCluster(t);
	await send('POST', `${apps}/deployments`, {metadata: {name: 'game'}, spec: {replicas: 2, selector, template: template()}});
	const old = new Set((await untilRunning(2)).map(({metadata: {uid}}) => uid));
	await send('PATCH', `${apps}/deployments/game`, {spec: {template: template({containerPort: 9001})}});
	await until(async () => pods().every(({metadata: {uid}}) => !old.has(uid)), {what: 'new Pods', budgetMs: 5000});
	await untilRunning(2);
});

test('the Pods of a StatefulSet have ordinals, and one that is deleted comes back under its name', async t => {
	const {send, untilRunning} = await startCluster(t);
	await send('POST', `${apps}/statefulsets`, {metadata: {name: 'game'}, spec: {replicas: 3, serviceName: 'game', selector, template: template()}});
	t.deepEqual(names(await untilRunning(3)), ['game-0', 'game-1', 'game-2']);
	await send('DELETE', '/api/v1/namespaces/default/pods/game-1');
	t.deepEqual(names(await untilRunning(3)), ['game-0', 'game-1', 'game-2']);
	await send('PATCH', `${apps}/statefulsets/game/scale`, {spec: {replicas: 1}});
	t.deepEqual(names(await untilRunning(1)), ['game-0']);
});

test('two Pods with one host port get two nodes; a third waits until one is gone', async t => {
	const {send, pods, events, untilRunning} = await startCluster(t, 2);
	for (const name of ['a', 'b', 'c']) {
		await send('POST', '/api/v1/namespaces/default/pods', {metadata: {name}, spec: template({containerPort: 9000, hostPort: 9000}).spec});
	}

	await until(async () => events('FailedScheduling').length > 0, {what: 'the Event', budgetMs: 5000});
	t.is(events('FailedScheduling')[0]?.['message'], '0/2 nodes are available: 2 node(s) didn\'t have free ports for the requested pod ports.');
	const running = await until(async () => {
		const found = pods().filter(({status}) => status.phase === 'Running');
		return found.length === 2 && found;
	}, {what: 'two Pods to run', budgetMs: 5000});
	t.is(new Set(running.map(({spec: {nodeName}}) => nodeName)).size, 2);
	await send('DELETE', '/api/v1/namespaces/default/pods/a');
	await untilRunning(2);
});

test('a Pod that can\'t be created is an Event of its controller, which tries again', async t => {
	const {api, send, events, untilRunning} = await startCluster(t);
	api.server.closeQuota('default');
	await send('POST', `${apps}/deployments`, {metadata: {name: 'game'}, spec: {replicas: 2, selector, template: template()}});
	await until(async () => events('FailedCreate').length > 1, {what: 'two Events', budgetMs: 5000});
	t.regex(String(events('FailedCreate')[0]?.['message']), /^Error creating: pods ".*" is forbidden: exceeded quota/);
	await untilRunning(0);
});

test('a namespace has a ServiceAccount, and takes its contents along', async t => {
	const {api, send} = await startCluster(t);
	await send('POST', '/api/v1/namespaces', {metadata: {name: 'game'}});
	await until(async () => api.server.find('ServiceAccount', 'default', 'game'), {what: 'the ServiceAccount', budgetMs: 5000});
	await send('POST', '/api/v1/namespaces/game/configmaps', {metadata: {name: 'page'}});
	await send('DELETE', '/api/v1/namespaces/game');
	await until(async () => !api.server.find('ConfigMap', 'page', 'game'), {what: 'the ConfigMap to be deleted', budgetMs: 5000});
	t.pass();
});
