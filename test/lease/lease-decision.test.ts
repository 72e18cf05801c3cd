/** Each decision of one replica, as a table. */
import test from 'ava';
import {decide} from '../../src/lease/lease-decision.ts';
import type {Decision, Situation} from '../../src/lease/lease-decision.ts';
import type {LeaseRecord} from '../../src/lease/lease-record.ts';

type Case = Partial<Omit<Situation, 'record' | 'identity'>> & {readonly holder?: string; readonly queue?: readonly string[]};

const record = (holder: string | undefined, waiters: readonly string[]): LeaseRecord =>
	({uid: 'u', resourceVersion: '7', holder, waiters, renewTime: 'then', durationMs: 3000, transitions: 0});

/** The replica is `me`, and every flag is false unless the example says otherwise. */
const decideAs = ({holder, queue = [], ...situation}: Case): Decision => decide({
	record: record(holder, queue),
	identity: 'me',
	isWanted: false,
	isWorking: false,
	hasWorked: false,
	expectsMore: false,
	isRecentlyUsed: false,
	isExpired: false,
	isRenewalDue: false,
	...situation,
});

const rest = {action: 'rest'} as const;
const work = {action: 'work'} as const;
const write = (because: Extract<Decision, {action: 'write'}>['because'], holder: string | undefined, ...waiters: readonly string[]): Decision => ({action: 'write', because, holder, waiters});
const edit = (because: 'join' | 'leave', ...waiters: readonly string[]): Decision => ({action: 'queue', because, waiters});

const decides = test.macro((t, example: Case, expected: Decision) => {
	t.deepEqual(decideAs(example), expected);
});

test('a missing Lease is created only when it is wanted', t => {
	const situation = {record: undefined, identity: 'me', isWanted: false, expectsMore: false, isWorking: false, hasWorked: false, isRecentlyUsed: true, isExpired: true, isRenewalDue: true};
	t.deepEqual(decide(situation), rest);
	t.deepEqual(decide({...situation, isWanted: true}), {action: 'create', because: 'create'});
});

test('free and not wanted: rest', decides, {}, rest);
test('free and wanted: take it', decides, {isWanted: true}, write('take', 'me'));
test('free, wanted, others queued: take it, and they keep their places', decides, {isWanted: true, queue: ['a', 'me', 'b']}, write('take', 'me', 'a', 'b'));
test('free, wanted, unchanged for its duration: take it, and keep the queue', decides, {isWanted: true, isExpired: true, queue: ['a']}, write('take', 'me', 'a'));
test('held by another, not wanted: rest', decides, {holder: 'a', queue: ['b']}, rest);
test('held by another, wanted: join the queue', decides, {holder: 'a', isWanted: true}, edit('join', 'me'));
test('held by another, others queued, wanted: join as the last', decides, {holder: 'a', queue: ['b', 'c'], isWanted: true}, edit('join', 'b', 'c', 'me'));
test('queued and wanted: rest', decides, {holder: 'a', queue: ['me', 'b'], isWanted: true}, rest);
test('queued and no longer wanted: leave the queue', decides, {holder: 'a', queue: ['b', 'me', 'c']}, edit('leave', 'b', 'c'));
test('queued twice by a manual edit, no longer wanted: leave both places', decides, {holder: 'a', queue: ['me', 'b', 'me']}, edit('leave', 'b'));
test('free, queued, no longer wanted: leave the queue', decides, {queue: ['me', 'b']}, edit('leave', 'b'));
test('expired and wanted: take over, and empty the queue', decides, {holder: 'a', queue: ['b', 'me', 'c'], isWanted: true, isExpired: true}, write('take over', 'me'));
test('expired and not wanted: rest', decides, {holder: 'a', isExpired: true}, rest);
test('expired, queued, no longer wanted: leave the queue', decides, {holder: 'a', queue: ['me'], isExpired: true}, edit('leave'));

test('held and wanted: work', decides, {holder: 'me', isWanted: true}, work);
test('held, wanted, others queued, no work done yet: work first', decides, {holder: 'me', queue: ['a'], isWanted: true}, work);
test('held, wanted, renewal due: renew before work begins', decides, {holder: 'me', queue: ['a'], isWanted: true, isRenewalDue: true}, write('renew', 'me', 'a'));
test('at work, others queued: rest', decides, {holder: 'me', queue: ['a'], isWorking: true, hasWorked: true}, rest);
test('at work, and the next work waits: rest', decides, {holder: 'me', isWorking: true, isWanted: true}, rest);
test('at work, renewal due: renew, and keep the queue', decides, {holder: 'me', queue: ['a', 'b'], isWorking: true, isRenewalDue: true}, write('renew', 'me', 'a', 'b'));
test('work done, others queued: hand over', decides, {holder: 'me', queue: ['a', 'b'], hasWorked: true}, write('hand over', 'a', 'b'));
test('work done, more wanted, others queued: hand over and queue again', decides, {holder: 'me', queue: ['a', 'b'], hasWorked: true, isWanted: true}, write('hand over', 'a', 'b', 'me'));
test('held but no longer wanted, others queued: hand over without work', decides, {holder: 'me', queue: ['a']}, write('hand over', 'a'));
test('recently used, others queued: hand over', decides, {holder: 'me', queue: ['a'], hasWorked: true, isRecentlyUsed: true}, write('hand over', 'a'));
test('handing over comes before a due renewal', decides, {holder: 'me', queue: ['a'], hasWorked: true, isWanted: true, isRenewalDue: true}, write('hand over', 'a', 'me'));
test('held and still queued from before: hand over to the next other replica', decides, {holder: 'me', queue: ['me', 'a', 'me'], hasWorked: true}, write('hand over', 'a'));
test('held, wanted, only itself queued: work', decides, {holder: 'me', queue: ['me'], hasWorked: true, isWanted: true}, work);
test('work done, more expected, others queued: hand over and queue again', decides, {holder: 'me', queue: ['a', 'b'], hasWorked: true, expectsMore: true}, write('hand over', 'a', 'b', 'me'));
test('held, but the expected work has not come: hand over and leave the queue', decides, {holder: 'me', queue: ['a'], expectsMore: true}, write('hand over', 'a'));
test('held by another, queued, work expected: keep the place', decides, {holder: 'a', queue: ['me'], expectsMore: true}, rest);
test('held by another, not queued, work expected: do not join', decides, {holder: 'a', expectsMore: true}, rest);
test('recently used, no work: keep it', decides, {holder: 'me', hasWorked: true, isRecentlyUsed: true}, rest);
test('recently used and wanted: work', decides, {holder: 'me', hasWorked: true, isRecentlyUsed: true, isWanted: true}, work);
test('idle: clear it', decides, {holder: 'me', hasWorked: true}, write('clear', undefined));
test('idle, and itself queued: clear holder and queue', decides, {holder: 'me', queue: ['me']}, write('clear', undefined));
test('held and expired: it does not expire for its own holder, work', decides, {holder: 'me', isWanted: true, isExpired: true}, work);
