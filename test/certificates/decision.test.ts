import test from 'ava';
import type {Authority, CertificateSet, Leaf} from '../../src/certificates/certificate-set.ts';
import {decodeCertificates, encodeCertificates} from '../../src/certificates/certificate-set.ts';
import {certificateToServe, decideCertificates, isTooFarOff, lifetimesOf} from '../../src/certificates/decision.ts';
import type {CertificateSituation} from '../../src/certificates/decision.ts';
import {makeCertificates} from '../../src/certificates/make.ts';
import {dayMs, leafMs, madeAt, newSet, wholeSet} from '../helpers/certificates.ts';

const lifetimes = lifetimesOf(leafMs);
const minuteMs = 60_000;

const first = await newSet();
/** When the first authority is replaced: after two thirds of its lifetime. */
const replacedAt = madeAt + 2 * leafMs;
const freshLeaf = async (now: number) => {
	const {leaf} = await makeCertificates({now, authority: {certificate: first.signer.pem, key: first.signer.key}, authorityLifetimeMs: 1, leaf: {hosts: ['hooks.operators.svc'], lifetimeMs: leafMs}});
	return leaf!;
};

const second = await newSet({now: replacedAt, earlier: first.authorities});
/** Right after that: both authorities, and a certificate that the first one signed. */
const between = wholeSet(decodeCertificates(encodeCertificates(second.authorities, second.signer.key, await freshLeaf(replacedAt - 20 * dayMs))));

/** A certificate with less than two thirds of its lifetime left then. */
const {leaf: old} = wholeSet(decodeCertificates(encodeCertificates(first.authorities, first.signer.key, await freshLeaf(replacedAt - 50 * dayMs))));

/** A newer authority, and a certificate that it signed, made while the first ones are valid. */
const newer = await newSet({earlier: first.authorities});
/** The first authority's next certificate. */
const renewed = wholeSet(decodeCertificates(encodeCertificates(first.authorities, first.signer.key, await freshLeaf(madeAt + 60 * dayMs))));

/** Made by a replica whose clock is 65 days ahead. */
const future = await newSet({now: madeAt + 65 * dayMs});
/** The same, by an authority that is valid already. */
const futureLeaf = wholeSet(decodeCertificates(encodeCertificates(first.authorities, first.signer.key, await freshLeaf(madeAt + 65 * dayMs))));

const signedBy = (leaf: Leaf, issuer: Authority): Leaf => ({...leaf, issuer});

const trust = (forMs: number, ...authorities: readonly Authority[]) => authorities.map(authority => ({authority, forMs}));

const situation = (change: Partial<CertificateSituation> = {}): CertificateSituation => ({
	held: first,
	served: first.leaf,
	hosts: ['hooks.operators.svc'],
	trusted: trust(dayMs, first.signer),
	now: madeAt,
	isClockWrong: false,
	lifetimes,
	patienceMs: 0,
	...change,
});

const broken = (change: Partial<CertificateSet>): CertificateSet => ({...first, ...change});

const table: ReadonlyArray<readonly [title: string, change: Partial<CertificateSituation>, action: string, because?: string]> = [
	['certificates that are valid for long stay', {}, 'keep'],
	['a certificate stays until two thirds of its lifetime have passed', {now: madeAt + 60 * dayMs - 1}, 'keep'],
	['a certificate is replaced after two thirds of its lifetime', {now: madeAt + 60 * dayMs}, 'replace certificate', 'two thirds of its lifetime have passed'],
	['a patient replica leaves the renewal to others for a while', {now: madeAt + 60 * dayMs, patienceMs: minuteMs}, 'keep'],
	['a patient replica renews the certificate when its patience ends', {now: madeAt + 60 * dayMs + minuteMs, patienceMs: minuteMs}, 'replace certificate', 'two thirds of its lifetime have passed'],
	['an expired certificate is replaced in spite of patience', {now: madeAt + 90 * dayMs, patienceMs: 100 * dayMs}, 'replace certificate', 'it has expired'],
	['a certificate that is not valid yet is replaced in spite of patience', {held: futureLeaf, patienceMs: 100 * dayMs}, 'replace certificate', 'it is not valid yet'],
	['an authority that is not valid yet is replaced', {held: future}, 'replace authority', 'the authority is not valid yet'],
	['a certificate is valid from its first moment', {held: first, now: first.leaf.notBefore}, 'keep'],
	['a certificate whose authority is not valid yet is replaced', {held: {...first, leaf: signedBy(first.leaf, future.signer)}}, 'replace certificate', 'it is not valid yet'],
	['a replica with a wrong clock replaces no expired certificate', {now: madeAt + 90 * dayMs, isClockWrong: true}, 'leave to others'],
	['a replica with a wrong clock makes no first authority', {held: undefined, served: undefined, trusted: [], isClockWrong: true}, 'leave to others'],
	['a clock that is an hour slow changes nothing', {now: madeAt - 3_600_000}, 'keep'],
	['a certificate without a host that the API server calls is replaced', {hosts: ['hooks.operators.svc', '127.0.0.1']}, 'replace certificate', 'it is not valid for 127.0.0.1'],
	['a certificate with more hosts than needed stays', {hosts: []}, 'keep'],
	['a longer configured lifetime replaces the certificate', {lifetimes: lifetimesOf(4 * leafMs)}, 'replace certificate', 'it must last until a new authority may sign'],
	['a shorter configured lifetime changes nothing at once', {lifetimes: lifetimesOf(dayMs)}, 'keep'],
	['without a Secret, an authority is made', {held: undefined, served: undefined, trusted: []}, 'replace authority', 'there is no such Secret'],
	['an invalid authority is replaced', {held: broken({authorities: [], signer: 'its ca.crt is invalid'})}, 'replace authority', 'its ca.crt is invalid'],
	['an invalid certificate is replaced', {held: broken({leaf: 'its tls.crt is invalid'})}, 'replace certificate', 'its tls.crt is invalid'],
	['an authority stays until two thirds of its lifetime have passed', {held: {...first, leaf: between.leaf}, now: replacedAt - 1}, 'keep'],
	['an authority is replaced after two thirds of its lifetime', {held: {...first, leaf: between.leaf}, now: replacedAt}, 'replace authority', 'two thirds of the authority\'s lifetime have passed'],
	['the old authority renews the certificate before it is replaced', {held: {...first, leaf: old}, now: replacedAt}, 'replace certificate', 'it must last until a new authority may sign'],
	['an authority that expires too soon for that is replaced at once', {held: {...first, leaf: old}, now: first.signer.notAfter - dayMs}, 'replace authority', 'two thirds of the authority\'s lifetime have passed'],
	['a new authority does not sign before it is in the caBundle', {held: between, now: replacedAt}, 'keep'],
	['a new authority does not sign as soon as it is in the caBundle', {held: between, now: replacedAt, trusted: trust(0, first.signer, second.signer)}, 'keep'],
	['a new authority does not sign after almost five minutes in the caBundle', {held: between, now: replacedAt, trusted: trust(5 * minuteMs - 1, first.signer, second.signer)}, 'keep'],
	['a new authority signs after five minutes in the caBundle', {held: between, now: replacedAt, trusted: trust(5 * minuteMs, first.signer, second.signer)}, 'replace certificate', 'a new authority signs'],
	['a new authority signs at once if the certificate has expired', {held: between, now: between.leaf.notAfter}, 'replace certificate', 'it has expired'],
	['a missing host waits until the new authority is trusted', {held: between, now: replacedAt, hosts: ['127.0.0.1']}, 'keep'],
	['an old authority stays while a certificate that it signed may be valid', {held: second, now: replacedAt + 59 * dayMs}, 'keep'],
];

for (const [title, change, action, because] of table) {
	test(title, t => {
		const decision = decideCertificates(situation(change));
		t.is(decision.action, action as typeof decision.action);
		t.is('because' in decision ? decision.because : undefined, because);
	});
}

test('an old authority is removed when everything that it may have signed has expired', async t => {
	const {signer} = second;
	const renewedAt = replacedAt + 60 * dayMs;
	const {leaf} = await makeCertificates({now: renewedAt, authority: {certificate: signer.pem, key: signer.key}, authorityLifetimeMs: 1, leaf: {hosts: ['hooks.operators.svc'], lifetimeMs: leafMs}});
	const held = wholeSet(decodeCertificates(encodeCertificates(second.authorities, signer.key, leaf!)));
	const due = replacedAt + leafMs + 5 * minuteMs;
	t.deepEqual(decideCertificates(situation({held, now: due - 1000})), {action: 'keep', until: due});
	t.is(decideCertificates(situation({held, now: due})).action, 'remove authorities');
	t.true(between.leaf.notAfter < due, 'This includes the last certificate that it signed.');
});

test('keep says when the next change is due', t => {
	t.deepEqual(decideCertificates(situation()), {action: 'keep', until: madeAt + 60 * dayMs});
	t.deepEqual(decideCertificates(situation({held: between, now: replacedAt, trusted: trust(minuteMs, first.signer, second.signer)})), {action: 'keep', until: replacedAt + 4 * minuteMs});
});

/** Which authorities stay beside the new one, and whether the certificate stays. */
const replaced = (change: Partial<CertificateSituation>): {readonly authorities: readonly string[]; readonly leaf: Leaf | undefined} => {
	const decision = decideCertificates(situation(change));
	if (decision.action !== 'replace authority') {
		throw new Error(decision.action);
	}

	return {authorities: decision.authorities.map(({pem}) => pem), leaf: decision.leaf};
};

test('a new authority is added to the one that signed the served certificate', t => {
	t.deepEqual(replaced({held: {...first, leaf: between.leaf}, now: replacedAt}), {authorities: [first.signer.pem], leaf: between.leaf});
});

test('if the Secret is lost, the served certificate and the trusted authorities stay', t => {
	const others = newer.signer;
	t.deepEqual(replaced({held: undefined, trusted: trust(dayMs, others)}), {authorities: [others.pem, first.signer.pem], leaf: first.leaf});
	t.deepEqual(replaced({held: undefined, served: undefined, trusted: trust(dayMs, others)}), {authorities: [others.pem], leaf: undefined});
	t.deepEqual(replaced({held: undefined, served: undefined, trusted: []}), {authorities: [], leaf: undefined});
});

test('an expired certificate or authority does not stay', t => {
	t.deepEqual(replaced({held: undefined, now: first.signer.notAfter}), {authorities: [], leaf: undefined});
});

test('what another replica made with a clock that is ahead does not stay, and what it removed comes back', t => {
	t.deepEqual(replaced({held: future, trusted: trust(dayMs, future.signer)}), {authorities: [first.signer.pem], leaf: first.leaf});
	t.deepEqual(replaced({held: future, served: undefined, trusted: trust(dayMs, first.signer)}), {authorities: [first.signer.pem], leaf: undefined});
});

test('a clock is wrong that differs by more than five minutes in either direction', t => {
	t.deepEqual([5 * minuteMs, -5 * minuteMs, 0].map(skewMs => isTooFarOff(skewMs)), [false, false, false]);
	t.deepEqual([5 * minuteMs + 1, -5 * minuteMs - 1].map(skewMs => isTooFarOff(skewMs)), [true, true]);
});

const serves = test.macro((t, change: Partial<CertificateSituation>, expected: Leaf | undefined) => {
	t.is(certificateToServe(situation(change))?.keyPair.certificate, expected?.keyPair.certificate);
});

test('a replica without a certificate serves that of the Secret', serves, {held: newer, served: undefined}, newer.leaf);
test('a renewed certificate of the same authority is served at once', serves, {held: renewed, now: madeAt + 60 * dayMs}, renewed.leaf);
test('a certificate of an authority that is not in the caBundle is not served', serves, {held: newer, now: madeAt + dayMs}, first.leaf);
test('a certificate of an authority that is new in the caBundle is not served', serves, {held: newer, now: madeAt + dayMs, trusted: trust(minuteMs, first.signer, newer.signer)}, first.leaf);
test('a certificate of a new authority is served after five minutes', serves, {held: newer, now: madeAt + dayMs, trusted: trust(5 * minuteMs, first.signer, newer.signer)}, newer.leaf);
test('it is served at once if the API server does not trust the served one', serves, {held: newer, now: madeAt + dayMs, trusted: trust(0, newer.signer)}, newer.leaf);
test('it is served at once if the served one has expired', serves, {held: second, now: replacedAt}, second.leaf);
test('a certificate that is not valid yet is not served', serves, {held: futureLeaf}, first.leaf);
test('a certificate whose authority is not valid yet is not served', serves, {held: {...newer, leaf: signedBy(newer.leaf, future.signer)}, trusted: trust(dayMs, future.signer)}, first.leaf);
test('a replica without a certificate serves none that is not valid yet', serves, {held: futureLeaf, served: undefined}, undefined);
test('a certificate that is valid is served at once if the served one is not valid yet', serves, {held: first, served: future.leaf}, first.leaf);
test('a replica with a wrong clock serves what the Secret has', serves, {held: first, served: undefined, now: madeAt + 400 * dayMs, isClockWrong: true}, first.leaf);
test('a replica with a wrong clock follows a renewal', serves, {held: renewed, now: madeAt - 65 * dayMs, isClockWrong: true}, renewed.leaf);
test('a replica with a wrong clock waits until a new authority is trusted', serves, {held: newer, now: madeAt + 400 * dayMs, trusted: trust(minuteMs, first.signer, newer.signer), isClockWrong: true}, first.leaf);
test('if the Secret has no valid certificate, the served one stays', serves, {held: broken({leaf: 'invalid'})}, first.leaf);
test('if there is no Secret, the served certificate stays', serves, {held: undefined}, first.leaf);

test('a short lifetime shortens the time before a new authority signs', t => {
	t.deepEqual(lifetimesOf(20_000), {leafMs: 20_000, authorityMs: 60_000, settleMs: 2500});
	t.deepEqual(lifetimesOf(leafMs), {leafMs, authorityMs: 3 * leafMs, settleMs: 5 * minuteMs});
});
