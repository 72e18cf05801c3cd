import test from 'ava';
import {soleTenancyWith} from '../../src/lease/sole-tenancy.ts';
import type {LeaseRecord} from '../../src/lease/lease-record.ts';

const record = (holder: string | undefined, transitions: number, uid = 'u'): LeaseRecord =>
	({uid, resourceVersion: '7', holder, waiters: [], renewTime: 'then', durationMs: 3000, transitions});

const before = {since: 100, uid: 'u', transitions: 4};

const isSoleSince = test.macro((t, next: LeaseRecord | undefined, since: number | undefined) => {
	t.is(soleTenancyWith(before, next, 'me', 200)?.since, since);
});

test('a sole tenancy continues while the replica keeps the Lease', isSoleSince, record('me', 4), 100);
test('a sole tenancy continues when the replica clears the Lease', isSoleSince, record(undefined, 4), 100);
test('a sole tenancy continues when the replica takes the Lease again', isSoleSince, record('me', 5), 100);
test('a sole tenancy begins anew when another replica held and cleared the Lease', isSoleSince, record(undefined, 5), 200);
test('a sole tenancy begins anew when another replica held the Lease in between', isSoleSince, record('me', 6), 200);
test('a sole tenancy begins anew with a Lease that was deleted and created again', isSoleSince, record('me', 4, 'v'), 200);
test('a sole tenancy ends while another replica holds the Lease', isSoleSince, record('other', 5), undefined);
test('a sole tenancy ends while there is no Lease: another replica may create it', isSoleSince, undefined, undefined);

test('a sole tenancy begins with the first version that no other replica holds', t => {
	t.deepEqual(soleTenancyWith(undefined, record(undefined, 4), 'me', 200), {since: 200, uid: 'u', transitions: 4});
});
