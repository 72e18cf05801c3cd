/** The Lease object decoded, and the patches that change it. */
import test from 'ava';
import fc from 'fast-check';
import {decodeLease, leasePatch, newLease, waitersAnnotation, waitersPatch} from '../../src/lease/lease-record.ts';
import type {Lease, LeaseChange, LeaseRecord} from '../../src/lease/lease-record.ts';

const lease = (spec?: Lease['spec'], waiters?: string): Lease => ({
	metadata: {name: 'hostport-ledger', uid: 'u', resourceVersion: '7', ...(waiters !== undefined && {annotations: {[waitersAnnotation]: waiters}})},
	...(spec && {spec}),
});

const time = new Date('2026-11-22T10:00:00.007Z');
const change: LeaseChange = {holder: 'me', waiters: [], time, durationSeconds: 3};
const recordOf = (holder: string | undefined): LeaseRecord => ({uid: 'u', resourceVersion: '7', holder, waiters: ['w'], renewTime: 'then', durationMs: 3000, transitions: 4});

test('a Lease is decoded', t => {
	t.deepEqual(decodeLease(lease({holderIdentity: 'a', leaseDurationSeconds: 3, renewTime: '2026-11-22T10:00:00.000000Z', leaseTransitions: 4}, 'b,c')), {
		uid: 'u',
		resourceVersion: '7',
		holder: 'a',
		waiters: ['b', 'c'],
		renewTime: '2026-11-22T10:00:00.000000Z',
		durationMs: 3000,
		transitions: 4,
	});
});

test('an empty Lease that was made by hand is free', t => {
	const free = {uid: 'u', resourceVersion: '7', holder: undefined, waiters: [], renewTime: undefined, durationMs: 1000, transitions: 0};
	t.deepEqual(decodeLease(lease()), free);
	t.deepEqual(decodeLease(lease({})), free);
	t.deepEqual(decodeLease(lease({holderIdentity: '', leaseDurationSeconds: -5}, '')), free);
});

for (const [text, waiters] of [['', []], [',', []], [' a , b,', ['a', 'b']], ['a,,b', ['a', 'b']], ['a', ['a']]] as const) {
	test(`the annotation "${text}" is a queue of ${waiters.length}`, t => {
		t.deepEqual(decodeLease(lease({}, text)).waiters, waiters);
	});
}

test('every patch names the version that it was decided from', t => {
	t.is(leasePatch(recordOf('a'), change).metadata.resourceVersion, '7');
	t.is(waitersPatch(recordOf('a'), []).metadata.resourceVersion, '7');
});

test('taking a held Lease sets both times and counts as a transition', t => {
	t.deepEqual(leasePatch(recordOf('a'), {...change, waiters: ['b', 'c']}), {
		metadata: {resourceVersion: '7', annotations: {[waitersAnnotation]: 'b,c'}},
		spec: {holderIdentity: 'me', leaseDurationSeconds: 3, renewTime: '2026-11-22T10:00:00.007000Z', acquireTime: '2026-11-22T10:00:00.007000Z', leaseTransitions: 5},
	});
});

test('taking a free Lease counts as a transition', t => {
	t.like(leasePatch(recordOf(undefined), change).spec, {leaseTransitions: 5, holderIdentity: 'me'});
});

test('a renewal changes renewTime alone, and removes the annotation of an empty queue', t => {
	t.deepEqual(leasePatch(recordOf('me'), change), {
		metadata: {resourceVersion: '7', annotations: {[waitersAnnotation]: null}},
		spec: {holderIdentity: 'me', leaseDurationSeconds: 3, renewTime: '2026-11-22T10:00:00.007000Z', leaseTransitions: 4},
	});
});

test('clearing removes the holder and does not count as a transition', t => {
	t.deepEqual(leasePatch(recordOf('me'), {...change, holder: undefined}).spec, {
		holderIdentity: null,
		leaseDurationSeconds: 3,
		renewTime: '2026-11-22T10:00:00.007000Z',
		acquireTime: null,
		leaseTransitions: 4,
	});
});

test('a change of the queue leaves holder and times alone', t => {
	t.deepEqual(waitersPatch(recordOf('a'), ['b', 'me']), {metadata: {resourceVersion: '7', annotations: {[waitersAnnotation]: 'b,me'}}});
	t.deepEqual(waitersPatch(recordOf('a'), []), {metadata: {resourceVersion: '7', annotations: {[waitersAnnotation]: null}}});
});

test('a new Lease is held, and labelled as managed by the operator', t => {
	t.deepEqual(newLease('hostport-ledger', change), {
		apiVersion: 'coordination.k8s.io/v1',
		kind: 'Lease',
		metadata: {name: 'hostport-ledger', labels: {'app.kubernetes.io/managed-by': 'hostport-operator'}},
		spec: {holderIdentity: 'me', leaseDurationSeconds: 3, renewTime: '2026-11-22T10:00:00.007000Z', acquireTime: '2026-11-22T10:00:00.007000Z', leaseTransitions: 0},
	});
});

test('times always have six fractional digits', t => {
	fc.assert(fc.property(fc.date({noInvalidDate: true, min: new Date('1970-01-01'), max: new Date('9999-01-01')}), moment => {
		t.regex(newLease('x', {...change, time: moment}).spec.renewTime, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
	}));
});

test('a patched Lease decodes to the holder and queue of the patch', t => {
	const identity = fc.stringMatching(/^[a-z0-9-]{1,20}_[0-9a-f]{8}$/);
	fc.assert(fc.property(fc.option(identity, {nil: undefined}), fc.uniqueArray(identity), (holder, waiters) => {
		const {metadata: {annotations}, spec} = leasePatch(recordOf('a'), {...change, holder, waiters});
		// The API server removes fields that a patch sets to null.
		const stored = {...spec, holderIdentity: spec?.['holderIdentity'] ?? undefined} as Lease['spec'];
		const decoded = decodeLease(lease(stored, annotations?.[waitersAnnotation] ?? undefined));
		t.is(decoded.holder, holder);
		t.deepEqual(decoded.waiters, waiters);
		t.is(decoded.durationMs, 3000);
	}));
});
