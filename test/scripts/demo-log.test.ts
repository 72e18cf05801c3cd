import test from 'ava';
import {linesBetween} from '../../scripts/demo/log-output.ts';
import type {Snapshot} from '../../scripts/demo/snapshot.ts';

const nothing: Snapshot = {
	elapsedMs: 0,
	caption: '',
	steps: [{name: 'samples', state: 'doing'}, {name: 'check', state: 'to do'}],
	pods: [],
	replicas: [{name: 'replica-1', state: 'starting', pods: 0}],
	lease: undefined,
	ledger: {pages: 0, entries: 0, lowest: undefined, highest: undefined, lastEntry: undefined, states: new Map()},
	progress: undefined,
};

const server = {name: 'server-0', ports: 'grpc 30558/tcp', replica: 'replica-1', node: 'worker-1', isRunning: true};

test('there are no lines between two equal snapshots', t => {
	t.deepEqual(linesBetween(nothing, nothing), []);
	const something = {...nothing, pods: [server], lease: {holder: 'replica-1', waiters: []}};
	t.deepEqual(linesBetween(something, something), []);
});

test('a Pod is logged once it runs', t => {
	const pending = {...nothing, pods: [{...server, isRunning: false}]};
	t.deepEqual(linesBetween(nothing, pending), []);
	t.deepEqual(linesBetween(pending, {...nothing, pods: [server]}), ['server-0 runs on worker-1 and has grpc 30558/tcp from replica-1']);
});

test('a Pod without ports is logged as such', t => {
	t.deepEqual(linesBetween(nothing, {...nothing, pods: [{...server, ports: '', replica: undefined}]}), ['server-0 runs on worker-1 and has no ports']);
});

test('a replica is logged when it is ready, and when it takes the Lease', t => {
	const held = {...nothing, replicas: [{name: 'replica-1', state: 'ready' as const, pods: 0}], lease: {holder: 'replica-1', waiters: ['replica-2']}};
	t.deepEqual(linesBetween(nothing, held), ['replica-1 is ready', 'Lease: held by replica-1; in line: replica-2']);
	t.deepEqual(linesBetween(held, {...held, lease: {holder: undefined, waiters: []}}), []);
});

test('the ledger is logged when a step is done', t => {
	const done: Snapshot = {
		...nothing,
		steps: [{name: 'samples', state: 'done'}, {name: 'check', state: 'doing'}],
		ledger: {pages: 2, entries: 3, lowest: 30_558, highest: 31_000, lastEntry: '31000.tcp {}', states: new Map([['bound', 2], ['pending', 1]])},
	};
	t.deepEqual(linesBetween(nothing, done), [
		'Ledger: 3 entries in 2 ConfigMaps, ports 30558 to 31000: 2 bound, 1 pending',
		'Ledger: the last entry is 31000.tcp {}',
	]);
});
