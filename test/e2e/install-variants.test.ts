/**
 * The installations other than the default, on an API server that has the kinds of cert-manager and of the Prometheus Operator.
 * Neither of the two runs here: the test makes the certificate that cert-manager would make.
 */
import {writeFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {createCertificateAuthority} from '../../harness/control-plane/certificates.ts';
import {obtainCustomResources} from '../../harness/control-plane/custom-resources.ts';
import {webhookConfiguration} from '../../harness/product-objects.ts';
import {writeOverlay} from '../deploy/rendered/overlay.ts';
import {deployFolder} from '../../harness/rendering.ts';
import {shakeHands} from './helpers/handshake.ts';
import {enabled} from './helpers/pods.ts';
import {untilTrue} from './helpers/until.ts';
import {createPod, leftovers, quiet, useUserCluster} from './helpers/user-cluster.ts';

const cluster = useUserCluster(test, {workloads: false});

const customKinds = ['issuer', 'certificate', 'servicemonitor', 'prometheusrule', 'networkpolicy', 'configmap'];
const host = 'hostport-operator-webhook-service.operators.svc';

test.serial('the API server accepts the kinds of cert-manager and of the Prometheus Operator', async t => {
	const {run} = cluster();
	for (const file of await obtainCustomResources()) {
		// Server-side: a definition is too large for the annotation that a client-side apply writes.
		await run('kubectl', 'apply', '--server-side', '-f', file);
	}

	const {stdout} = await run('kubectl', 'wait', '--for=condition=Established', 'customresourcedefinition', '--all', '--timeout=60s');
	t.is(stdout.trim().split('\n').length, 4);
});

test.serial('kustomize with cert-manager and three components installs, and follows new certificates', async t => {
	const {run, client, newFolder, standIn} = cluster();
	const overlay = await writeOverlay(await newFolder('user'), path.join(deployFolder, 'overlays', 'cert-manager'), ['client-certificate', 'network-policy', 'prometheus']);
	const created = (await quiet(t, run('kubectl', 'apply', '-k', overlay, '--validate=strict'))).trim().split('\n');
	t.true(created.every(line => line.endsWith(' created')), created.join('\n'));
	t.is(created.filter(line => /^(?:issuer|certificate|servicemonitor|prometheusrule|networkpolicy)\./.test(line)).length, 7);
	t.is((await client.send('GET', '/apis/rbac.authorization.k8s.io/v1/clusterroles/hostport-operator-certificate')).status, 404, 'The operator has no right to the Secret that cert-manager makes.');

	// In place of cert-manager, and of the kubelet that mounts its Secret.
	const {certificatePem: authority, issue} = await createCertificateAuthority();
	const folder = await newFolder('certificate');
	const [certificateFile, keyFile] = [path.join(folder, 'tls.crt'), path.join(folder, 'tls.key')];
	const renew = async () => {
		const {certificatePem, keyPem} = await issue({commonName: 'hostport-operator', hosts: [host], usage: 'server'});
		await writeFile(certificateFile, certificatePem);
		await writeFile(keyFile, keyPem);
	};

	await renew();
	await client.request('PATCH', webhookConfiguration, [{op: 'add', path: '/webhooks/0/clientConfig/caBundle', value: btoa(authority)}], 'application/json-patch+json');

	const installation = await standIn('--tls-cert-file', certificateFile, '--tls-private-key-file', keyFile);
	try {
		t.is(await createPod(client, 'first'), '30558');
		const serials = async () => Promise.all(installation.replicas().map(async ({webhookPort}) => (await shakeHands({port: webhookPort, ca: authority, servername: host})).serialNumber));
		const [before] = await serials();
		await renew();
		// Others than kubectl have changed caBundle and Service: kubectl leaves these fields alone.
		t.is(await quiet(t, run('kubectl', 'diff', '-k', overlay)), '');
		const versions = async () => quiet(t, run('kubectl', 'get', '-k', overlay, '-o', 'jsonpath={range .items[*]}{.kind} {.metadata.name} {.metadata.resourceVersion}{"\\n"}{end}'));
		const versionsBefore = await versions();
		t.is(versionsBefore.trim().split('\n').length, created.length);
		await quiet(t, run('kubectl', 'apply', '-k', overlay, '--validate=strict'));
		t.is(await versions(), versionsBefore);
		await untilTrue(async () => (await serials()).every(serial => serial !== before), 'the new certificate to be served');
		t.is(await createPod(client, 'second'), '30559');
	} finally {
		await installation.stop();
	}

	await quiet(t, run('kubectl', 'delete', '-k', overlay, '-l', 'app.kubernetes.io/name=hostport-operator', '--timeout=90s'));
	t.is(await leftovers(cluster(), ...customKinds), '');
});

test.serial('the chart with the same values installs, upgrades without a change and uninstalls', async t => {
	const {run} = cluster();
	const chart = ['hostport-operator', 'deploy/chart', '--namespace', 'operators', '--set', 'certificate.source=cert-manager,networkPolicy.enabled=true,prometheus.enabled=true,clientCaConfigMap=hostport-operator-client-ca'];
	const {manifest} = JSON.parse(await quiet(t, run('helm', 'install', ...chart, '--dry-run=server', '--output', 'json'))) as {manifest: string};
	const file = path.join(await cluster().newFolder('chart'), 'manifest.yaml');
	await writeFile(file, manifest);
	const created = await quiet(t, run('kubectl', 'apply', '--dry-run=server', '--validate=strict', '-f', file));
	t.true(created.trim().split('\n').every(line => line.endsWith(' created (server dry run)')), created);

	await quiet(t, run('helm', 'install', ...chart));
	// The dry run made another random path.
	const installed = await quiet(t, run('helm', 'get', 'manifest', 'hostport-operator', '--namespace', 'operators'));
	await writeFile(file, installed);
	t.is(await quiet(t, run('kubectl', 'diff', '-f', file)), '');
	t.is(new Set(installed.match(/\/mutate-pods\/[a-z\d]{32}$/gm)).size, 1, 'Deployment and webhook configuration have the same path.');
	t.is(installed.match(/\/mutate-pods/g)?.length, 2);
	await quiet(t, run('helm', 'upgrade', ...chart));
	t.is(await quiet(t, run('kubectl', 'diff', '-f', file)), '', 'The path is kept.');
	await quiet(t, run('helm', 'uninstall', 'hostport-operator', '--namespace', 'operators', '--wait'));
	t.is(await leftovers(cluster(), ...customKinds), '');
});

test.serial('with opt-in by label, only Pods with the label depend on the webhook', async t => {
	const {run, client, standIn} = cluster();
	await quiet(t, run('kubectl', 'apply', '-k', 'deploy/overlays/opt-in-by-label', '--validate=strict'));
	const installation = await standIn();
	try {
		t.is(await createPod(client, 'both', {annotations: enabled, labels: enabled}), '30560');
		t.is(await createPod(client, 'label-alone', {labels: enabled}), undefined);
		t.is(await createPod(client, 'annotation-alone', {annotations: enabled}), undefined);
	} finally {
		await installation.stop();
	}

	t.is(await createPod(client, 'annotation-alone-later', {annotations: enabled}), undefined);
	await t.throwsAsync(createPod(client, 'both-later', {annotations: enabled, labels: enabled}), {message: /failed calling webhook "mutate-pods\.hostport\.io"/});
	await quiet(t, run('kubectl', 'delete', '-k', 'deploy/overlays/opt-in-by-label', '-l', 'app.kubernetes.io/name=hostport-operator', '--timeout=90s'));
	t.is(await leftovers(cluster(), ...customKinds), '');
});
