import test from 'ava';
import {snapshotOf} from '../../scripts/demo/snapshot.ts';
import {createState, recordLogLine} from '../../scripts/demo/state.ts';
import type {DemoPod} from '../../scripts/demo/state.ts';

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

const stateOf = (...pods: DemoPod[]) => {
	const state = createState(['replica-1', 'replica-2']);
	for (const each of pods) {
		state.pods.set(each.metadata.uid, each);
	}

	return state;
};

const allocatedLine = (identity: string, pod: string, ports: number[], more = {}) =>
	({identity, level: 'info', msg: 'allocated', pod, ports, time: '2026-11-23T10:00:00.000Z', ...more});

test('a Pod is shown with the replica that gave it its ports', t => {
	const state = stateOf(pod({name: 'server-0', port: 30_558, node: 'worker-1', phase: 'Running'}));
	recordLogLine(state, allocatedLine('replica-2_ab12cd34', 'hostport-demo/server-0', [30_558]));
	t.deepEqual(snapshotOf(state, '', 0).pods, [{name: 'server-0', ports: 'grpc 30558/tcp', replica: 'replica-2', node: 'worker-1', isRunning: true}]);
	t.deepEqual(snapshotOf(state, '', 0).replicas.map(({pods}) => pods), [0, 1]);
});

test('Pods that had no name yet are told apart by their ports', t => {
	const state = stateOf(
		pod({name: 'worker-7d9f-aaaaa', generateName: 'worker-7d9f-', port: 30_560}),
		pod({name: 'worker-7d9f-bbbbb', generateName: 'worker-7d9f-', port: 30_561}),
	);
	recordLogLine(state, allocatedLine('replica-1_1', 'hostport-demo/worker-7d9f- (ReplicaSet worker-7d9f)', [30_561]));
	recordLogLine(state, allocatedLine('replica-2_2', 'hostport-demo/worker-7d9f- (ReplicaSet worker-7d9f)', [30_560]));
	t.deepEqual(snapshotOf(state, '', 0).pods.map(({replica}) => replica), ['replica-2', 'replica-1']);
});

test('one port in two protocols may belong to two Pods', t => {
	const state = stateOf(pod({name: 'server-0', port: 30_558}), pod({name: 'voice-0', port: 30_558, protocol: 'UDP'}));
	recordLogLine(state, allocatedLine('replica-1_1', 'hostport-demo/server-0', [30_558]));
	recordLogLine(state, allocatedLine('replica-2_2', 'hostport-demo/voice-0', [30_558]));
	t.deepEqual(snapshotOf(state, '', 0).pods.map(({replica}) => replica), ['replica-1', 'replica-2']);
});

test('an allocation of a dry run is ignored', t => {
	const state = stateOf(pod({name: 'server-0', port: 30_558}));
	recordLogLine(state, allocatedLine('replica-1_1', 'hostport-demo/server-0', [30_558], {dryRun: true}));
	t.is(snapshotOf(state, '', 0).pods[0]?.replica, undefined);
});

const entry = (state: string) => JSON.stringify({pod: 'a/b', port: 'grpc', state, since: '2026-11-23T10:00:00Z'});

test('ledger entries are counted by state, unreadable ones too', t => {
	const state = stateOf();
	state.pages.set('1', {
		metadata: {name: 'hostport-ledger-30500', uid: '1', resourceVersion: '1'},
		data: {'30558.tcp': entry('bound'), '30559.tcp': entry('bound'), '30559.udp': entry('pending'), '30560.tcp': 'mine!'},
	});
	t.deepEqual(snapshotOf(state, '', 0).ledger, {
		pages: 1,
		entries: 4,
		lowest: 30_558,
		highest: 30_560,
		lastEntry: '30560.tcp mine!',
		states: new Map([['bound', 2], ['pending', 1], ['unreadable', 1]]),
	});
});

test('progress counts the running Pods of those that should run', t => {
	const state = stateOf(pod({name: 'a', port: 1, phase: 'Running'}), pod({name: 'b', port: 2}));
	t.is(snapshotOf(state, '', 0).progress, undefined);
	state.goal = {apps: ['game'], total: 3};
	t.deepEqual(snapshotOf(state, '', 0).progress, {running: 1, total: 3});
	state.goal = {apps: ['other'], total: 3};
	t.deepEqual(snapshotOf(state, '', 0).progress, {running: 0, total: 3});
});
