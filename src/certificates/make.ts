/** Makes the webhook's certificates: an authority, and the certificate that it signs. The only file that needs an X.509 library. */
import type {webcrypto} from 'node:crypto';
import {X509Certificate as ParsedCertificate} from 'node:crypto';
import {isIP} from 'node:net';
// oxlint-disable-next-line import/no-unassigned-import -- the next import expects that this one has run
import 'reflect-metadata';
import {
	AuthorityKeyIdentifierExtension,
	BasicConstraintsExtension,
	ExtendedKeyUsage,
	ExtendedKeyUsageExtension,
	KeyUsageFlags,
	KeyUsagesExtension,
	PemConverter,
	SubjectAlternativeNameExtension,
	SubjectKeyIdentifierExtension,
	X509CertificateGenerator,
} from '@peculiar/x509';
import type {KeyPair} from './certificate-set.ts';
import {clockSkewMs} from './decision.ts';
import type {CertificatesToMake, MadeCertificates} from './make-in-child-process.ts';

/** The algorithm of every key and every signature. */
export const algorithm = {name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256'};

/** @throws when the given authority can't be decoded, or has expired. */
export const makeCertificates = async ({now, authority, authorityLifetimeMs, leaf}: CertificatesToMake): Promise<MadeCertificates> => {
	const signer = authority ?? await makeAuthority(now, authorityLifetimeMs);
	return {authority: signer, ...(leaf && {leaf: await makeLeaf(signer, now, leaf)})};
};

const makeAuthority = async (now: number, lifetimeMs: number): Promise<KeyPair> => {
	const keys = await makeKeys();
	const certificate = await X509CertificateGenerator.createSelfSigned({
		// The time makes the name unique, so that people can tell two authorities in one caBundle apart.
		name: [{CN: [`hostport-operator webhook authority ${new Date(now).toISOString()}`]}],
		keys,
		signingAlgorithm: algorithm,
		notBefore: new Date(now - clockSkewMs),
		notAfter: new Date(now + lifetimeMs),
		extensions: [
			new BasicConstraintsExtension(true, 0, true),
			new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
			await SubjectKeyIdentifierExtension.create(keys.publicKey),
		],
	});
	return {certificate: `${certificate.toString('pem')}\n`, key: await pemOf(keys.privateKey)};
};

const makeLeaf = async (authority: KeyPair, now: number, {hosts, lifetimeMs}: NonNullable<CertificatesToMake['leaf']>): Promise<KeyPair> => {
	const issuer = new ParsedCertificate(authority.certificate);
	const issuerKey = await crypto.subtle.importKey('spki', issuer.publicKey.export({type: 'spki', format: 'der'}), algorithm, true, ['verify']);
	const signingKey = await crypto.subtle.importKey('pkcs8', PemConverter.decodeFirst(authority.key), algorithm, false, ['sign']);
	const {publicKey, privateKey} = await makeKeys();
	const certificate = await X509CertificateGenerator.create({
		subject: [{CN: ['hostport-operator webhook']}],
		issuer: issuer.subject.split('\n').join(', '),
		publicKey,
		signingKey,
		signingAlgorithm: algorithm,
		notBefore: new Date(now - clockSkewMs),
		// A certificate never outlives its authority, so an expired authority can be removed.
		notAfter: new Date(Math.min(now + lifetimeMs, issuer.validToDate.getTime())),
		extensions: [
			new BasicConstraintsExtension(false, undefined, true),
			new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
			new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
			alternativeNames(hosts),
			await AuthorityKeyIdentifierExtension.create(issuerKey),
			await SubjectKeyIdentifierExtension.create(publicKey),
		],
	});
	return {certificate: `${certificate.toString('pem')}\n`, key: await pemOf(privateKey)};
};

/** The subject alternative names for DNS names and IP addresses. */
export const alternativeNames = (hosts: readonly string[]): SubjectAlternativeNameExtension =>
	new SubjectAlternativeNameExtension(hosts.map(host => ({type: isIP(host) ? 'ip' : 'dns', value: host})));

/** A new key pair for `algorithm`, with an exportable private key. */
export const makeKeys = async (): Promise<webcrypto.CryptoKeyPair> =>
	crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);

/** The private key as PEM (PKCS #8). */
export const pemOf = async (key: webcrypto.CryptoKey): Promise<string> =>
	`${PemConverter.encode(await crypto.subtle.exportKey('pkcs8', key), PemConverter.PrivateKeyTag)}\n`;
