/** Makes certificates as the operator does, at a fixed time. */
import {decodeCertificates, encodeCertificates} from '../../src/certificates/certificate-set.ts';
import type {Authority, CertificateSet, Leaf, Signer} from '../../src/certificates/certificate-set.ts';
import {makeCertificates} from '../../src/certificates/make.ts';

export const dayMs = 86_400_000;

/** When the tests' certificates are made. Whole seconds, because certificates have no fractions. */
export const madeAt = Date.UTC(2026, 10, 22, 10);

/** The operator's default certificate lifetime. */
export const leafMs = 90 * dayMs;

export type WholeSet = CertificateSet & {readonly signer: Signer; readonly leaf: Leaf};

/** A new authority and a certificate that it signed. `earlier` authorities come before it. */
export const newSet = async ({now = madeAt, hosts = ['hooks.operators.svc'], earlier = []}: {readonly now?: number; readonly hosts?: readonly string[]; readonly earlier?: readonly Authority[]} = {}): Promise<WholeSet> => {
	const {authority, leaf} = await makeCertificates({now, authorityLifetimeMs: 3 * leafMs, leaf: {hosts, lifetimeMs: leafMs}});
	return wholeSet(decodeCertificates(encodeCertificates([...earlier, {pem: authority.certificate}], authority.key, leaf!)));
};

/** @throws if the signer or the leaf has a problem. */
export const wholeSet = (set: CertificateSet): WholeSet => {
	if (typeof set.signer === 'string' || typeof set.leaf === 'string') {
		throw new TypeError(JSON.stringify([set.signer, set.leaf]));
	}

	return set as WholeSet;
};
