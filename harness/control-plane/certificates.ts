/** A certificate authority for one run, and the certificates that it signs, all in PEM. */
import {generateKeyPairSync} from 'node:crypto';
// oxlint-disable-next-line import/no-unassigned-import -- the next import expects that this one has run
import 'reflect-metadata';
import {
	BasicConstraintsExtension,
	ExtendedKeyUsage,
	ExtendedKeyUsageExtension,
	KeyUsageFlags,
	KeyUsagesExtension,
	X509CertificateGenerator,
} from '@peculiar/x509';
import {algorithm, alternativeNames, makeKeys, pemOf} from '../../src/certificates/make.ts';

export type CertificateRequest = {
	/** The API server takes it for the user's name. */
	readonly commonName: string;
	/** The API server takes them for the user's groups. */
	readonly organization?: readonly string[];
	/** DNS names and IP addresses that the certificate is valid for. */
	readonly hosts?: readonly string[];
	readonly usage: 'client' | 'server';
};

export type Certificate = {
	readonly certificatePem: string;
	readonly keyPem: string;
};

export type CertificateAuthority = {
	readonly certificatePem: string;
	readonly issue: (request: CertificateRequest) => Promise<Certificate>;
};

const dayMs = 24 * 60 * 60 * 1000;

/** Makes a new authority. Its key is never written to a file. */
export const createCertificateAuthority = async (): Promise<CertificateAuthority> => {
	const keys = await makeKeys();
	const authority = await X509CertificateGenerator.createSelfSigned({
		name: [{CN: ['hostport-operator test authority']}],
		keys,
		signingAlgorithm: algorithm,
		...validity(),
		extensions: [
			new BasicConstraintsExtension(true, undefined, true),
			new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
		],
	});

	const issue = async ({commonName, organization = [], hosts = [], usage}: CertificateRequest): Promise<Certificate> => {
		const {publicKey, privateKey} = await makeKeys();
		const certificate = await X509CertificateGenerator.create({
			subject: [{CN: [commonName]}, ...organization.map(name => ({O: [name]}))],
			issuer: authority.subjectName,
			publicKey,
			signingKey: keys.privateKey,
			signingAlgorithm: algorithm,
			...validity(),
			extensions: [
				new BasicConstraintsExtension(false, undefined, true),
				new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
				new ExtendedKeyUsageExtension([usage === 'server' ? ExtendedKeyUsage.serverAuth : ExtendedKeyUsage.clientAuth]),
				...(hosts.length > 0 ? [alternativeNames(hosts)] : []),
			],
		});
		return {
			certificatePem: `${certificate.toString('pem')}\n`,
			keyPem: await pemOf(privateKey),
		};
	};

	return {certificatePem: `${authority.toString('pem')}\n`, issue};
};

/** The key pair with which the API server signs ServiceAccount tokens. */
export const createServiceAccountKeys = (): {readonly privateKeyPem: string; readonly publicKeyPem: string} => {
	const {privateKey, publicKey} = generateKeyPairSync('ec', {
		namedCurve: 'P-256',
		privateKeyEncoding: {type: 'pkcs8', format: 'pem'},
		publicKeyEncoding: {type: 'spki', format: 'pem'},
	});
	return {privateKeyPem: privateKey, publicKeyPem: publicKey};
};

/** From yesterday, in case clocks differ, for a month, which is longer than any demo runs. */
const validity = () => ({notBefore: new Date(Date.now() - dayMs), notAfter: new Date(Date.now() + 30 * dayMs)});
