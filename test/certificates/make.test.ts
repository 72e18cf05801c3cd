import {createPrivateKey, X509Certificate} from 'node:crypto';
import test from 'ava';
import {clockSkewMs} from '../../src/certificates/decision.ts';
import {makeCertificates} from '../../src/certificates/make.ts';
import {dayMs, leafMs, madeAt, newSet} from '../helpers/certificates.ts';

test('a certificate is signed by its authority, and valid only for its hosts and for serving', async t => {
	const {leaf, signer} = await newSet({hosts: ['hooks.operators.svc', '127.0.0.1', '::1']});
	const {certificate} = leaf;
	t.true(signer.certificate.ca);
	t.false(certificate.ca);
	t.true(certificate.checkIssued(signer.certificate));
	t.true(certificate.verify(signer.certificate.publicKey));
	t.true(certificate.checkPrivateKey(createPrivateKey(leaf.keyPair.key)));
	t.true(signer.certificate.checkPrivateKey(createPrivateKey(signer.key)));
	t.is(certificate.checkHost('hooks.operators.svc'), 'hooks.operators.svc');
	t.is(certificate.checkIP('127.0.0.1'), '127.0.0.1');
	t.is(certificate.checkHost('other.operators.svc'), undefined);
	t.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.1'], 'serverAuth');
});

test('certificates are valid from an hour ago until the end of their lifetime', async t => {
	const {leaf, signer} = await newSet();
	t.is(signer.notBefore, madeAt - clockSkewMs);
	t.is(signer.notAfter, madeAt + 3 * leafMs);
	t.is(leaf.certificate.validFromDate.getTime(), madeAt - clockSkewMs);
	t.is(leaf.notAfter, madeAt + leafMs);
});

test('a certificate does not outlive its authority', async t => {
	const {signer} = await newSet();
	const {leaf} = await makeCertificates({now: signer.notAfter - dayMs, authority: {certificate: signer.pem, key: signer.key}, authorityLifetimeMs: 1, leaf: {hosts: ['a'], lifetimeMs: leafMs}});
	t.is(new X509Certificate(leaf!.certificate).validToDate.getTime(), signer.notAfter);
});

test('two authorities have different names and keys', async t => {
	const [one, other] = await Promise.all([newSet(), newSet({now: madeAt + 1000})]);
	t.not(one.signer.certificate.subject, other.signer.certificate.subject);
	t.false(one.leaf.certificate.verify(other.signer.certificate.publicKey));
});
