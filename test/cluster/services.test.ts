import test from 'ava';
import {listNodePorts} from '../../src/cluster/services.ts';
import {FakeCluster} from '../helpers/fake-cluster.ts';
import {never} from '../helpers/opened-ledger.ts';

const portsOf = async (spec: object): Promise<string[]> => {
	const cluster = new FakeCluster();
	cluster.services = [{metadata: {namespace: 'shop', name: 'web', uid: 's'}, spec}];
	const uses = await listNodePorts(cluster, never);
	return uses.map(({port, protocol, portName, pod, uid, managed}) => [port, protocol, portName, pod, uid, managed].join(' '));
};

test('every NodePort of a Service is foreign', async t => {
	t.deepEqual(await portsOf({ports: [{name: 'http', port: 80, nodePort: 30_080}, {port: 53, protocol: 'UDP', nodePort: 30_053}], healthCheckNodePort: 32_000}), [
		'30080 TCP http Service shop/web s false',
		'30053 UDP 53 Service shop/web s false',
		'32000 TCP health-check Service shop/web s false',
	]);
});

test('a Service without NodePorts takes nothing', async t => {
	t.deepEqual(await portsOf({ports: [{port: 80}, {port: 81, nodePort: 0}]}), []);
	t.deepEqual(await portsOf({}), []);
});
