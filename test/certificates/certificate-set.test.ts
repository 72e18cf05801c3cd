import test from 'ava';
import {decodeBundle, decodeCertificates, encodeBundle, encodeCertificates} from '../../src/certificates/certificate-set.ts';
import {createCertificateAuthority} from '../../harness/control-plane/certificates.ts';
import {newSet} from '../helpers/certificates.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');

const whole = await newSet();
const other = await newSet();
const data = encodeCertificates(whole.authorities, whole.signer.key, whole.leaf.keyPair);

test('encoded certificates decode to the same certificates', t => {
	const {authorities, signer, leaf} = decodeCertificates(data);
	t.deepEqual(authorities.map(({pem}) => pem), [whole.signer.pem]);
	t.like(signer, {pem: whole.signer.pem, key: whole.signer.key, notAfter: whole.signer.notAfter});
	t.like(leaf, {keyPair: whole.leaf.keyPair, notAfter: whole.leaf.notAfter});
});

const hasProblem = test.macro((t, member: 'signer' | 'leaf', change: Record<string, string | null>, problem: string) => {
	t.is(decodeCertificates({...data, ...change})[member] as string, problem);
});

test('a missing authority is a problem', hasProblem, 'signer', {'ca.crt': null}, 'its ca.crt contains no CA certificate');
test('text that is no certificate is no authority', hasProblem, 'signer', {'ca.crt': base64('rubbish')}, 'its ca.crt contains no CA certificate');
test('a certificate that is no CA is no authority', hasProblem, 'signer', {'ca.crt': data['tls.crt']!}, 'its ca.crt contains no CA certificate');
test('a damaged certificate is no authority', hasProblem, 'signer', {'ca.crt': base64(whole.signer.pem.replace(/\n[^]{20}/, '\nAAAA'))}, 'its ca.crt contains no CA certificate');
test('an empty authority key is a problem', hasProblem, 'signer', {'ca.key': ''}, 'its ca.key is not the key of the last certificate in ca.crt');
test('the key of another authority is a problem', hasProblem, 'signer', {'ca.key': base64(other.signer.key)}, 'its ca.key is not the key of the last certificate in ca.crt');
test('a missing certificate is a problem', hasProblem, 'leaf', {'tls.crt': null}, 'its tls.crt contains no certificate');
test('a certificate that is not base64 is a problem', hasProblem, 'leaf', {'tls.crt': '\u0000'}, 'its tls.crt contains no certificate');
test('a missing key is a problem', hasProblem, 'leaf', {'tls.key': null}, 'its tls.key is not the key of the certificate in tls.crt');
test('the key of another certificate is a problem', hasProblem, 'leaf', {'tls.key': base64(other.leaf.keyPair.key)}, 'its tls.key is not the key of the certificate in tls.crt');
test('a certificate that another authority signed is a problem', hasProblem, 'leaf', {'ca.crt': base64(other.signer.pem)}, 'no authority in ca.crt signed the certificate in tls.crt');

test('a Secret without data has a problem with the signer and the leaf', t => {
	t.like(decodeCertificates(undefined), {authorities: [], signer: 'its ca.crt contains no CA certificate', leaf: 'its tls.crt contains no certificate'});
});

test('a bundle may contain other text around its certificates', async t => {
	const {certificatePem} = await createCertificateAuthority();
	const text = `# ours\r\n${whole.signer.pem}\n\nand\n${certificatePem.replaceAll('\n', '\r\n')}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----`;
	t.is(decodeBundle(text).length, 2);
	t.is(encodeBundle(decodeBundle(encodeBundle(whole.authorities))), encodeBundle(whole.authorities));
});
