/** Certificates as the operator makes them, at a time that the test chooses. */
import {decodeCertificates, encodeCertificates} from '../../src/certificates/certificate-set.ts';
import type {Authority, CertificateSet, Leaf, Signer} from '../../src/certificates/certificate-set.ts';
import {makeCertificates} from '../../src/certificates/make.ts';

export const dayMs = 86_400_000;

/** When the tests' certificates are made. In whole seconds, as certificates store times. */
export const madeAt = Date.UTC(2026, 10, 22, 10);

/** The default of `--certificate-lifetime`. */
export const leafMs = 90 * dayMs;

export type WholeSet = CertificateSet & {readonly signer: Signer; readonly leaf: Leaf};

/** Makes a new authority and a certificate that it signs. */
export const newSet = async ({now = madeAt, hosts = ['hooks.operators.svc'], earlier = []}: {readonly now?: number; readonly hosts?: readonly string[]; readonly earlier?: readonly Authority[]} = {}): Promise<WholeSet> => {
	const {authority, leaf} = await makeCertificates({now, authorityLifetimeMs: 3 * leafMs, leaf: {hosts, lifetimeMs: leafMs}});
	return wholeSet(decodeCertificates(encodeCertificates([...earlier, {pem: authority.certificate}], authority.key, leaf!)));
};

/** @throws when the signer or the leaf is unusable. */
export const wholeSet = (set: CertificateSet): WholeSet => {
	if (typeof set.signer === 'string' || typeof set.leaf === 'string') {
		throw new TypeError(JSON.stringify([set.signer, set.leaf]));
	}

	return set as WholeSet;
};
