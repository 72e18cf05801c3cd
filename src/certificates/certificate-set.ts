/** Decodes and encodes the data of the webhook's Secret: authorities, and the certificate that the webhook serves. Invalid data is described, never thrown. */
import {createPrivateKey, X509Certificate} from 'node:crypto';

/** A certificate and its private key, each PEM. */
export type KeyPair = {
	readonly certificate: string;
	readonly key: string;
};

export type Authority = {
	/** One certificate, PEM. */
	readonly pem: string;
	readonly certificate: X509Certificate;
	/** Wall clock, milliseconds since 1970. */
	readonly notBefore: number;
	readonly notAfter: number;
};

/** An authority with its private key (PEM), which can sign. */
export type Signer = Authority & {readonly key: string};

/** A certificate that the webhook can serve, and the authority that signed it. */
export type Leaf = {
	readonly keyPair: KeyPair;
	readonly certificate: X509Certificate;
	/** Wall clock, milliseconds since 1970. */
	readonly notBefore: number;
	readonly notAfter: number;
	readonly issuer: Authority;
};

export type CertificateSet = {
	/** The API server should trust all of them; the last one signs. */
	readonly authorities: readonly Authority[];
	/** A string says what is wrong with it. */
	readonly signer: Signer | string;
	readonly leaf: Leaf | string;
};

/** Keys of the Secret. */
const names = {authorities: 'ca.crt', authorityKey: 'ca.key', certificate: 'tls.crt', key: 'tls.key'} as const;

type SecretData = Readonly<Record<string, string | null>>;

/** @param data as the API server returns it: base64. */
export const decodeCertificates = (data: SecretData = {}): CertificateSet => {
	const text = (name: string) => Buffer.from(data[name] ?? '', 'base64').toString();
	const authorities = decodeBundle(text(names.authorities));
	return {
		authorities,
		signer: decodeSigner(authorities.at(-1), text(names.authorityKey)),
		leaf: decodeLeaf({certificate: text(names.certificate), key: text(names.key)}, authorities),
	};
};

/** The `data` of a Secret that holds these certificates. The last authority is the one that `signerKey` belongs to. */
export const encodeCertificates = (authorities: readonly Pick<Authority, 'pem'>[], signerKey: string, leaf: KeyPair): Record<string, string> =>
	Object.fromEntries(Object.entries({
		[names.authorities]: encodeBundle(authorities),
		[names.authorityKey]: signerKey,
		[names.certificate]: leaf.certificate,
		[names.key]: leaf.key,
	}).map(([name, text]) => [name, Buffer.from(text).toString('base64')]));

/** Concatenated PEM certificates, the format of `ca.crt` and of a caBundle (there in base64). */
export const encodeBundle = (authorities: readonly Pick<Authority, 'pem'>[]): string => authorities.map(({pem}) => pem).join('');

/** All authorities in a PEM bundle. Text and certificates that are not an authority are skipped. */
export const decodeBundle = (text: string): Authority[] =>
	[...text.matchAll(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g)].flatMap(([pem]) => {
		const certificate = parse(pem);
		return certificate?.ca ? [authorityOf(`${pem}\n`, certificate)] : [];
	});

const decodeSigner = (authority: Authority | undefined, key: string): Signer | string => {
	if (!authority) {
		return `its ${names.authorities} contains no CA certificate`;
	}

	return matches(authority.certificate, key) ? {...authority, key} : `its ${names.authorityKey} is not the key of the last certificate in ${names.authorities}`;
};

const decodeLeaf = (keyPair: KeyPair, authorities: readonly Authority[]): Leaf | string => {
	const certificate = parse(keyPair.certificate);
	if (!certificate) {
		return `its ${names.certificate} contains no certificate`;
	}

	if (!matches(certificate, keyPair.key)) {
		return `its ${names.key} is not the key of the certificate in ${names.certificate}`;
	}

	const issuer = authorities.find(({certificate: candidate}) => certificate.checkIssued(candidate) && certificate.verify(candidate.publicKey));
	return issuer
		? {keyPair, certificate, ...validityOf(certificate), issuer}
		: `no authority in ${names.authorities} signed the certificate in ${names.certificate}`;
};

const authorityOf = (pem: string, certificate: X509Certificate): Authority => ({
	pem,
	certificate,
	...validityOf(certificate),
});

const validityOf = ({validFromDate, validToDate}: X509Certificate) => ({notBefore: validFromDate.getTime(), notAfter: validToDate.getTime()});

const parse = (pem: string): X509Certificate | undefined => {
	try {
		return new X509Certificate(pem);
	} catch {
		return undefined;
	}
};

const matches = (certificate: X509Certificate, key: string): boolean => {
	try {
		return certificate.checkPrivateKey(createPrivateKey(key));
	} catch {
		return false;
	}
};
