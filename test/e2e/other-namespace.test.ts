/** Every overlay in a namespace other than that of deploy/, set by "namespace:" alone, and called by a real API server. */
import {readdirSync} from 'node:fs';
import {writeFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {createCertificateAuthority} from '../../harness/control-plane/certificates.ts';
import {obtainCustomResources} from '../../harness/control-plane/custom-resources.ts';
import {webhookConfiguration} from '../../harness/product-objects.ts';
import {deployFolder} from '../../harness/rendering.ts';
import {writeOverlay} from '../deploy/rendered/overlay.ts';
import {enabled} from './helpers/pods.ts';
import {createPod, leftovers, quiet, useUserCluster} from './helpers/user-cluster.ts';

const cluster = useUserCluster(test, {workloads: false});
const namespace = 'ports';

test.serial.before('the kinds of cert-manager are installed', async () => {
	const {run} = cluster();
	const files = (await obtainCustomResources()).flatMap(file => ['-f', file]);
	await run('kubectl', 'apply', '--server-side', ...files);
	await run('kubectl', 'wait', '--for=condition=Established', 'customresourcedefinition', '--all', '--timeout=60s');
});

type Issued = {readonly metadata: {readonly name: string; readonly namespace: string}; readonly spec: {readonly dnsNames: string[]}};
type Injected = {readonly metadata: {readonly annotations: Readonly<Record<string, string>>}};

/** Does what cert-manager does: makes the certificate that the annotation names, and fills in the caBundle. Returns the replicas' flags. */
const issueCertificate = async (): Promise<string[]> => {
	const {client, newFolder} = cluster();
	const {metadata} = await client.request<Injected>('GET', webhookConfiguration);
	const [from, name] = metadata.annotations['cert-manager.io/inject-ca-from']!.split('/');
	const {spec} = await client.request<Issued>('GET', `/apis/cert-manager.io/v1/namespaces/${from}/certificates/${name}`);
	const {certificatePem: authority, issue} = await createCertificateAuthority();
	const {certificatePem, keyPem} = await issue({commonName: 'hostport-operator', hosts: spec.dnsNames, usage: 'server'});
	const folder = await newFolder('certificate');
	const [certificateFile, keyFile] = [path.join(folder, 'tls.crt'), path.join(folder, 'tls.key')];
	await Promise.all([writeFile(certificateFile, certificatePem), writeFile(keyFile, keyPem)]);
	await client.request('PATCH', webhookConfiguration, [{op: 'add', path: '/webhooks/0/clientConfig/caBundle', value: btoa(authority)}], 'application/json-patch+json');
	return ['--tls-cert-file', certificateFile, '--tls-private-key-file', keyFile];
};

for (const [index, name] of readdirSync(path.join(deployFolder, 'overlays')).entries()) {
	test.serial(`overlays/${name} in another namespace gives a Pod its port`, async t => {
		const {run, client, newFolder, standInFor} = cluster();
		const overlay = await writeOverlay(await newFolder('user'), path.join(deployFolder, 'overlays', name), [], namespace);
		const created = await quiet(t, run('kubectl', 'apply', '-k', overlay, '--validate=strict'));
		t.regex(created, /^namespace\/ports /m);
		const installation = await standInFor({namespace, replicas: 1, ...(name === 'cert-manager' && {flags: await issueCertificate()})});
		try {
			t.is(await createPod(client, `pod-${index}`, {annotations: enabled, labels: enabled}), String(30_558 + index));
			t.is(await createPod(client, `own-${index}`, {annotations: enabled, labels: enabled}, namespace), undefined, 'The webhook is not called for the operator\'s own namespace.');
		} finally {
			await installation.stop();
		}

		await quiet(t, run('kubectl', 'delete', '-k', overlay, '-l', 'app.kubernetes.io/name=hostport-operator', '--timeout=90s'));
		t.is(await leftovers(cluster(), 'issuer', 'certificate'), '');
		t.is((await client.send('GET', '/api/v1/namespaces/operators')).status, 404);
	});
}
