/** The contract of a real API server, checked against the embedded one over HTTPS. */
import test from 'ava';
import {connect} from '../../../src/kubernetes/credentials.ts';
import type {Connection} from '../../../src/kubernetes/credentials.ts';
import {startEmbeddedControlPlane} from '../../../harness/embedded-control-plane/start.ts';
import type {EmbeddedControlPlane} from '../../../harness/embedded-control-plane/start.ts';
import {testContract} from '../in-memory-api/api-contract.ts';
import {apiOverHttps} from '../in-memory-api/api-over-https.ts';

let controlPlane: EmbeddedControlPlane;
let connection: Connection;

test.before(async () => {
	controlPlane = await startEmbeddedControlPlane({workloads: false});
	connection = await connect(controlPlane.kubeconfigPath, () => performance.now());
});

test.after.always(async () => {
	connection.agent.destroy();
	await controlPlane.stop();
});

testContract(test, () => ({
	...apiOverHttps(connection),
	async closeQuota(namespace) {
		controlPlane.api.server.closeQuota(namespace);
	},
}));
