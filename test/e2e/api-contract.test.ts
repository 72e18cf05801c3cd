/** What the simulation takes for granted of an API server, asked of a real one. */
import test from 'ava';
import {startControlPlane} from '../../harness/control-plane/start.ts';
import type {ControlPlane} from '../../harness/control-plane/start.ts';
import {connect} from '../../src/kubernetes/credentials.ts';
import type {Connection} from '../../src/kubernetes/credentials.ts';
import {readText, sendRequest} from '../../src/kubernetes/http-request.ts';
import {testContract} from '../harness/in-memory-api/api-contract.ts';
import type {ApiRequest} from '../../harness/in-memory-api/answers.ts';
import type {WatchedEvent} from '../../harness/in-memory-api/watch.ts';
import {untilFound} from './helpers/cluster.ts';

let controlPlane: ControlPlane;
let connection: Connection;

test.before(async t => {
	t.timeout(20 * 60_000);
	controlPlane = await startControlPlane({workloads: false, onProgress: line => t.log(line)});
	connection = await connect(controlPlane.kubeconfigPath, () => performance.now());
});

test.after.always(async () => {
	connection.agent.destroy();
	await controlPlane.stop();
});

const send = async ({method, path, body, contentType = 'application/json', accept = 'application/json'}: ApiRequest) => {
	const response = await sendRequest(connection, {
		method,
		path,
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
		const response = await sendRequest(connection, {
			method: 'GET',
			path: `${path}${separator}watch=true&timeoutSeconds=${timeoutSeconds}`,
			headers: {accept: 'application/json'},
			signal: AbortSignal.timeout(30_000),
		});
		const [text] = await Promise.all([readText(response), meanwhile?.()]);
		return text.split('\n').filter(Boolean).map(line => JSON.parse(line) as WatchedEvent);
	},
	/** Nobody here keeps a quota's status, so it is written by hand; and the API server hears of it a moment later. */
	async closeQuota(namespace) {
		const path = `/api/v1/namespaces/${namespace}`;
		const hard = {pods: '0'};
		await send({method: 'POST', path: `${path}/resourcequotas`, body: {apiVersion: 'v1', kind: 'ResourceQuota', metadata: {name: 'none'}, spec: {hard}}});
		await send({method: 'PATCH', path: `${path}/resourcequotas/none/status`, contentType: 'application/merge-patch+json', body: {status: {hard, used: {pods: '0'}}}});
		await untilFound(async () => {
			const body = {apiVersion: 'v1', kind: 'Pod', metadata: {name: 'try'}, spec: {containers: [{name: 'server', image: 'example.com/server:1'}]}};
			const {status} = await send({method: 'POST', path: `${path}/pods?dryRun=All`, body});
			return status === 403 || undefined;
		}, 'the quota to count');
	},
}));
