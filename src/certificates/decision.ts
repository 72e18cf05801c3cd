/**
 * Decides what a replica changes about the webhook's certificates, from what it has just read. Pure. All replicas decide
 * alike and there is no leader: the first write wins by compare-and-swap.
 *
 * A new authority is published in the caBundle first, and signs once it has been there for a while. An old authority stays
 * until everything that it signed has expired. So no replica ever serves a certificate that the API server does not trust.
 *
 * What is not valid yet counts like what has expired: a replica made it whose clock is ahead.
 */
import {isIP} from 'node:net';
import type {Authority, CertificateSet, Leaf, Signer} from './certificate-set.ts';

/**
 * Certificates are valid from this long before they were made, because the API server's clock may be behind. One hour, as
 * for the self-signed certificates of client-go (util/cert).
 */
export const clockSkewMs = 60 * 60 * 1000;

/** A replica whose clock differs from an API server's by more than this decides nothing. Kerberos tolerates as much by default. */
const longestSkewMs = 5 * 60 * 1000;

/** @param skewMs as `ApiClient.clockSkewMs`. */
export const isTooFarOff = (skewMs: number): boolean => Math.abs(skewMs) > longestSkewMs;

export type Lifetimes = {
	readonly leafMs: number;
	readonly authorityMs: number;
	/** How long an authority must have been in the caBundle before it signs. */
	readonly settleMs: number;
};

/**
 * An API server learns of a new caBundle within two seconds by its watch, or when it restarts a broken watch. Certificates
 * are renewed a third of their life before they expire (a month), so five minutes cost nothing; for short lifetimes
 * it is an eighth instead.
 */
const longestSettleMs = 5 * 60 * 1000;

/** Certificate lifetimes in an authority's lifetime. It is replaced after two, so the last certificate that it signs has its full lifetime. */
const leavesPerAuthority = 3;

/** @param leafMs the lifetime of a certificate (`--certificate-lifetime`). */
export const lifetimesOf = (leafMs: number): Lifetimes => ({
	leafMs,
	authorityMs: leavesPerAuthority * leafMs,
	settleMs: Math.min(longestSettleMs, leafMs / 8),
});

/** An authority in the caBundle, and how long this process has seen it there, by its monotonic clock. */
export type Trusted = {
	readonly authority: Authority;
	readonly forMs: number;
};

export type CertificateSituation = {
	/** The content of the Secret; undefined if there is no Secret. */
	readonly held: CertificateSet | undefined;
	/** The certificate that this replica serves. */
	readonly served: Leaf | undefined;
	/** DNS names and IP addresses that the API server may call. */
	readonly hosts: readonly string[];
	/** The authorities in the caBundle. */
	readonly trusted: readonly Trusted[];
	/** Wall clock, milliseconds since 1970. */
	readonly now: number;
	/** Whether `now` is wrong (see `isTooFarOff`). Then nothing is judged by it. */
	readonly isClockWrong: boolean;
	readonly lifetimes: Lifetimes;
	/** How long to leave changes that are due but not urgent to other replicas. */
	readonly patienceMs: number;
};

/** A change of the Secret. */
export type CertificateChange =
	/** Add a new authority, which signs from now on, to `authorities`. Make a new certificate only if there is no `leaf`. */
	| {readonly action: 'replace authority'; readonly because: string; readonly authorities: readonly Authority[]; readonly leaf: Leaf | undefined}
	| {readonly action: 'replace certificate'; readonly because: string; readonly signer: Signer}
	/** Remove all authorities except the one that signs. */
	| {readonly action: 'remove authorities'; readonly because: string; readonly signer: Signer; readonly leaf: Leaf};

export type CertificateDecision =
	| CertificateChange
	/** Nothing to change before `until` (wall clock, milliseconds since 1970). */
	| {readonly action: 'keep'; readonly until: number}
	/** Leave every change to replicas whose clock is right. */
	| {readonly action: 'leave to others'};

/** Decides one change. After carrying it out, the caller reads everything again and decides again. */
export const decideCertificates = (situation: CertificateSituation): CertificateDecision => {
	const {held, now, isClockWrong, lifetimes, patienceMs} = situation;
	if (isClockWrong) {
		return {action: 'leave to others'};
	}

	if (!held) {
		return replaceAuthority(situation, 'there is no such Secret');
	}

	if (typeof held.signer === 'string') {
		return replaceAuthority(situation, held.signer);
	}

	if (now < held.signer.notBefore) {
		return replaceAuthority(situation, 'the authority is not valid yet');
	}

	const authorityDue = held.signer.notAfter - lifetimes.authorityMs / 3 + patienceMs;
	if (now < authorityDue) {
		return decideLeaf(situation, held, held.signer, authorityDue);
	}

	return mustRenewFirst(held.leaf, held.signer, situation)
		? {action: 'replace certificate', because: 'it must last until a new authority may sign', signer: held.signer}
		: replaceAuthority(situation, 'two thirds of the authority\'s lifetime have passed');
};

/**
 * Whether the current authority must renew the certificate once more before it is replaced. The certificate should have
 * two thirds of its lifetime left then, because a new authority may not sign at once.
 */
const mustRenewFirst = (leaf: Leaf | string, signer: Signer, {now, lifetimes: {leafMs}}: CertificateSituation): boolean => {
	const wantedUntil = now + (2 / 3) * leafMs;
	return typeof leaf === 'object' && leaf.notAfter < wantedUntil && signer.notAfter > wantedUntil;
};

const replaceAuthority = ({held, served, trusted, now}: CertificateSituation, because: string): CertificateDecision => {
	const leaf = [held?.leaf, served].filter(candidate => typeof candidate === 'object').find(leaf => isUsable(leaf, now));
	const maySign = typeof held?.signer === 'object' && isValid(held.signer, now);
	// If the Secret is lost, or a replica with a wrong clock has overwritten it, the others keep serving what they have. So the
	// authorities that signed it must stay.
	const known = [
		...(maySign ? [] : trusted.map(({authority}) => authority)),
		...(held?.authorities ?? []),
		...(served ? [served.issuer] : []),
	];
	const authorities = [...new Map(known.filter(authority => isValid(authority, now)).map(authority => [authority.pem, authority])).values()];
	return {action: 'replace authority', because, authorities, leaf};
};

const decideLeaf = ({hosts, trusted, now, lifetimes, patienceMs}: CertificateSituation, {authorities, leaf}: CertificateSet, signer: Signer, authorityDue: number): CertificateDecision => {
	const replace = (because: string): CertificateDecision => ({action: 'replace certificate', because, signer});
	if (typeof leaf === 'string') {
		return replace(leaf);
	}

	if (!isUsable(leaf, now)) {
		return replace(now >= leaf.notAfter ? 'it has expired' : 'it is not valid yet');
	}

	if (leaf.issuer.pem !== signer.pem) {
		const waitMs = lifetimes.settleMs - (trustedForMs(trusted, signer) ?? 0);
		return waitMs > 0 ? {action: 'keep', until: now + waitMs} : replace('a new authority signs');
	}

	const missing = hosts.find(host => !isValidFor(leaf, host));
	if (missing !== undefined) {
		return replace(`it is not valid for ${missing}`);
	}

	const leafDue = leaf.notAfter - lifetimes.leafMs / 3 + patienceMs;
	if (now >= leafDue) {
		return replace('two thirds of its lifetime have passed');
	}

	// By then, everything that an earlier authority signed has expired.
	const removalDue = signer.notBefore + clockSkewMs + lifetimes.settleMs + lifetimes.leafMs + patienceMs;
	const hasOthers = authorities.length > 1;
	if (hasOthers && now >= removalDue) {
		return {action: 'remove authorities', because: 'everything that they signed has expired', signer, leaf};
	}

	return {action: 'keep', until: Math.min(authorityDue, leafDue, ...(hasOthers ? [removalDue] : []))};
};

/**
 * The certificate to serve: that of the Secret, unless the API server may not accept it yet and accepts the one that is served
 * now. Undefined if there is none, or none that is valid.
 */
export const certificateToServe = ({held, served, trusted, now, isClockWrong, lifetimes}: Omit<CertificateSituation, 'hosts' | 'patienceMs'>): Leaf | undefined => {
	const isAccepted = (leaf: Leaf) => isClockWrong || isUsable(leaf, now);
	const leaf = held?.leaf;
	if (typeof leaf !== 'object' || !isAccepted(leaf)) {
		return served;
	}

	if (!served || !isAccepted(served) || served.issuer.pem === leaf.issuer.pem) {
		return leaf;
	}

	const trustedMs = trustedForMs(trusted, leaf.issuer);
	const isTrusted = trustedMs !== undefined && (trustedMs >= lifetimes.settleMs || trustedForMs(trusted, served.issuer) === undefined);
	return isTrusted ? leaf : served;
};

/** Whether the API server accepts it, if it trusts its authority. It checks the authority's validity too. */
const isUsable = (leaf: Leaf, now: number): boolean => isValid(leaf, now) && isValid(leaf.issuer, now);

const isValid = ({notBefore, notAfter}: {readonly notBefore: number; readonly notAfter: number}, now: number): boolean =>
	notBefore <= now && now < notAfter;

const trustedForMs = (trusted: readonly Trusted[], {pem}: Authority): number | undefined =>
	trusted.find(({authority}) => authority.pem === pem)?.forMs;

const isValidFor = ({certificate}: Leaf, host: string): boolean =>
	(isIP(host) ? certificate.checkIP(host) : certificate.checkHost(host)) !== undefined;
