/** What a replica concludes from the versions of the Lease that it sees. The rest of the state is tested through the lock. */
import test from 'ava';
import {LeaseState} from '../../src/lease/lease-state.ts';
import type {Lease} from '../../src/lease/lease-record.ts';

const lease = (uid: string, resourceVersion: string, spec: NonNullable<Lease['spec']>): Lease =>
	({metadata: {name: 'hostport-ledger', uid, resourceVersion}, spec: {renewTime: 'then', ...spec}});

const setUp = () => {
	let now = 1000;
	const state = new LeaseState({clock: {now: () => now}, identity: 'a', durationMs: 3000, idleMs: 50, rereadMs: 1000});
	const see = (seen: Lease) => {
		now += 100;
		state.adoptAnswer(seen, state.record);
	};

	return {state, see, now: () => now};
};

test('a replica that clears the Lease and takes it again stays its sole holder', t => {
	const {state, see, now} = setUp();
	see(lease('1', '1', {holderIdentity: 'a', leaseTransitions: 1}));
	const since = state.soleHolderSince;
	t.is(since, now());
	see(lease('1', '2', {leaseTransitions: 1}));
	see(lease('1', '3', {holderIdentity: 'a', leaseTransitions: 2}));
	t.is(state.soleHolderSince, since);
});

test('another replica may have held a Lease that was deleted and created again unseen', t => {
	const {state, see, now} = setUp();
	see(lease('1', '1', {holderIdentity: 'a', leaseTransitions: 1}));
	state.beginWork();
	see(lease('2', '9', {holderIdentity: 'a', leaseTransitions: 1}));
	t.is(state.loss, 'a holds it now');
	t.is(state.soleHolderSince, now());
	see(lease('3', '12', {leaseTransitions: 1}));
	t.is(state.soleHolderSince, now());
});

test('work keeps its first reason to stop, until it ends', t => {
	const {state, see} = setUp();
	see(lease('1', '1', {holderIdentity: 'a'}));
	state.lose('no work is under way');
	state.beginWork();
	t.is(state.loss, undefined);
	see(lease('1', '2', {holderIdentity: 'b', leaseTransitions: 1}));
	state.lose('a second reason');
	t.is(state.loss, 'b holds it now');
	state.endWork(false);
	t.is(state.loss, undefined);
});

test('work that began before the Lease was held is lost only with the Lease', t => {
	const {state, see} = setUp();
	see(lease('1', '1', {}));
	state.beginWork();
	see(lease('1', '2', {holderIdentity: 'b', leaseTransitions: 1}));
	t.is(state.loss, undefined);
	see(lease('1', '3', {holderIdentity: 'a', leaseTransitions: 2}));
	see(lease('1', '4', {holderIdentity: 'b', leaseTransitions: 3}));
	t.is(state.loss, 'b holds it now');
});
