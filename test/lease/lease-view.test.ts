/** What a replica concludes from the versions of the Lease that it sees; the rest is in lease-lock.test.ts. */
import test from 'ava';
import {LeaseView} from '../../src/lease/lease-view.ts';
import type {Lease} from '../../src/lease/lease-record.ts';

const lease = (uid: string, resourceVersion: string, spec: NonNullable<Lease['spec']>): Lease =>
	({metadata: {name: 'hostport-ledger', uid, resourceVersion}, spec: {renewTime: 'then', ...spec}});

const setUp = () => {
	let now = 1000;
	const lost: string[] = [];
	const view = new LeaseView({clock: {now: () => now}, identity: 'a', durationMs: 3000, onLost: why => lost.push(why)});
	const see = (seen: Lease) => {
		now += 100;
		view.adoptAnswer(seen, view.record);
	};

	return {view, lost, see, now: () => now};
};

test('who takes again what only he has had has been alone all the time', t => {
	const {view, see, now} = setUp();
	see(lease('1', '1', {holderIdentity: 'a', leaseTransitions: 1}));
	const since = view.soleHolderSince;
	t.is(since, now());
	see(lease('1', '2', {leaseTransitions: 1}));
	see(lease('1', '3', {holderIdentity: 'a', leaseTransitions: 2}));
	t.is(view.soleHolderSince, since);
});

test('a Lease that was deleted and made again unseen may have been another\'s, whatever it counts', t => {
	const {view, lost, see, now} = setUp();
	see(lease('1', '1', {holderIdentity: 'a', leaseTransitions: 1}));
	see(lease('2', '9', {holderIdentity: 'a', leaseTransitions: 1}));
	t.is(lost.length, 1);
	t.is(view.soleHolderSince, now());
	see(lease('3', '12', {leaseTransitions: 1}));
	t.is(view.soleHolderSince, now());
});
