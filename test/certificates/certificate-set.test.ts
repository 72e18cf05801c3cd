import test from 'ava';
import {decodeBundle, decodeCertificates, encodeBundle, encodeCertificates} from '../../src/certificates/certificate-set.ts';
import {createCertificateAuthority} from '../../harness/control-plane/certificates.ts';
import {newSet} from '../helpers/certificates.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');

const whole = await newSet();
const other = await newSet();
const data = encodeCertificates(whole.authorities, whole.signer.key, whole.leaf.pair);

test('what is written is read again', t => {
	const {authorities, signer, leaf} = decodeCertificates(data);
	t.deepEqual(authorities.map(({pem}) => pem), [whole.signer.pem]);
	t.like(signer, {pem: whole.signer.pem, key: whole.signer.key, notAfter: whole.signer.notAfter});
	t.like(leaf, {pair: whole.leaf.pair, notAfter: whole.leaf.notAfter});
});

const saysOf = test.macro((t, member: 'signer' | 'leaf', change: Record<string, string | null>, problem: string) => {
	t.is(decodeCertificates({...data, ...change})[member] as string, problem);
});

test('no authority', saysOf, 'signer', {'ca.crt': null}, 'its ca.crt holds no certificate of an authority');
test('an authority that is rubbish', saysOf, 'signer', {'ca.crt': base64('rubbish')}, 'its ca.crt holds no certificate of an authority');
test('a certificate in place of an authority', saysOf, 'signer', {'ca.crt': data['tls.crt']!}, 'its ca.crt holds no certificate of an authority');
test('a broken authority', saysOf, 'signer', {'ca.crt': base64(whole.signer.pem.replace(/\n[^]{20}/, '\nAAAA'))}, 'its ca.crt holds no certificate of an authority');
test('no key of the authority', saysOf, 'signer', {'ca.key': ''}, 'its ca.key is not the key of the last certificate in ca.crt');
test('the key of another authority', saysOf, 'signer', {'ca.key': base64(other.signer.key)}, 'its ca.key is not the key of the last certificate in ca.crt');
test('no certificate', saysOf, 'leaf', {'tls.crt': null}, 'its tls.crt holds no certificate');
test('what is not base64', saysOf, 'leaf', {'tls.crt': '\u0000'}, 'its tls.crt holds no certificate');
test('no key', saysOf, 'leaf', {'tls.key': null}, 'its tls.key is not the key of the certificate in tls.crt');
test('the key of another certificate', saysOf, 'leaf', {'tls.key': base64(other.leaf.pair.key)}, 'its tls.key is not the key of the certificate in tls.crt');
test('a certificate of another authority', saysOf, 'leaf', {'ca.crt': base64(other.signer.pem)}, 'no authority in ca.crt has signed the certificate in tls.crt');

test('an empty Secret is one with problems', t => {
	t.like(decodeCertificates(undefined), {authorities: [], signer: 'its ca.crt holds no certificate of an authority', leaf: 'its tls.crt holds no certificate'});
});

test('a bundle may have anything around its certificates', async t => {
	const {certificatePem} = await createCertificateAuthority();
	const text = `# ours\r\n${whole.signer.pem}\n\nand\n${certificatePem.replaceAll('\n', '\r\n')}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----`;
	t.is(decodeBundle(text).length, 2);
	t.is(encodeBundle(decodeBundle(encodeBundle(whole.authorities))), encodeBundle(whole.authorities));
});
