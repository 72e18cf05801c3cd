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

test('a Lease is read', t => {
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

test('a Lease that somebody has made by hand, empty, is read as free', t => {
	const free = {uid: 'u', resourceVersion: '7', holder: undefined, waiters: [], renewTime: undefined, durationMs: 1000, transitions: 0};
	t.deepEqual(decodeLease(lease()), free);
	t.deepEqual(decodeLease(lease({})), free);
	t.deepEqual(decodeLease(lease({holderIdentity: '', leaseDurationSeconds: -5}, '')), free);
});

for (const [text, waiters] of [['', []], [',', []], [' a , b,', ['a', 'b']], ['a,,b', ['a', 'b']], ['a', ['a']]] as const) {
	test(`the line "${text}" is that of ${waiters.length}`, t => {
		t.deepEqual(decodeLease(lease({}, text)).waiters, waiters);
	});
}

test('every write names the version that it was decided from', t => {
	t.is(leasePatch(recordOf('a'), change).metadata.resourceVersion, '7');
	t.is(waitersPatch(recordOf('a'), []).metadata.resourceVersion, '7');
});

test('whoever takes it gets times with six fractional digits, and is counted', t => {
	t.deepEqual(leasePatch(recordOf('a'), {...change, waiters: ['b', 'c']}), {
		metadata: {resourceVersion: '7', annotations: {[waitersAnnotation]: 'b,c'}},
		spec: {holderIdentity: 'me', leaseDurationSeconds: 3, renewTime: '2026-11-22T10:00:00.007000Z', acquireTime: '2026-11-22T10:00:00.007000Z', leaseTransitions: 5},
	});
});

test('whoever takes it from nobody is counted too', t => {
	t.like(leasePatch(recordOf(undefined), change).spec, {leaseTransitions: 5, holderIdentity: 'me'});
});

test('a renewal moves renewTime and nothing else, and takes an empty line away', t => {
	t.deepEqual(leasePatch(recordOf('me'), change), {
		metadata: {resourceVersion: '7', annotations: {[waitersAnnotation]: null}},
		spec: {holderIdentity: 'me', leaseDurationSeconds: 3, renewTime: '2026-11-22T10:00:00.007000Z', leaseTransitions: 4},
	});
});

test('whoever clears it takes the holder away, and is not counted', t => {
	t.deepEqual(leasePatch(recordOf('me'), {...change, holder: undefined}).spec, {
		holderIdentity: null,
		leaseDurationSeconds: 3,
		renewTime: '2026-11-22T10:00:00.007000Z',
		acquireTime: null,
		leaseTransitions: 4,
	});
});

test('a new line alone leaves holder and times as they are', t => {
	t.deepEqual(waitersPatch(recordOf('a'), ['b', 'me']), {metadata: {resourceVersion: '7', annotations: {[waitersAnnotation]: 'b,me'}}});
	t.deepEqual(waitersPatch(recordOf('a'), []), {metadata: {resourceVersion: '7', annotations: {[waitersAnnotation]: null}}});
});

test('a new Lease is held, and says who keeps it', t => {
	t.deepEqual(newLease('hostport-ledger', change), {
		apiVersion: 'coordination.k8s.io/v1',
		kind: 'Lease',
		metadata: {name: 'hostport-ledger', labels: {'app.kubernetes.io/managed-by': 'hostport-operator'}},
		spec: {holderIdentity: 'me', leaseDurationSeconds: 3, renewTime: '2026-11-22T10:00:00.007000Z', acquireTime: '2026-11-22T10:00:00.007000Z', leaseTransitions: 0},
	});
});

test('times have six fractional digits, whatever the moment', t => {
	fc.assert(fc.property(fc.date({noInvalidDate: true, min: new Date('1970-01-01'), max: new Date('9999-01-01')}), moment => {
		t.regex(newLease('x', {...change, time: moment}).spec.renewTime, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
	}));
});

test('a patch makes the Lease that was decided on', t => {
	const identity = fc.stringMatching(/^[a-z0-9-]{1,20}_[0-9a-f]{8}$/);
	fc.assert(fc.property(fc.option(identity, {nil: undefined}), fc.uniqueArray(identity), (holder, waiters) => {
		const {metadata: {annotations}, spec} = leasePatch(recordOf('a'), {...change, holder, waiters});
		// As the API server keeps it: what is null is gone.
		const stored = {...spec, holderIdentity: spec?.['holderIdentity'] ?? undefined} as Lease['spec'];
		const decoded = decodeLease(lease(stored, annotations?.[waitersAnnotation] ?? undefined));
		t.is(decoded.holder, holder);
		t.deepEqual(decoded.waiters, waiters);
		t.is(decoded.durationMs, 3000);
	}));
});
