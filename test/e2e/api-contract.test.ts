/** The behaviour that the simulation's API server imitates, checked against a real one. */
import test from 'ava';
import {connect} from '../../src/kubernetes/credentials.ts';
import type {Connection} from '../../src/kubernetes/credentials.ts';
import {readText, sendRequest} from '../../src/kubernetes/http-request.ts';
import {testContract} from '../harness/in-memory-api/api-contract.ts';
import type {ApiRequest} from '../../harness/in-memory-api/answers.ts';
import type {WatchedEvent} from '../../harness/in-memory-api/watch.ts';
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

const send = async ({method, path, body, contentType = 'application/json', accept = 'application/json', fieldManager}: ApiRequest) => {
	const response = await sendRequest(connection(), {
		method,
		path: fieldManager === undefined ? path : `${path}${path.includes('?') ? '&' : '?'}fieldManager=${fieldManager}`,
		headers: {accept, ...(body !== undefined && {'content-type': contentType})},
		body,
		signal: AbortSignal.timeout(30_000),
	});
	return {status: response.statusCode ?? 0, body: JSON.parse(await readText(response)) as unknown};
};

testContract(test, () => ({
	send,
	async watch(path, timeoutSeconds, meanwhile) {
		const separator = path.includes('?') ? '&' : '?';
		const response = await sendRequest(connection(), {
			method: 'GET',
			path: `${path}${separator}watch=true&timeoutSeconds=${timeoutSeconds}`,
			headers: {accept: 'application/json'},
			signal: AbortSignal.timeout(30_000),
		});
		const [text] = await Promise.all([readText(response), meanwhile?.()]);
		return text.split('\n').filter(Boolean).map(line => JSON.parse(line) as WatchedEvent);
	},
	/** Without a controller manager a quota's status is written by hand; the API server notices it a moment later. */
	async closeQuota(namespace) {
		const path = `/api/v1/namespaces/${namespace}`;
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
