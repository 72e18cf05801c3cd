import {createPrivateKey, createPublicKey, X509Certificate} from 'node:crypto';
import {once} from 'node:events';
import {createServer, request} from 'node:https';
import type {AddressInfo} from 'node:net';
import type {Readable} from 'node:stream';
import {text} from 'node:stream/consumers';
import type {TLSSocket} from 'node:tls';
import test from 'ava';
import {createCertificateAuthority, createServiceAccountKeys} from '../../harness/control-plane/certificates.ts';

test('a certificate is signed by the authority and valid for its hosts only', async t => {
	const authority = await createCertificateAuthority();
	const {certificatePem, keyPem} = await authority.issue({commonName: 'server', hosts: ['127.0.0.1', 'webhook.operators.svc'], usage: 'server'});

	const certificate = new X509Certificate(certificatePem);
	const issuer = new X509Certificate(authority.certificatePem);
	t.true(issuer.ca);
	t.false(certificate.ca);
	t.true(certificate.checkIssued(issuer));
	t.true(certificate.verify(issuer.publicKey));
	t.true(certificate.checkPrivateKey(createPrivateKey(keyPem)));
	t.is(certificate.checkIP('127.0.0.1'), '127.0.0.1');
	t.is(certificate.checkHost('webhook.operators.svc'), 'webhook.operators.svc');
	t.is(certificate.checkHost('example.com'), undefined);
	t.is(certificate.checkIP('127.0.0.2'), undefined);
});

test('the subject holds the user and the groups', async t => {
	const {issue} = await createCertificateAuthority();
	const {certificatePem} = await issue({commonName: 'system:kube-scheduler', organization: ['a', 'b'], usage: 'client'});
	t.is(new X509Certificate(certificatePem).subject, 'CN=system:kube-scheduler\nO=a\nO=b');
});

test('client and server trust each other\'s certificates of the same authority', async t => {
	const authority = await createCertificateAuthority();
	const server = await authority.issue({commonName: 'server', hosts: ['127.0.0.1'], usage: 'server'});
	const client = await authority.issue({commonName: 'client', usage: 'client'});
	const ca = authority.certificatePem;
	const listener = createServer({ca, cert: server.certificatePem, key: server.keyPem, requestCert: true}, (request, response) => {
		response.end((request.socket as TLSSocket).getPeerCertificate().subject.CN);
	});
	listener.listen(0, '127.0.0.1');
	await once(listener, 'listening');
	t.teardown(() => listener.close());

	const {port} = listener.address() as AddressInfo;
	const call = request({host: '127.0.0.1', port, ca, cert: client.certificatePem, key: client.keyPem, agent: false}).end();
	const [response] = await once(call, 'response') as [Readable];

	t.is(await text(response), 'client');
});

test('a certificate of another authority is not trusted', async t => {
	const [one, other] = await Promise.all([createCertificateAuthority(), createCertificateAuthority()]);
	const {certificatePem} = await one.issue({commonName: 'x', usage: 'client'});
	t.false(new X509Certificate(certificatePem).verify(new X509Certificate(other.certificatePem).publicKey));
});

test('the keys for ServiceAccounts are a pair', t => {
	const {privateKeyPem, publicKeyPem} = createServiceAccountKeys();
	t.is(createPublicKey(privateKeyPem).export({type: 'spki', format: 'pem'}), publicKeyPem);
});
