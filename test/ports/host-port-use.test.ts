import test from 'ava';
import {entryOf, hostPortsOf, isLive, isManaged} from '../../src/ports/host-port-use.ts';
import type {HostPortUse, StoredPod} from '../../src/ports/host-port-use.ts';
import {since} from '../helpers/ledger-builders.ts';

type Shape = {
	readonly annotations?: Record<string, string>;
	readonly spec?: Partial<StoredPod['spec']>;
	readonly phase?: string;
};

const podWith = ({annotations, spec, phase}: Shape = {}): StoredPod => ({
	metadata: {name: 'server-0', namespace: 'game', uid: 'u', ...(annotations && {annotations})},
	spec: {containers: [{ports: [{name: 'grpc', containerPort: 30_558, hostPort: 30_558, protocol: 'TCP'}]}], ...spec},
	...(phase && {status: {phase}}),
});

const use: HostPortUse = {port: 30_558, protocol: 'TCP', pod: 'game/server-0', uid: 'u', node: undefined, portName: 'grpc', managed: false};

const isUsed = test.macro((t, shape: Shape, ...expected: ReadonlyArray<Partial<HostPortUse>>) => {
	t.deepEqual(hostPortsOf(podWith(shape)), expected.map(changes => Object.assign({}, use, changes)));
});

test('a host port is found', isUsed, {}, {});
test('the node is told, once there is one', isUsed, {spec: {nodeName: 'worker-1'}}, {node: 'worker-1'});
test('a port that an annotation names is ours', isUsed, {annotations: {'hostport.io/allocated-grpc': '30558'}}, {managed: true});
test('an annotation with another number says nothing of it', isUsed, {annotations: {'hostport.io/allocated-grpc': '30559'}}, {managed: false});
test('an annotation that is no number says nothing', isUsed, {annotations: {'hostport.io/allocated-grpc': '', 'hostport.io/base-port': '30558'}}, {managed: false});
test('a protocol left out is TCP', isUsed, {spec: {containers: [{ports: [{name: 'grpc', containerPort: 1, hostPort: 30_558}]}]}}, {});
test('a port without a name has that of its annotation', isUsed, {
	annotations: {'hostport.io/allocated-9000': '30558'},
	spec: {containers: [{ports: [{containerPort: 30_558, hostPort: 30_558}]}]},
}, {portName: '9000', managed: true});
test('a port without name and annotation goes by its number', isUsed, {spec: {containers: [{ports: [{containerPort: 9000, hostPort: 30_558}]}]}}, {portName: '9000'});
test('a port without a host port uses none', isUsed, {spec: {containers: [{ports: [{containerPort: 9000}, {containerPort: 9001, hostPort: 0}]}]}});
test('a container may have no ports', isUsed, {spec: {containers: [{}]}});
test('init containers count, for they may be sidecars', isUsed, {spec: {initContainers: [{ports: [{name: 'mesh', containerPort: 1, hostPort: 15_001, protocol: 'UDP'}]}]}}, {}, {port: 15_001, protocol: 'UDP', portName: 'mesh'});
test('a Pod that is pending or running uses its ports', isUsed, {phase: 'Running'}, {});
test('a Pod that has succeeded uses none', isUsed, {phase: 'Succeeded'});
test('a Pod that has failed uses none', isUsed, {phase: 'Failed'});

test('a Pod is live until it has ended', t => {
	t.deepEqual([undefined, 'Pending', 'Running', 'Unknown', 'Succeeded', 'Failed'].filter(phase => isLive(podWith(phase === undefined ? {} : {phase}))), [undefined, 'Pending', 'Running', 'Unknown']);
});

test('a Pod is ours by what we have written on it', t => {
	t.true(isManaged(podWith({annotations: {'hostport.io/allocated-grpc': '30558'}})));
	t.false(isManaged(podWith({annotations: {'hostport.io/enabled': 'true'}})));
	t.false(isManaged(podWith()));
});

test('a live Pod\'s port is bound where it is ours, with a claim', t => {
	t.deepEqual(entryOf({...use, managed: true, node: 'worker-1'}, 'c', since), ['30558.tcp', {pod: 'game/server-0', port: 'grpc', state: 'bound', uid: 'u', node: 'worker-1', claim: 'c', since}]);
});

test('a live Pod\'s port is foreign where it is not ours, without a claim', t => {
	t.deepEqual(entryOf({...use, protocol: 'SCTP'}, 'c', since), ['30558.sctp', {pod: 'game/server-0', port: 'grpc', state: 'foreign', uid: 'u', since}]);
});
