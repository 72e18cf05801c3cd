import test from 'ava';
import {linesBetween} from '../../scripts/demo/log-lines.ts';
import type {Picture} from '../../scripts/demo/picture.ts';

const nothing: Picture = {
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

test('between two equal pictures nothing has happened', t => {
	t.deepEqual(linesBetween(nothing, nothing), []);
	const something = {...nothing, pods: [server], lease: {holder: 'replica-1', waiters: []}};
	t.deepEqual(linesBetween(something, something), []);
});

test('a Pod is told once it runs', t => {
	const pending = {...nothing, pods: [{...server, isRunning: false}]};
	t.deepEqual(linesBetween(nothing, pending), []);
	t.deepEqual(linesBetween(pending, {...nothing, pods: [server]}), ['server-0 runs on worker-1 and has grpc 30558/tcp from replica-1']);
});

test('a Pod without ports is told as such', t => {
	t.deepEqual(linesBetween(nothing, {...nothing, pods: [{...server, ports: '', replica: undefined}]}), ['server-0 runs on worker-1 and has no ports']);
});

test('a replica that is ready, and the Lease when somebody takes it', t => {
	const held = {...nothing, replicas: [{name: 'replica-1', state: 'ready' as const, pods: 0}], lease: {holder: 'replica-1', waiters: ['replica-2']}};
	t.deepEqual(linesBetween(nothing, held), ['replica-1 is ready', 'Lease: held by replica-1; in line: replica-2']);
	t.deepEqual(linesBetween(held, {...held, lease: {holder: undefined, waiters: []}}), []);
});

test('the ledger is told when a step is done', t => {
	const done: Picture = {
		...nothing,
		steps: [{name: 'samples', state: 'done'}, {name: 'check', state: 'doing'}],
		ledger: {pages: 2, entries: 3, lowest: 30_558, highest: 31_000, lastEntry: '31000.tcp {}', states: new Map([['bound', 2], ['pending', 1]])},
	};
	t.deepEqual(linesBetween(nothing, done), [
		'Ledger: 3 entries in 2 ConfigMaps, ports 30558 to 31000: 2 bound, 1 pending',
		'Ledger: the last of them is 31000.tcp {}',
	]);
});
