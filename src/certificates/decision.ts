/**
 * What a replica does about the webhook's certificates, given what it has just read. Pure, and decided afresh each time, by
 * every replica alike: nobody leads, and whoever is first to write wins by compare-and-swap.
 *
 * A new authority is published in the caBundle first, and signs once it has been seen there for a while; an old one stays
 * until nothing that it has signed can be good any more. So at no time is a certificate served that the API server does not trust.
 */
import {isIP} from 'node:net';
import type {Authority, CertificateSet, Leaf, Signer} from './certificate-set.ts';
import {clockSkewMs} from './order.ts';

export type Lifetimes = {
	readonly leafMs: number;
	readonly authorityMs: number;
	/** For how long an authority must have been seen in the caBundle before it signs. */
	readonly settleMs: number;
};

/**
 * An API server learns of a new caBundle from its watch within a second or two; one of several that has lost its watch does
 * when it starts it again. Five minutes of the month that is left cost nothing; of a short life, an eighth, well under half of what is left.
 */
const longestSettleMs = 5 * 60 * 1000;

/** An authority lives for three certificates: replaced after two, so that the last that it signs may live its whole life. */
const leavesPerAuthority = 3;

export const lifetimesOf = (leafMs: number): Lifetimes => ({
	leafMs,
	authorityMs: leavesPerAuthority * leafMs,
	settleMs: Math.min(longestSettleMs, leafMs / 8),
});

/** An authority in the caBundle, and for how long this process has seen it there, by its own monotonic clock. */
export type Trusted = {
	readonly authority: Authority;
	readonly forMs: number;
};

export type CertificateSituation = {
	/** Undefined where there is no Secret. */
	readonly held: CertificateSet | undefined;
	/** What this replica serves with. */
	readonly served: Leaf | undefined;
	/** DNS names and IP addresses by which the API server calls. */
	readonly hosts: readonly string[];
	/** Whom the API server has been told to trust. */
	readonly trusted: readonly Trusted[];
	/** Wall clock, milliseconds since 1970. */
	readonly now: number;
	readonly lifetimes: Lifetimes;
	/** How long to leave what is due, and not urgent, to others. */
	readonly patienceMs: number;
};

export type CertificateDecision =
	/** Nothing to do, until then at the latest (wall clock). */
	| {readonly action: 'keep'; readonly until: number}
	/** Make a new authority beside `authorities`, which signs from then on; and a new certificate only where there is no `leaf`. */
	| {readonly action: 'replace authority'; readonly because: string; readonly authorities: readonly Authority[]; readonly leaf: Leaf | undefined}
	| {readonly action: 'replace certificate'; readonly because: string; readonly signer: Signer}
	/** Forget all authorities but the one that signs. */
	| {readonly action: 'forget authorities'; readonly because: string; readonly signer: Signer; readonly leaf: Leaf};

export const decideCertificates = (situation: CertificateSituation): CertificateDecision => {
	const {held, now, lifetimes, patienceMs} = situation;
	if (!held) {
		return replaceAuthority(situation, 'there is no such Secret');
	}

	if (typeof held.signer === 'string') {
		return replaceAuthority(situation, held.signer);
	}

	const authorityDue = held.signer.notAfter - lifetimes.authorityMs / 3 + patienceMs;
	if (now < authorityDue) {
		return decideLeaf(situation, held, held.signer, authorityDue);
	}

	return mustLast(held.leaf, held.signer, situation)
		? {action: 'replace certificate', because: 'it must last until a new authority may sign', signer: held.signer}
		: replaceAuthority(situation, 'two thirds of the authority\'s life are over');
};

/** Whether a certificate has less of its life before it than the present authority can still give it, and two thirds are wanted. */
const mustLast = (leaf: Leaf | string, signer: Signer, {now, lifetimes: {leafMs}}: CertificateSituation): boolean => {
	const wantedUntil = now + (2 / 3) * leafMs;
	return typeof leaf === 'object' && leaf.notAfter < wantedUntil && signer.notAfter > wantedUntil;
};

const replaceAuthority = ({held, served, trusted, now}: CertificateSituation, because: string): CertificateDecision => {
	const isGood = ({notAfter}: {readonly notAfter: number}) => notAfter > now;
	const leaf = [held?.leaf, served].filter(candidate => typeof candidate === 'object').find(isGood);
	// Where the Secret is lost, other replicas go on with what they have: who vouches for it must not be forgotten.
	const known = [
		...(held && typeof held.signer === 'object' ? [] : trusted.map(({authority}) => authority)),
		...(held?.authorities ?? []),
		...(served ? [served.issuer] : []),
	];
	const authorities = [...new Map(known.filter(isGood).map(authority => [authority.pem, authority])).values()];
	return {action: 'replace authority', because, authorities, leaf};
};

const decideLeaf = ({hosts, trusted, now, lifetimes, patienceMs}: CertificateSituation, {authorities, leaf}: CertificateSet, signer: Signer, authorityDue: number): CertificateDecision => {
	const replace = (because: string): CertificateDecision => ({action: 'replace certificate', because, signer});
	if (typeof leaf === 'string') {
		return replace(leaf);
	}

	if (now >= leaf.notAfter) {
		return replace('it has expired');
	}

	if (leaf.issuer.pem !== signer.pem) {
		const waitMs = lifetimes.settleMs - (trustedForMs(trusted, signer) ?? 0);
		return waitMs > 0 ? {action: 'keep', until: now + waitMs} : replace('a new authority signs');
	}

	const missing = hosts.find(host => !isGoodFor(leaf, host));
	if (missing !== undefined) {
		return replace(`it is not good for ${missing}`);
	}

	const leafDue = leaf.notAfter - lifetimes.leafMs / 3 + patienceMs;
	if (now >= leafDue) {
		return replace('two thirds of its life are over');
	}

	// From then on, whatever an earlier authority has signed has expired.
	const forgetDue = signer.notBefore + clockSkewMs + lifetimes.settleMs + lifetimes.leafMs + patienceMs;
	const hasOthers = authorities.length > 1;
	if (hasOthers && now >= forgetDue) {
		return {action: 'forget authorities', because: 'all that they have signed has expired', signer, leaf};
	}

	return {action: 'keep', until: Math.min(authorityDue, leafDue, ...(hasOthers ? [forgetDue] : []))};
};

/**
 * Which certificate to serve with: that of the Secret, unless the API server may not trust it yet and does trust the one
 * that is served.
 */
export const certificateToServe = ({held, served, trusted, now, lifetimes}: Omit<CertificateSituation, 'hosts' | 'patienceMs'>): Leaf | undefined => {
	const leaf = held?.leaf;
	if (typeof leaf !== 'object') {
		return served;
	}

	if (!served || served.notAfter <= now || served.issuer.pem === leaf.issuer.pem) {
		return leaf;
	}

	const trustedMs = trustedForMs(trusted, leaf.issuer);
	const isTrusted = trustedMs !== undefined && (trustedMs >= lifetimes.settleMs || trustedForMs(trusted, served.issuer) === undefined);
	return isTrusted ? leaf : served;
};

const trustedForMs = (trusted: readonly Trusted[], {pem}: Authority): number | undefined =>
	trusted.find(({authority}) => authority.pem === pem)?.forMs;

const isGoodFor = ({certificate}: Leaf, host: string): boolean =>
	(isIP(host) ? certificate.checkIP(host) : certificate.checkHost(host)) !== undefined;
