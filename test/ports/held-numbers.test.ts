/** The bound on what a namespace holds without live Pods, in the plan of a batch and over several replicas' pages. */
import test from 'ava';
import {DenialError} from '../../src/errors.ts';
import {planBatch} from '../../src/ports/batch-plan.ts';
import type {PodDemand} from '../../src/ports/demand.ts';
import {heldLimitsOf, namespaceOf} from '../../src/ports/held-numbers.ts';
import type {EntryState, LedgerEntry} from '../../src/ports/ledger-entry.ts';
import {demandFor, entryWith, ledgerOf, requestOf, since} from '../helpers/ledger-builders.ts';
import {never} from '../helpers/no-ops.ts';
import {startLedger} from '../helpers/start-ledger.ts';

const limited = (most: number, changes: Partial<PodDemand> = {}): Partial<PodDemand> =>
	({pod: 'tenant/p- (ReplicaSet p)', basePort: 1000, maxPort: 1999, heldLimits: [{first: 1000, last: 1999, most}], ...changes});

/** Entries of consecutive numbers from `from` on. */
const entriesOf = (from: number, count: number, state: EntryState, pod = 'tenant/x'): Record<string, LedgerEntry> =>
	Object.fromEntries(Array.from({length: count}, (_, index) => [`${from + index}.tcp`, entryWith({pod, state})]));

const outcomesOf = (entries: Readonly<Record<string, LedgerEntry>>, ...demands: ReadonlyArray<Partial<PodDemand>>) =>
	planBatch(ledgerOf(Object.entries(entries)), 500, {requests: demands.map(demand => requestOf(demandFor(['a', 'b'], demand))), repairs: []}, Math.random, since)
		.requests.map(({outcome}) => outcome.kind === 'over limit' ? [outcome.held, outcome.needed] : outcome.kind);

test('pending and released numbers count, and no others', t => {
	const entries = {...entriesOf(1100, 4, 'pending'), ...entriesOf(1500, 4, 'released'), ...entriesOf(1200, 50, 'bound'), ...entriesOf(1300, 50, 'foreign'), ...entriesOf(1600, 50, 'pending', 'tenant-2/x'), ...entriesOf(2000, 50, 'pending')};
	t.deepEqual(outcomesOf(entries, limited(10)), ['allocated']);
	t.deepEqual(outcomesOf(entries, limited(9)), [[8, 2]]);
});

test('the batch counts too', t => {
	t.deepEqual(outcomesOf({}, limited(5), limited(5), limited(5), limited(5, {pod: 'other/p- (ReplicaSet p)'})), ['allocated', 'allocated', [4, 2], 'allocated']);
});

test('a Pod whose namespace holds nothing is never refused', t => {
	t.deepEqual(outcomesOf({}, limited(1), limited(1)), ['allocated', [2, 2]]);
});

test('numbers that a Pod takes over do not count twice', t => {
	const own = {...entriesOf(1100, 1, 'pending', 'tenant/db-0'), ...entriesOf(1101, 1, 'bound', 'tenant/db-0')};
	const named = Object.fromEntries(Object.entries(own).map(([key, entry], index) => [key, {...entry, portName: 'ab'[index]!}]));
	const again = limited(1, {pod: 'tenant/db-0', hasFixedName: true});
	t.deepEqual(outcomesOf(named, again, again), ['allocated', 'allocated']);
});

test('a number with several protocols counts once', t => {
	const entries = {...entriesOf(1100, 2, 'pending'), '1100.udp': entryWith({pod: 'tenant/x', state: 'pending'})};
	t.deepEqual(outcomesOf(entries, limited(4)), ['allocated']);
	t.deepEqual(outcomesOf(entries, limited(3)), [[2, 2]]);
});

test('the default limits are a third of the range and of its part from the default base port on', t => {
	const whole = {first: 1024, last: 32_767, most: 10_581};
	const part = {first: 30_558, last: 32_767, most: 736};
	t.deepEqual(heldLimitsOf([{first: 1024, last: 32_767}], 1024, undefined), [whole, part]);
	t.deepEqual(heldLimitsOf([{first: 1024, last: 32_767}], 30_558, undefined), [whole, part]);
	t.deepEqual(heldLimitsOf([{first: 1024, last: 32_767}], 30_558, 7), [{...whole, most: 7}]);
	t.deepEqual(heldLimitsOf([{first: 1000, last: 1099, excluded: [{first: 1000, last: 1009}]}], 1050, undefined), [{first: 1000, last: 1099, most: 30}]);
	t.deepEqual(heldLimitsOf([{first: 30_558, last: 32_767}], 30_558, undefined), [part]);
	t.deepEqual(heldLimitsOf([{first: 1000, last: 1000}], 1000, undefined), [{first: 1000, last: 1000, most: 1}]);
	t.deepEqual(heldLimitsOf([{first: 1000, last: 1000}], 2000, undefined), []);
});

test('the part from the default base port on is not filled by one namespace, whatever base port its Pods choose', t => {
	const heldLimits = [{first: 1000, last: 1999, most: 300}, {first: 1800, last: 1999, most: 60}];
	t.deepEqual(outcomesOf(entriesOf(1800, 59, 'pending'), limited(300, {basePort: 1800, heldLimits}), limited(300, {heldLimits})), [[59, 2], 'allocated']);
	t.deepEqual(outcomesOf({...entriesOf(1000, 800, 'bound'), ...entriesOf(1800, 59, 'pending')}, limited(300, {heldLimits})), [[59, 2]]);
	t.deepEqual(outcomesOf({...entriesOf(1000, 299, 'pending')}, limited(300, {basePort: 1800, heldLimits})), [[299, 2]]);
});

test('a burst of 2,000 two-port Pods of one namespace passes', t => {
	const burst = Array.from({length: 2000}, () => ({...limited(10_581), basePort: 1024, maxPort: 32_767, heldLimits: heldLimitsOf([{first: 1024, last: 32_767}], 1024, undefined)}));
	t.true(outcomesOf({}, ...burst).every(outcome => outcome === 'allocated'));
});

test('the namespace of a Pod is the part before the slash', t => {
	t.is(namespaceOf('game/server-7d9f- (ReplicaSet server/7)'), 'game');
	t.is(namespaceOf('by hand'), '');
});

test('the denial is the client\'s 403, with namespace, count, limit and flag', async t => {
	const {clock, reservations, dryRun} = await startLedger(entriesOf(1100, 9, 'pending'));
	const demand = demandFor(['a', 'b'], limited(10));
	for (const answer of [reservations.reserve(demand, never), dryRun(demand, never)]) {
		const {code, message} = await t.throwsAsync<DenialError>(clock.until(answer), {instanceOf: DenialError});
		t.is(code, 403);
		t.is(message, 'The namespace tenant holds 9 of the numbers 1000-1999 for Pods that are not stored yet or gone, the Pod needs 2 more, and a namespace may hold at most 10 (--max-held-ports-per-namespace): wait until they become free, about 120 s after their Pods are gone or were rejected, and look why Pods of the namespace are rejected (kubectl get events -n tenant)');
	}
});

test('what another replica has freed or reserved on any page of the range counts', async t => {
	const {clock, reservations, write} = await startLedger({...entriesOf(1100, 9, 'pending'), ...entriesOf(1600, 1, 'bound')});
	const create = async () => clock.until(reservations.reserve(demandFor(['a', 'b'], limited(10, {maxPort: 1499})), never));
	await t.throwsAsync(create());
	write('1100.tcp', undefined);
	await clock.advance(1);
	t.deepEqual(await create(), [1000, 1001]);
	write('1101.tcp', undefined);
	write('1102.tcp', undefined);
	write('1700.tcp', entryWith({pod: 'tenant/x', state: 'pending'}));
	await clock.advance(1);
	await t.throwsAsync(create(), {message: /holds 9 of/});
});
