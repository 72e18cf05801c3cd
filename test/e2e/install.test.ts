/** The README's installation, on an empty cluster with all controllers. */
import {execFile} from 'node:child_process';
import path from 'node:path';
import process from 'node:process';
import {fileURLToPath} from 'node:url';
import {promisify} from 'node:util';
import test from 'ava';
import {obtainBinaries} from '../../scripts/control-plane/obtain.ts';
import {startControlPlane} from '../../scripts/control-plane/start.ts';
import {createKubeClient} from '../../scripts/kube-client.ts';
import {untilFound} from './helpers/cluster.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

test('the samples are valid, and kubectl apply -k deploy/base is accepted without warnings, repeatable, and gone again', async t => {
	t.timeout(20 * 60_000);
	await using controlPlane = await startControlPlane({workloads: true, onProgress: line => t.log(line)});
	await using client = await createKubeClient(controlPlane.kubeconfigPath);
	const {kubectl} = await obtainBinaries(['kubectl']);
	const run = async (command: string, ...args: string[]) => promisify(execFile)(command, args, {
		cwd: root,
		env: {...process.env, KUBECONFIG: controlPlane.kubeconfigPath, PATH: `${path.dirname(kubectl)}${path.delimiter}${process.env['PATH']}`},
	});

	for (const sample of ['statefulset-example.yaml', 'deployment-example.yaml']) {
		const {stderr} = await run(kubectl, 'apply', '--dry-run=server', '--validate=strict', '-f', `deploy/samples/${sample}`);
		t.is(stderr, '');
	}

	const first = await run(kubectl, 'apply', '-k', 'deploy/base', '--validate=strict');
	t.is(first.stderr, '');
	const again = await run(kubectl, 'apply', '-k', 'deploy/base', '--validate=strict');
	t.is(again.stderr, '');
	t.notRegex(again.stdout, /created/);

	const pods = await untilFound(async () => {
		const {items} = await client.request<{items: Array<{status: {phase: string}}>}>('GET', '/api/v1/namespaces/operators/pods?labelSelector=app.kubernetes.io/name%3Dhostport-operator');
		return items.filter(({status}) => status.phase === 'Running').length >= 3 ? items : undefined;
	}, 'three replicas');
	t.true(pods.length >= 3);

	await run(kubectl, 'delete', '-k', 'deploy/base', '--wait=false');
	t.is((await client.send('GET', '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/hostport-operator-hostport-mutating-webhook-configuration')).status, 404);
});
