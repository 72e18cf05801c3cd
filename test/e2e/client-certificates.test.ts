/** `--client-ca-file`: the webhook answers its own API server, which shows a client certificate, and no other client. */
import {once} from 'node:events';
import {writeFile} from 'node:fs/promises';
import https from 'node:https';
import path from 'node:path';
import test from 'ava';
import {createKubeClient} from '../../harness/kube-client.ts';
import {podTemplate} from '../../harness/pod-template.ts';
import {serviceAccount} from '../../harness/product-objects.ts';
import {install} from '../../harness/replicas.ts';
import {createCertificateAuthority} from '../../harness/control-plane/certificates.ts';
import {startControlPlane} from '../../harness/control-plane/start.ts';
import {temporaryFolder} from '../helpers/temporary-folder.ts';
import {allowBuild} from './helpers/fixture.ts';

const base64 = (pem: string): string => Buffer.from(pem).toString('base64');

test('only clients with a certificate of the given authority are answered', async t => {
	allowBuild(t);
	const folder = await temporaryFolder(t);
	const [authority, strangers] = await Promise.all([createCertificateAuthority(), createCertificateAuthority()]);
	const [apiServer, stranger] = await Promise.all([authority, strangers].map(async ({issue}) => issue({commonName: 'kube-apiserver', usage: 'client'})));
	const write = async (name: string, content: string | object): Promise<string> => {
		const file = path.join(folder, name);
		await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content), {mode: 0o600});
		return file;
	};

	// https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#authenticate-apiservers
	const kubeConfigFile = await write('kubeconfig', {
		apiVersion: 'v1',
		kind: 'Config',
		users: [{name: '*', user: {'client-certificate-data': base64(apiServer!.certificatePem), 'client-key-data': base64(apiServer!.keyPem)}}],
	});
	const admission = await write('admission.json', {
		apiVersion: 'apiserver.config.k8s.io/v1',
		kind: 'AdmissionConfiguration',
		plugins: [{name: 'MutatingAdmissionWebhook', configuration: {apiVersion: 'apiserver.config.k8s.io/v1', kind: 'WebhookAdmissionConfiguration', kubeConfigFile}}],
	});
	const clientCaFile = await write('clients.crt', authority.certificatePem);
	await using controlPlane = await startControlPlane({workloads: false, apiServerFlags: [`--admission-control-config-file=${admission}`], onProgress: line => t.log(line)});
	await using client = await createKubeClient(controlPlane.kubeconfigPath);
	await using installation = await install({
		client,
		kubeconfig: await controlPlane.kubeconfigFor(serviceAccount),
		directory: `${controlPlane.directory}/replicas`,
		replicas: 1,
		flags: ['--client-ca-file', clientCaFile],
	});
	const {status} = await client.send('POST', '/api/v1/namespaces/default/pods', podTemplate('shown'));
	t.is(status, 201);

	const [replica] = installation.replicas();
	const call = async (shown?: {readonly certificatePem: string; readonly keyPem: string}): Promise<number | undefined> => {
		const request = https.request({
			host: '127.0.0.1', port: replica!.webhookPort, path: '/mutate-pods', method: 'POST', agent: false, rejectUnauthorized: false,
			...(shown && {cert: shown.certificatePem, key: shown.keyPem}),
		}).on('error', () => {}).end();
		const [response] = await once(request, 'response') as [{statusCode?: number; resume: () => void}];
		response.resume();
		return response.statusCode;
	};

	t.is(await call(apiServer), 415, 'The connection is accepted; the empty request is no review.');
	await t.throwsAsync(call());
	await t.throwsAsync(call(stranger));
});
