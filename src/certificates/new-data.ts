/** What the Secret is to hold once a decision has been carried out. */
import {encodeCertificates} from './certificate-set.ts';
import type {CertificateDecision, CertificateSituation} from './decision.ts';
import type {Made, Order} from './order.ts';

/** @throws what `make` throws. */
export const newSecretData = async (
	decision: Exclude<CertificateDecision, {action: 'keep'}>,
	{held, hosts, now, lifetimes: {authorityMs: authorityLifetimeMs, leafMs: lifetimeMs}}: CertificateSituation,
	make: (order: Order) => Promise<Made>,
): Promise<Record<string, string>> => {
	const newLeaf = {hosts, lifetimeMs};
	if (decision.action === 'replace authority') {
		const {authority, leaf} = await make({now, authorityLifetimeMs, leaf: decision.leaf ? undefined : newLeaf});
		return encodeCertificates([...decision.authorities, {pem: authority.certificate}], authority.key, (decision.leaf?.pair ?? leaf)!);
	}

	const {pem, key} = decision.signer;
	if (decision.action === 'replace certificate') {
		const {leaf} = await make({now, authority: {certificate: pem, key}, authorityLifetimeMs, leaf: newLeaf});
		return encodeCertificates(held?.authorities ?? [], key, leaf!);
	}

	return encodeCertificates([{pem}], key, decision.leaf.pair);
};
