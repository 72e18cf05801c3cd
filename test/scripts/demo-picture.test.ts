import test from 'ava';
import {pictureOf} from '../../scripts/demo/picture.ts';
import {createScene, hear} from '../../scripts/demo/scene.ts';
import type {DemoPod} from '../../scripts/demo/scene.ts';

type Shape = {name: string; generateName?: string; port: number; protocol?: 'TCP' | 'UDP'; node?: string; phase?: string};

const pod = ({name, generateName, port, protocol = 'TCP', node, phase = 'Pending'}: Shape): DemoPod => ({
	metadata: {
		name,
		namespace: 'hostport-demo',
		uid: name,
		resourceVersion: '1',
		...(generateName && {generateName}),
		labels: {app: 'game'},
		annotations: {'hostport.io/allocated-grpc': String(port)},
	},
	spec: {...(node && {nodeName: node}), containers: [{ports: [{name: 'grpc', containerPort: port, hostPort: port, protocol}]}]},
	status: {phase},
});

const sceneOf = (...pods: DemoPod[]) => {
	const scene = createScene(['replica-1', 'replica-2']);
	for (const each of pods) {
		scene.pods.set(each.metadata.uid, each);
	}

	return scene;
};

const said = (identity: string, pod: string, ports: number[], more = {}) =>
	({identity, level: 'info', msg: 'allocated', pod, ports, time: '2026-11-23T10:00:00.000Z', ...more});

test('a Pod is shown with the replica that gave it its ports', t => {
	const scene = sceneOf(pod({name: 'server-0', port: 30_558, node: 'worker-1', phase: 'Running'}));
	hear(scene, said('replica-2_ab12cd34', 'hostport-demo/server-0', [30_558]));
	t.deepEqual(pictureOf(scene, '', 0).pods, [{name: 'server-0', ports: 'grpc 30558/tcp', replica: 'replica-2', node: 'worker-1', isRunning: true}]);
	t.deepEqual(pictureOf(scene, '', 0).replicas.map(({pods}) => pods), [0, 1]);
});

test('Pods without a name at that time are told apart by their ports', t => {
	const scene = sceneOf(
		pod({name: 'worker-7d9f-aaaaa', generateName: 'worker-7d9f-', port: 30_560}),
		pod({name: 'worker-7d9f-bbbbb', generateName: 'worker-7d9f-', port: 30_561}),
	);
	hear(scene, said('replica-1_1', 'hostport-demo/worker-7d9f- (ReplicaSet worker-7d9f)', [30_561]));
	hear(scene, said('replica-2_2', 'hostport-demo/worker-7d9f- (ReplicaSet worker-7d9f)', [30_560]));
	t.deepEqual(pictureOf(scene, '', 0).pods.map(({replica}) => replica), ['replica-2', 'replica-1']);
});

test('the same number in two protocols is two Pods\'', t => {
	const scene = sceneOf(pod({name: 'server-0', port: 30_558}), pod({name: 'voice-0', port: 30_558, protocol: 'UDP'}));
	hear(scene, said('replica-1_1', 'hostport-demo/server-0', [30_558]));
	hear(scene, said('replica-2_2', 'hostport-demo/voice-0', [30_558]));
	t.deepEqual(pictureOf(scene, '', 0).pods.map(({replica}) => replica), ['replica-1', 'replica-2']);
});

test('what a dry run was told is nobody\'s', t => {
	const scene = sceneOf(pod({name: 'server-0', port: 30_558}));
	hear(scene, said('replica-1_1', 'hostport-demo/server-0', [30_558], {dryRun: true}));
	t.is(pictureOf(scene, '', 0).pods[0]?.replica, undefined);
});

const entry = (state: string) => JSON.stringify({pod: 'a/b', port: 'grpc', state, since: '2026-11-23T10:00:00Z'});

test('the ledger is counted by state, and what can\'t be read is counted too', t => {
	const scene = sceneOf();
	scene.pages.set('1', {
		metadata: {name: 'hostport-ledger-30500', uid: '1', resourceVersion: '1'},
		data: {'30558.tcp': entry('bound'), '30559.tcp': entry('bound'), '30559.udp': entry('pending'), '30560.tcp': 'mine!'},
	});
	t.deepEqual(pictureOf(scene, '', 0).ledger, {
		pages: 1,
		entries: 4,
		lowest: 30_558,
		highest: 30_560,
		lastEntry: '30560.tcp mine!',
		states: new Map([['bound', 2], ['pending', 1], ['unreadable', 1]]),
	});
});

test('progress counts the Pods that run, of those that are wanted', t => {
	const scene = sceneOf(pod({name: 'a', port: 1, phase: 'Running'}), pod({name: 'b', port: 2}));
	t.is(pictureOf(scene, '', 0).progress, undefined);
	scene.goal = {apps: ['game'], total: 3};
	t.deepEqual(pictureOf(scene, '', 0).progress, {running: 1, total: 3});
	scene.goal = {apps: ['other'], total: 3};
	t.deepEqual(pictureOf(scene, '', 0).progress, {running: 0, total: 3});
});
