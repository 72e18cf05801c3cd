import test from 'ava';
import type {Authority, CertificateSet, Leaf} from '../../src/certificates/certificate-set.ts';
import {decodeCertificates, encodeCertificates} from '../../src/certificates/certificate-set.ts';
import {certificateToServe, decideCertificates, lifetimesOf} from '../../src/certificates/decision.ts';
import type {CertificateSituation} from '../../src/certificates/decision.ts';
import {makeCertificates} from '../../src/certificates/make.ts';
import {dayMs, leafMs, madeAt, newSet, wholeSet} from '../helpers/certificates.ts';

const lifetimes = lifetimesOf(leafMs);
const minuteMs = 60_000;

const first = await newSet();
/** The authority has been replaced after two thirds of its life, and the certificate is still one of the first. */
const replacedAt = madeAt + 2 * leafMs;
const freshLeaf = async (now: number) => {
	const {leaf} = await makeCertificates({now, authority: {certificate: first.signer.pem, key: first.signer.key}, authorityLifetimeMs: 1, leaf: {hosts: ['hooks.operators.svc'], lifetimeMs: leafMs}});
	return leaf!;
};

const second = await newSet({now: replacedAt, earlier: first.authorities});
const between = wholeSet(decodeCertificates(encodeCertificates(second.authorities, second.signer.key, await freshLeaf(replacedAt - 20 * dayMs))));

const {leaf: old} = wholeSet(decodeCertificates(encodeCertificates(first.authorities, first.signer.key, await freshLeaf(replacedAt - 50 * dayMs))));

const trust = (forMs: number, ...authorities: readonly Authority[]) => authorities.map(authority => ({authority, forMs}));

const situation = (change: Partial<CertificateSituation> = {}): CertificateSituation => ({
	held: first,
	served: first.leaf,
	hosts: ['hooks.operators.svc'],
	trusted: trust(dayMs, first.signer),
	now: madeAt,
	lifetimes,
	patienceMs: 0,
	...change,
});

const broken = (change: Partial<CertificateSet>): CertificateSet => ({...first, ...change});

const table: ReadonlyArray<readonly [title: string, change: Partial<CertificateSituation>, action: string, because?: string]> = [
	['all is well', {}, 'keep'],
	['the last moment before two thirds of its life', {now: madeAt + 60 * dayMs - 1}, 'keep'],
	['two thirds of its life are over', {now: madeAt + 60 * dayMs}, 'replace certificate', 'two thirds of its life are over'],
	['they are over, and a patient one leaves it to others for a while', {now: madeAt + 60 * dayMs, patienceMs: minuteMs}, 'keep'],
	['they are over for so long that patience ends', {now: madeAt + 60 * dayMs + minuteMs, patienceMs: minuteMs}, 'replace certificate', 'two thirds of its life are over'],
	['it has expired', {now: madeAt + 90 * dayMs, patienceMs: 100 * dayMs}, 'replace certificate', 'it has expired'],
	['the clock is an hour slow', {now: madeAt - 3_600_000}, 'keep'],
	['the API server calls by another name', {hosts: ['hooks.operators.svc', '127.0.0.1']}, 'replace certificate', 'it is not good for 127.0.0.1'],
	['the API server calls by fewer names', {hosts: []}, 'keep'],
	['a lifetime that has been made longer', {lifetimes: lifetimesOf(4 * leafMs)}, 'replace certificate', 'it must last until a new authority may sign'],
	['a lifetime that has been made shorter', {lifetimes: lifetimesOf(dayMs)}, 'keep'],
	['there is no Secret', {held: undefined, served: undefined, trusted: []}, 'replace authority', 'there is no such Secret'],
	['its authority is rubbish', {held: broken({authorities: [], signer: 'its ca.crt is rubbish'})}, 'replace authority', 'its ca.crt is rubbish'],
	['its certificate is rubbish', {held: broken({leaf: 'its tls.crt is rubbish'})}, 'replace certificate', 'its tls.crt is rubbish'],
	['the last moment before two thirds of the authority\'s life', {held: {...first, leaf: between.leaf}, now: replacedAt - 1}, 'keep'],
	['two thirds of the authority\'s life are over', {held: {...first, leaf: between.leaf}, now: replacedAt}, 'replace authority', 'two thirds of the authority\'s life are over'],
	['they are over, and the certificate would not last until the new one signs', {held: {...first, leaf: old}, now: replacedAt}, 'replace certificate', 'it must last until a new authority may sign'],
	['they are over, and the authority can not give it more', {held: {...first, leaf: old}, now: first.signer.notAfter - dayMs}, 'replace authority', 'two thirds of the authority\'s life are over'],
	['a new authority is not in the caBundle yet', {held: between, now: replacedAt}, 'keep'],
	['a new authority has just come into the caBundle', {held: between, now: replacedAt, trusted: trust(0, first.signer, second.signer)}, 'keep'],
	['a new authority has been in the caBundle for almost five minutes', {held: between, now: replacedAt, trusted: trust(5 * minuteMs - 1, first.signer, second.signer)}, 'keep'],
	['a new authority has been in the caBundle for five minutes', {held: between, now: replacedAt, trusted: trust(5 * minuteMs, first.signer, second.signer)}, 'replace certificate', 'a new authority signs'],
	['a new authority is not in the caBundle, and the certificate has expired', {held: between, now: between.leaf.notAfter}, 'replace certificate', 'it has expired'],
	['a name is missing while a new authority is not trusted yet', {held: between, now: replacedAt, hosts: ['127.0.0.1']}, 'keep'],
	['the old authority may still have signed something that is good', {held: second, now: replacedAt + 59 * dayMs}, 'keep'],
];

for (const [title, change, action, because] of table) {
	test(title, t => {
		const decision = decideCertificates(situation(change));
		t.is(decision.action, action as typeof decision.action);
		t.is('because' in decision ? decision.because : undefined, because);
	});
}

test('an old authority is forgotten when all that it may have signed has expired', async t => {
	const {signer} = second;
	const renewedAt = replacedAt + 60 * dayMs;
	const {leaf} = await makeCertificates({now: renewedAt, authority: {certificate: signer.pem, key: signer.key}, authorityLifetimeMs: 1, leaf: {hosts: ['hooks.operators.svc'], lifetimeMs: leafMs}});
	const held = wholeSet(decodeCertificates(encodeCertificates(second.authorities, signer.key, leaf!)));
	const due = replacedAt + leafMs + 5 * minuteMs;
	t.deepEqual(decideCertificates(situation({held, now: due - 1000})), {action: 'keep', until: due});
	t.is(decideCertificates(situation({held, now: due})).action, 'forget authorities');
	t.true(between.leaf.notAfter < due, 'The last one that it has signed is among those.');
});

test('what is kept is kept until the next thing is due', t => {
	t.deepEqual(decideCertificates(situation()), {action: 'keep', until: madeAt + 60 * dayMs});
	t.deepEqual(decideCertificates(situation({held: between, now: replacedAt, trusted: trust(minuteMs, first.signer, second.signer)})), {action: 'keep', until: replacedAt + 4 * minuteMs});
});

/** Who stays beside the new authority, and whether the certificate stays. */
const replaced = (change: Partial<CertificateSituation>): {readonly authorities: readonly string[]; readonly leaf: Leaf | undefined} => {
	const decision = decideCertificates(situation(change));
	if (decision.action !== 'replace authority') {
		throw new Error(decision.action);
	}

	return {authorities: decision.authorities.map(({pem}) => pem), leaf: decision.leaf};
};

test('a new authority stands beside the one that has signed what is served', t => {
	t.deepEqual(replaced({held: {...first, leaf: between.leaf}, now: replacedAt}), {authorities: [first.signer.pem], leaf: between.leaf});
});

test('where the Secret is lost, what is served goes on, and so does what the API server trusts', t => {
	const others = second.signer;
	t.deepEqual(replaced({held: undefined, trusted: trust(dayMs, others)}), {authorities: [others.pem, first.signer.pem], leaf: first.leaf});
	t.deepEqual(replaced({held: undefined, served: undefined, trusted: trust(dayMs, others)}), {authorities: [others.pem], leaf: undefined});
	t.deepEqual(replaced({held: undefined, served: undefined, trusted: []}), {authorities: [], leaf: undefined});
});

test('what has expired does not go on', t => {
	t.deepEqual(replaced({held: undefined, now: first.signer.notAfter}), {authorities: [], leaf: undefined});
});

const serves = test.macro((t, change: Partial<CertificateSituation>, expected: Leaf | undefined) => {
	t.is(certificateToServe(situation(change))?.pair.certificate, expected?.pair.certificate);
});

test('who serves nothing yet serves what the Secret holds', serves, {held: second, served: undefined}, second.leaf);
test('a renewed certificate of the same authority is served at once', serves, {held: {...first, leaf: between.leaf}}, between.leaf);
test('a certificate of an authority that the API server does not know yet is not served', serves, {held: second, now: madeAt + dayMs}, first.leaf);
test('nor is one of an authority that it has only just been told of', serves, {held: second, now: madeAt + dayMs, trusted: trust(minuteMs, first.signer, second.signer)}, first.leaf);
test('it is after five minutes', serves, {held: second, now: madeAt + dayMs, trusted: trust(5 * minuteMs, first.signer, second.signer)}, second.leaf);
test('it is at once where the API server does not trust what is served', serves, {held: second, now: madeAt + dayMs, trusted: trust(0, second.signer)}, second.leaf);
test('it is at once where what is served has expired', serves, {held: second, now: first.leaf.notAfter}, second.leaf);
test('where the Secret holds none, what is served goes on', serves, {held: broken({leaf: 'rubbish'})}, first.leaf);
test('where there is no Secret, what is served goes on', serves, {held: undefined}, first.leaf);

test('short lives are spread over the same events', t => {
	t.deepEqual(lifetimesOf(20_000), {leafMs: 20_000, authorityMs: 60_000, settleMs: 2500});
	t.deepEqual(lifetimesOf(leafMs), {leafMs, authorityMs: 3 * leafMs, settleMs: 5 * minuteMs});
});
