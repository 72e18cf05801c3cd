import test from 'ava';
import {hostPortsOf, isLive, isManaged, isNodePort, lacksPorts} from '../../src/ports/host-port-use.ts';
import type {HostPortUse, StoredPod} from '../../src/ports/host-port-use.ts';

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

const use: HostPortUse = {port: 30_558, protocol: 'TCP', pod: 'game/server-0', uid: 'u', node: undefined, portName: 'grpc', managed: false, given: false};

const isUsed = test.macro((t, shape: Shape, ...expected: ReadonlyArray<Partial<HostPortUse>>) => {
	t.deepEqual(hostPortsOf(podWith(shape)), expected.map(changes => Object.assign({}, use, changes)));
});

test('a host port is found', isUsed, {}, {});
test('a use names the node, if the Pod has one', isUsed, {spec: {nodeName: 'worker-1'}}, {node: 'worker-1'});
test('a port that an annotation names is ours', isUsed, {annotations: {'hostport.io/allocated-grpc': '30558'}}, {managed: true, given: true});
test('a port with another number than the annotations name is one of a managed Pod, and not given by us', isUsed, {annotations: {'hostport.io/allocated-game': '30559'}}, {managed: true, given: false});
test('an annotation that is not a number gives no port', isUsed, {annotations: {'hostport.io/allocated-grpc': '', 'hostport.io/base-port': '30558'}}, {managed: true, given: false});
test('a port of a mirror Pod is not ours, whatever its annotations say', isUsed, {annotations: {'hostport.io/allocated-grpc': '30558', 'kubernetes.io/config.mirror': 'a7c3'}}, {managed: false, given: false});
test('a port of a mirror Pod is not called as its annotations say', isUsed, {
	annotations: {'hostport.io/allocated-9000': '30558', 'kubernetes.io/config.mirror': ''},
	spec: {containers: [{ports: [{containerPort: 30_558, hostPort: 30_558}]}]},
}, {portName: '30558', managed: false, given: false});
test('the default protocol is TCP', isUsed, {spec: {containers: [{ports: [{name: 'grpc', containerPort: 1, hostPort: 30_558}]}]}}, {});
test('a port without a name has the name in its annotation', isUsed, {
	annotations: {'hostport.io/allocated-9000': '30558'},
	spec: {containers: [{ports: [{containerPort: 30_558, hostPort: 30_558}]}]},
}, {portName: '9000', managed: true, given: true});
test('a port without name and annotation is called by its containerPort', isUsed, {spec: {containers: [{ports: [{containerPort: 9000, hostPort: 30_558}]}]}}, {portName: '9000'});
test('a port without a host port uses none', isUsed, {spec: {containers: [{ports: [{containerPort: 9000}, {containerPort: 9001, hostPort: 0}]}]}});
test('a container may have no ports', isUsed, {spec: {containers: [{}]}});
test('ports of init containers count, as these may be sidecars', isUsed, {spec: {initContainers: [{ports: [{name: 'mesh', containerPort: 1, hostPort: 15_001, protocol: 'UDP'}]}]}}, {}, {port: 15_001, protocol: 'UDP', portName: 'mesh'});
test('a Pod that is pending or running uses its ports', isUsed, {phase: 'Running'}, {});
test('a Pod that has succeeded uses none', isUsed, {phase: 'Succeeded'});
test('a Pod that has failed uses none', isUsed, {phase: 'Failed'});

test('a Pod is live until it has ended', t => {
	t.deepEqual([undefined, 'Pending', 'Running', 'Unknown', 'Succeeded', 'Failed'].filter(phase => isLive(podWith(phase === undefined ? {} : {phase}))), [undefined, 'Pending', 'Running', 'Unknown']);
});

test('a Pod is managed if it has an annotation with an allocated port', t => {
	t.true(isManaged(podWith({annotations: {'hostport.io/allocated-grpc': '30558'}})));
	t.false(isManaged(podWith({annotations: {'hostport.io/enabled': 'true'}})));
	t.false(isManaged(podWith({annotations: {'hostport.io/allocated-grpc': '30558', 'kubernetes.io/config.mirror': 'a7c3'}})));
	t.false(isManaged(podWith()));
});

const asks = {'hostport.io/enabled': 'true'};

const isUnserved = test.macro((t, expected: boolean, shape: Shape) => {
	t.is(lacksPorts(podWith({annotations: asks, ...shape})), expected);
});

test('a live Pod that asks for ports and has no annotation of ours lacks them', isUnserved, true, {});
test('a Pod that was given a port lacks none', isUnserved, false, {annotations: {...asks, 'hostport.io/allocated-grpc': '30558'}});
test('a Pod that does not ask for ports lacks none', isUnserved, false, {annotations: {'hostport.io/enabled': 'false'}});
test('a Pod without annotations lacks no ports', isUnserved, false, {annotations: {}});
test('a mirror Pod lacks no ports', isUnserved, false, {annotations: {...asks, 'kubernetes.io/config.mirror': 'a7c3'}});
test('a Pod that has ended lacks no ports', isUnserved, false, {phase: 'Succeeded'});
test('a Pod whose containers have no ports lacks none', isUnserved, false, {spec: {containers: [{}, {ports: []}]}});
test('a Pod whose sidecar has a port lacks it', isUnserved, true, {spec: {containers: [{}], initContainers: [{restartPolicy: 'Always', ports: [{containerPort: 1}]}]}});
test('ports of an ordinary init container are never given numbers', isUnserved, false, {spec: {containers: [{}], initContainers: [{ports: [{containerPort: 1}]}]}});

test('a NodePort is known by the Service that has it', t => {
	t.true(isNodePort({pod: 'Service shop/web'}));
	t.false(isNodePort({pod: 'Service/web'}));
});
