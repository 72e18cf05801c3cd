/** A burst of Pods that takes all the seats which the API server has for service accounts. */
import test from 'ava';
import {startControlPlane} from '../../harness/control-plane/start.ts';
import {createBurst} from '../../harness/burst.ts';
import {createKubeClient} from '../../harness/kube-client.ts';
import {readManifests} from '../../harness/manifests.ts';
import {serviceAccount} from '../../harness/product-objects.ts';
import {install} from '../../harness/replicas.ts';
import {useFixture} from './helpers/fixture.ts';

const cluster = useFixture(test, async (t, started) => {
	const controlPlane = started.use(await startControlPlane({
		workloads: false,
		// 60 seats in total, of which service accounts have about half.
		apiServerFlags: ['--max-requests-inflight=40', '--max-mutating-requests-inflight=20'],
		onProgress: line => t.log(line),
	}));
	const client = started.use(await createKubeClient(controlPlane.kubeconfigPath));
	await client.request('POST', '/api/v1/namespaces', {apiVersion: 'v1', kind: 'Namespace', metadata: {name: 'games'}});
	await client.request('POST', '/apis/rbac.authorization.k8s.io/v1/namespaces/games/rolebindings', {
		apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'RoleBinding', metadata: {name: 'creator'},
		roleRef: {apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin'},
		subjects: [{kind: 'ServiceAccount', name: 'creator', namespace: 'games'}],
	});
	const creator = started.use(await createKubeClient(await controlPlane.kubeconfigFor({
		user: 'system:serviceaccount:games:creator',
		groups: ['system:serviceaccounts', 'system:serviceaccounts:games', 'system:authenticated'],
	})));
	for (const manifest of await readManifests(new URL('../../deploy/components/flow-control/flow-control.yaml', import.meta.url))) {
		await client.apply(manifest);
	}

	started.use(await install({client, kubeconfig: await controlPlane.kubeconfigFor(serviceAccount), directory: `${controlPlane.directory}/replicas`, replicas: 2}));
	return {creator};
});

test.serial('120 Pods that a service account creates at once on an API server with 60 seats all get ports', async t => {
	const {created, failures, durationMs} = await createBurst({client: cluster().creator, count: 120, concurrency: 120, namespaces: ['games']});
	t.log(`${created} of 120 created in ${durationMs.toFixed(0)} ms`);
	t.deepEqual(failures, []);
	t.is(created, 120);
});
