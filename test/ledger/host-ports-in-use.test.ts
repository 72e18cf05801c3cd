import test from 'ava';
import {listHostPortsInUse, surveyHostPorts} from '../../src/ledger/host-ports-in-use.ts';
import {ApiInMemory} from '../helpers/api-in-memory.ts';
import {ClusterInMemory, storedPod} from '../helpers/cluster-in-memory.ts';
import {FakeClock} from '../helpers/fake-clock.ts';
import {never} from '../helpers/no-ops.ts';

const portsOf = async (spec: object): Promise<string[]> => {
	const cluster = new ClusterInMemory(new FakeClock());
	const {metadata: {uid: known}} = cluster.put('Service', {metadata: {namespace: 'shop', name: 'web'}, spec});
	const uses = await listHostPortsInUse(new ApiInMemory(cluster.server), never);
	return uses.map(({port, protocol, portName, pod, uid, managed}) => [port, protocol, portName, pod, uid === known ? 'its UID' : uid, managed].join(' '));
};

test('every NodePort of a Service is foreign', async t => {
	t.deepEqual(await portsOf({ports: [{name: 'http', port: 80, nodePort: 30_080}, {port: 53, protocol: 'UDP', nodePort: 30_053}], healthCheckNodePort: 32_000}), [
		'30080 TCP http Service shop/web its UID false',
		'30053 UDP 53 Service shop/web its UID false',
		'32000 TCP health-check Service shop/web its UID false',
	]);
});

test('a Service without NodePorts takes nothing', async t => {
	t.deepEqual(await portsOf({ports: [{port: 80}, {port: 81, nodePort: 0}]}), []);
	t.deepEqual(await portsOf({}), []);
});

test('Services and Pods beyond the first page of a list are found', async t => {
	const cluster = new ClusterInMemory(new FakeClock());
	cluster.putAll('Service', Array.from({length: 501}, (_, index) => ({metadata: {namespace: 'shop', name: `web-${index}`}, spec: {ports: [{port: 80, nodePort: 30_000 + index}]}})));
	cluster.putAll('Pod', Array.from({length: 101}, (_, index) => storedPod(`server-${index}`, 31_000 + index)));
	const api = new ApiInMemory(cluster.server);
	const uses = await listHostPortsInUse(api, never);
	t.is(new Set(uses.map(({port}) => port)).size, 501 + 101);
	t.is(api.count('GET services'), 2);
	t.is(api.count('GET pods'), 2);
});

test('a survey finds the Pods that ask for ports and have none, and the ports that they use nevertheless', async t => {
	const cluster = new ClusterInMemory(new FakeClock());
	const unserved = storedPod('unserved', 31_000, {managed: false});
	const {metadata: {uid}} = cluster.put('Pod', {...unserved, metadata: {...unserved.metadata, annotations: {'hostport.io/enabled': 'true'}}});
	cluster.put('Pod', storedPod('served', 31_001));
	const {uses, podsWithoutPorts} = await surveyHostPorts(new ApiInMemory(cluster.server), never);
	t.deepEqual(uses.map(({port}) => port).toSorted((a, b) => a - b), [31_000, 31_001]);
	t.deepEqual(podsWithoutPorts, [{pod: 'game/unserved', uid}]);
});
