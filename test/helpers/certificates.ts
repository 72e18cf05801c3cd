/** Certificates as the operator makes them, with a wall clock of the test's own. */
import {decodeCertificates, encodeCertificates} from '../../src/certificates/certificate-set.ts';
import type {Authority, CertificateSet, Leaf, Signer} from '../../src/certificates/certificate-set.ts';
import {makeCertificates} from '../../src/certificates/make.ts';

export const dayMs = 86_400_000;

/** When the tests' certificates are made. To the second, as certificates know time. */
export const madeAt = Date.UTC(2026, 10, 22, 10);

/** What the operator takes by default. */
export const leafMs = 90 * dayMs;

export type WholeSet = CertificateSet & {readonly signer: Signer; readonly leaf: Leaf};

/** A new authority and a certificate of it. */
export const newSet = async ({now = madeAt, hosts = ['hooks.operators.svc'], earlier = []}: {readonly now?: number; readonly hosts?: readonly string[]; readonly earlier?: readonly Authority[]} = {}): Promise<WholeSet> => {
	const {authority, leaf} = await makeCertificates({now, authorityLifetimeMs: 3 * leafMs, leaf: {hosts, lifetimeMs: leafMs}});
	return wholeSet(decodeCertificates(encodeCertificates([...earlier, {pem: authority.certificate}], authority.key, leaf!)));
};

/** Fails where something is wrong with it. */
export const wholeSet = (set: CertificateSet): WholeSet => {
	if (typeof set.signer === 'string' || typeof set.leaf === 'string') {
		throw new TypeError(JSON.stringify([set.signer, set.leaf]));
	}

	return set as WholeSet;
};
