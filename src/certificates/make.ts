/** Makes the webhook's certificates: an authority, and what it signs. The one place that needs an X.509 library. */
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
import type {Made, Order, Pair} from './order.ts';
import {clockSkewMs} from './order.ts';

/** Of every key, and of every signature by one. */
export const algorithm = {name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256'};

/** @throws when the authority's certificate or key can't be read, or its life is over. */
export const makeCertificates = async ({now, authority, authorityLifetimeMs, leaf}: Order): Promise<Made> => {
	const signer = authority ?? await makeAuthority(now, authorityLifetimeMs);
	return {authority: signer, ...(leaf && {leaf: await makeLeaf(signer, now, leaf)})};
};

const makeAuthority = async (now: number, lifetimeMs: number): Promise<Pair> => {
	const keys = await makeKeys();
	const certificate = await X509CertificateGenerator.createSelfSigned({
		// A name of its own, by which people tell two authorities in one caBundle apart.
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

const makeLeaf = async (authority: Pair, now: number, {hosts, lifetimeMs}: NonNullable<Order['leaf']>): Promise<Pair> => {
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
		// Nothing outlives who vouches for it: so an authority whose life is over may be forgotten.
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

/** DNS names and IP addresses that a certificate is good for. */
export const alternativeNames = (hosts: readonly string[]): SubjectAlternativeNameExtension =>
	new SubjectAlternativeNameExtension(hosts.map(host => ({type: isIP(host) ? 'ip' : 'dns', value: host})));

/** A pair for `algorithm`, whose private key may be exported. */
export const makeKeys = async (): Promise<webcrypto.CryptoKeyPair> =>
	crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);

/** PKCS #8. */
export const pemOf = async (key: webcrypto.CryptoKey): Promise<string> =>
	`${PemConverter.encode(await crypto.subtle.exportKey('pkcs8', key), PemConverter.PrivateKeyTag)}\n`;
