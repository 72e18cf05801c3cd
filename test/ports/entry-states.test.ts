/** Every cell of the table in entry-states.ts. */
import test from 'ava';
import {adopt, canBeReservedAgain, observe, reserve} from '../../src/ports/entry-states.ts';
import type {Transition} from '../../src/ports/entry-states.ts';
import type {HostPortUse} from '../../src/ports/host-port-use.ts';
import {entryStates, formatEntry} from '../../src/ports/ledger-entry.ts';
import type {LedgerEntry} from '../../src/ports/ledger-entry.ts';
import {entryWith, since} from '../helpers/ledger-builders.ts';

const later = '2026-11-22T11:00:00Z';

const bound: LedgerEntry = {pod: 'game/server-0', portName: 'grpc', state: 'bound', uid: 'u0', node: 'worker-1', claim: 'c', since};
const pending: LedgerEntry = {pod: 'game/server- (ReplicaSet server)', portName: 'grpc', state: 'pending', claim: 'c', since};
const released: LedgerEntry = {...bound, state: 'released'};
const foreign: LedgerEntry = {pod: 'kube-system/proxy', portName: 'web', state: 'foreign', uid: 'f', node: 'worker-1', since};

const ours: HostPortUse = {port: 30_558, protocol: 'TCP', pod: 'game/server-0', uid: 'u0', node: 'worker-1', portName: 'grpc', managed: true, given: true};
const theirs: HostPortUse = {port: 30_558, protocol: 'TCP', pod: 'kube-system/proxy', uid: 'f', node: 'worker-1', portName: 'web', managed: false, given: false};
const service: HostPortUse = {...theirs, pod: 'Service shop/web', uid: 's', node: undefined};

test('an admission reserves a port as pending', t => {
	t.deepEqual(reserve('game/server-0', 'grpc', 'c', since), {pod: 'game/server-0', portName: 'grpc', state: 'pending', claim: 'c', since});
});

test('an entry of any state but foreign can be reserved again for the same Pod', t => {
	t.deepEqual(entryStates.filter(state => canBeReservedAgain(entryWith({state}))), ['pending', 'bound', 'released']);
});

test('a port that a Pod got from us is adopted as bound, with a claim', t => {
	t.deepEqual(adopt(ours, 'c', since), bound);
});

test('a port that a Pod chose itself is adopted as foreign, without a claim', t => {
	t.deepEqual(adopt(theirs, 'c', since), foreign);
	t.false('node' in adopt(service, 'c', since));
});

test('the largest entry of a stored Pod is so small that a page of them fits into a ConfigMap', t => {
	// The longest names that Kubernetes stores: namespace and Pod, the annotation of a port, and a node that may not exist.
	const largest = adopt({...ours, pod: `${'n'.repeat(63)}/${'p'.repeat(253)}`, portName: 'a'.repeat(53), uid: 'u'.repeat(36), node: 'n'.repeat(253)}, 'c'.repeat(16), since);
	const bytes = Buffer.byteLength(formatEntry({...largest, state: 'released'}));
	t.is(bytes, 622);
	t.true(1500 * bytes <= 1024 * 1024, 'Five hundred numbers, each with three protocols, in 1 MiB.');
	t.is(observe(largest, [{...ours, pod: largest.pod, portName: largest.portName, uid: largest.uid!, node: 'n'.repeat(253)}], true, {since: later, mintClaim: () => 'minted'}), undefined, 'The shortened name is stable.');
});

/** What becomes of one entry, before the end of its hold time and after it. */
const becomes = test.macro((t, entry: LedgerEntry | undefined, uses: readonly HostPortUse[], expected: Transition | undefined, holds: readonly boolean[] = [false, true]) => {
	for (const isHoldOver of holds) {
		t.deepEqual(observe(entry, uses, isHoldOver, {since: later, mintClaim: () => 'minted'}), expected);
	}
});

test('pending, not in use, within the hold time: stays', becomes, pending, [], undefined, [false]);
test('pending, not in use, after the hold time: expires', becomes, pending, [], {reason: 'expire', next: undefined}, [true]);
test('pending, its Pod has come: bound, with the same claim', becomes, pending, [ours], {reason: 'bind', next: {...bound, since: later}});
test('pending, its Pod has come and has no node yet: bound, without a node', becomes, pending, [{...ours, node: undefined}], {
	reason: 'bind', next: {pod: 'game/server-0', portName: 'grpc', state: 'bound', uid: 'u0', claim: 'c', since: later},
});
test('pending for a successor, its predecessor lives: bound to that, with the new claim', becomes, {...pending, pod: 'game/server-0', claim: 'new'}, [ours], {
	reason: 'bind', next: {...bound, claim: 'new', since: later},
});
test('pending, a foreign Pod has the port: foreign, with the same claim', becomes, pending, [theirs], {
	reason: 'foreign', next: {...foreign, claim: 'c', since: later},
});
test('bound, its Pod lives: stays', becomes, bound, [ours], undefined);
test('bound, its Pod has got a node: names the node', becomes, {...bound, node: 'none'}, [ours], {reason: 'bind', next: {...bound, since: later}});
test('bound, not in use: released at once, with the same claim', becomes, bound, [], {reason: 'release', next: {...released, since: later}});
test('bound, its Pod was recreated: follows', becomes, bound, [{...ours, uid: 'u1'}], {reason: 'bind', next: {...bound, uid: 'u1', since: later}});
test('bound, another Pod has the port: follows', becomes, bound, [{...ours, pod: 'game/other', uid: 'u1', portName: 'http'}], {
	reason: 'bind', next: {...bound, pod: 'game/other', uid: 'u1', portName: 'http', since: later},
});
test('bound, its Pod calls the port otherwise: keeps the name in the ledger', becomes, bound, [{...ours, portName: 'renamed'}], undefined);
test('bound, a user removed our annotation: foreign, with the same claim', becomes, bound, [{...ours, managed: false, given: false}], {
	reason: 'foreign', next: {...bound, state: 'foreign', since: later},
});
test('bound, its Pod and a foreign Pod have the port: stays', becomes, bound, [theirs, ours], undefined);
test('released, not in use, within the hold time: stays', becomes, released, [], undefined, [false]);
test('released, not in use, after the hold time: expires', becomes, released, [], {reason: 'expire', next: undefined}, [true]);
test('released, a live Pod has the port: bound again, with the same claim', becomes, released, [{...ours, uid: 'u1'}], {reason: 'bind', next: {...bound, uid: 'u1', since: later}});
test('released, a foreign Pod has the port: foreign, with the same claim', becomes, released, [theirs], {reason: 'foreign', next: {...foreign, claim: 'c', since: later}});
test('foreign, its Pod lives: stays', becomes, foreign, [theirs], undefined);
test('foreign without a claim, not in use: free at once, as no Pod was given the port', becomes, foreign, [], {reason: 'gone', next: undefined});
test('foreign with a claim, not in use: released, as the Pod of that claim may still come', becomes, {...foreign, claim: 'c'}, [], {
	reason: 'release', next: {...foreign, claim: 'c', state: 'released', since: later},
});
test('foreign, another foreign Pod has the port: follows', becomes, foreign, [{...theirs, pod: 'kube-system/proxy-2', uid: 'f2'}], {
	reason: 'foreign', next: {...foreign, pod: 'kube-system/proxy-2', uid: 'f2', since: later},
});
test('foreign without a claim, a Pod of ours has the port: bound, with a new claim', becomes, foreign, [ours], {reason: 'bind', next: {...bound, claim: 'minted', since: later}});
test('foreign with a claim, a Pod of ours has the port: bound, with the same claim', becomes, {...foreign, claim: 'c'}, [ours], {reason: 'bind', next: {...bound, since: later}});
test('no entry, a Pod of ours has the port: adopted, with a new claim', becomes, undefined, [ours], {reason: 'adopt', next: {...bound, claim: 'minted', since: later}});
test('no entry, a foreign Pod has the port: foreign', becomes, undefined, [theirs], {reason: 'foreign', next: {...foreign, since: later}});
test('no entry, a Service has the NodePort: foreign', becomes, undefined, [service], {
	reason: 'foreign', next: {pod: 'Service shop/web', portName: 'web', state: 'foreign', uid: 's', since: later},
});
test('no entry, several Pods have the port: the first of ours by name', becomes, undefined, [theirs, {...ours, pod: 'game/z'}, {...ours, pod: 'game/a'}, service], {
	reason: 'adopt', next: {...bound, pod: 'game/a', claim: 'minted', since: later},
});
test('no entry, not in use: stays free', becomes, undefined, [], undefined);
