/** The behaviour that the simulation's API server imitates, checked against a real one. */
import test from 'ava';
import {connect} from '../../src/kubernetes/credentials.ts';
import type {Connection} from '../../src/kubernetes/credentials.ts';
import {testContract} from '../harness/in-memory-api/api-contract.ts';
import {apiOverHttps} from '../harness/in-memory-api/api-over-https.ts';
import {useControlPlane} from './helpers/control-plane.ts';
import {useFixture} from './helpers/fixture.ts';
import {untilTrue} from './helpers/until.ts';

const cluster = useControlPlane(test);

const connection = useFixture(test, async (_t, started): Promise<Connection> => {
	const connection = await connect(cluster().controlPlane.kubeconfigPath, () => performance.now());
	started.defer(() => {
		connection.agent.destroy();
	});
	return connection;
});

testContract(test, () => ({
	...apiOverHttps(connection()),
	/** Without a controller manager a quota's status is written by hand; the API server notices it a moment later. */
	async closeQuota(namespace) {
		const path = `/api/v1/namespaces/${namespace}`;
		const {send} = apiOverHttps(connection());
		const hard = {pods: '0'};
		await send({method: 'POST', path: `${path}/resourcequotas`, body: {apiVersion: 'v1', kind: 'ResourceQuota', metadata: {name: 'none'}, spec: {hard}}});
		await send({method: 'PATCH', path: `${path}/resourcequotas/none/status`, contentType: 'application/merge-patch+json', body: {status: {hard, used: {pods: '0'}}}});
		await untilTrue(async () => {
			const body = {apiVersion: 'v1', kind: 'Pod', metadata: {name: 'try'}, spec: {containers: [{name: 'server', image: 'example.com/server:1'}]}};
			const {status} = await send({method: 'POST', path: `${path}/pods?dryRun=All`, body});
			return status === 403;
		}, 'the quota to count');
	},
}));
