/** The data of the webhook's Secret ⇄ authorities and the certificate to serve with. Nothing that is in it makes this throw. */
import {createPrivateKey, X509Certificate} from 'node:crypto';
import type {Pair} from './order.ts';

export type Authority = {
	/** One certificate, PEM. */
	readonly pem: string;
	readonly certificate: X509Certificate;
	/** Wall clock, milliseconds since 1970. */
	readonly notBefore: number;
	readonly notAfter: number;
};

/** The authority that signs. */
export type Signer = Authority & {readonly key: string};

/** A certificate to serve with, and who vouches for it. */
export type Leaf = {
	readonly pair: Pair;
	readonly certificate: X509Certificate;
	readonly notAfter: number;
	readonly issuer: Authority;
};

export type CertificateSet = {
	/** Whom the API server is to trust; the last one signs. */
	readonly authorities: readonly Authority[];
	/** Or what is wrong with it, in words. */
	readonly signer: Signer | string;
	readonly leaf: Leaf | string;
};

/** Keys of the Secret. */
const names = {authorities: 'ca.crt', authorityKey: 'ca.key', certificate: 'tls.crt', key: 'tls.key'} as const;

type SecretData = Readonly<Record<string, string | null>>;

/** `data` as the API server has it: base64. */
export const decodeCertificates = (data: SecretData = {}): CertificateSet => {
	const text = (name: string) => Buffer.from(data[name] ?? '', 'base64').toString();
	const authorities = decodeBundle(text(names.authorities));
	return {
		authorities,
		signer: decodeSigner(authorities.at(-1), text(names.authorityKey)),
		leaf: decodeLeaf({certificate: text(names.certificate), key: text(names.key)}, authorities),
	};
};

/** The `data` of a Secret that holds these. */
export const encodeCertificates = (authorities: readonly Pick<Authority, 'pem'>[], signerKey: string, leaf: Pair): Record<string, string> =>
	Object.fromEntries(Object.entries({
		[names.authorities]: encodeBundle(authorities),
		[names.authorityKey]: signerKey,
		[names.certificate]: leaf.certificate,
		[names.key]: leaf.key,
	}).map(([name, text]) => [name, Buffer.from(text).toString('base64')]));

/** Certificates one after the other, PEM: what stands in `ca.crt`, and what the API server wants as caBundle. */
export const encodeBundle = (authorities: readonly Pick<Authority, 'pem'>[]): string => authorities.map(({pem}) => pem).join('');

/** All authorities in a text; what is none is left out. */
export const decodeBundle = (text: string): Authority[] =>
	[...text.matchAll(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g)].flatMap(([pem]) => {
		const certificate = parse(pem);
		return certificate?.ca ? [authorityOf(`${pem}\n`, certificate)] : [];
	});

const decodeSigner = (authority: Authority | undefined, key: string): Signer | string => {
	if (!authority) {
		return `its ${names.authorities} holds no certificate of an authority`;
	}

	return belongs(authority.certificate, key) ? {...authority, key} : `its ${names.authorityKey} is not the key of the last certificate in ${names.authorities}`;
};

const decodeLeaf = (pair: Pair, authorities: readonly Authority[]): Leaf | string => {
	const certificate = parse(pair.certificate);
	if (!certificate) {
		return `its ${names.certificate} holds no certificate`;
	}

	if (!belongs(certificate, pair.key)) {
		return `its ${names.key} is not the key of the certificate in ${names.certificate}`;
	}

	const issuer = authorities.find(({certificate: candidate}) => certificate.checkIssued(candidate) && certificate.verify(candidate.publicKey));
	return issuer
		? {pair, certificate, notAfter: certificate.validToDate.getTime(), issuer}
		: `no authority in ${names.authorities} has signed the certificate in ${names.certificate}`;
};

const authorityOf = (pem: string, certificate: X509Certificate): Authority => ({
	pem,
	certificate,
	notBefore: certificate.validFromDate.getTime(),
	notAfter: certificate.validToDate.getTime(),
});

const parse = (pem: string): X509Certificate | undefined => {
	try {
		return new X509Certificate(pem);
	} catch {
		return undefined;
	}
};

const belongs = (certificate: X509Certificate, key: string): boolean => {
	try {
		return certificate.checkPrivateKey(createPrivateKey(key));
	} catch {
		return false;
	}
};
