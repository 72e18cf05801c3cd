import test from 'ava';
import {figureLines, findingLines} from '../../scripts/demo/closing-lines.ts';
import {render} from '../../scripts/demo/text.ts';
import {judge} from '../../scripts/demo/verdict.ts';
import type {Evidence} from '../../scripts/demo/verdict.ts';

const use = (pod: string, port: number) => ({pod, uid: pod, port, protocol: 'TCP' as const, node: 'worker-1', portName: 'grpc', managed: true});

const good: Evidence = {
	workers: {running: 2, expected: 2},
	servers: {running: 1, expected: 1},
	uses: [use('demo/worker-a', 30_558), use('demo/worker-b', 30_559), use('demo/server-0', 30_560)],
	duplicates: [],
	missingFromLedger: [],
	leaked: 0,
	kill: {replica: 'replica-2', podsBefore: 1, failedCreations: 1, next: {replica: 'replica-3', afterMs: 3050}},
};

const failed = (evidence: Evidence): string[] => judge(evidence).filter(({holds}) => !holds).map(({sentence}) => sentence);

test('all is well', t => {
	t.deepEqual(judge(good), [
		{holds: true, sentence: '2 of 2 Pods of the Deployment run, and 1 of 1 of the StatefulSet'},
		{holds: true, sentence: '3 Pods have 3 host ports; none was given twice'},
		{holds: true, sentence: 'the ledger has all 3 of them'},
		{holds: true, sentence: 'replica-2 was killed while it held the Lease, with 1 of 2 Pods there; 1 creation failed and was tried again; replica-3 gave the next ports 3.0 s later'},
	]);
});

const fails = test.macro({
	exec(t, changes: Partial<Evidence>, ...sentences: string[]) {
		t.deepEqual(failed({...good, ...changes}), sentences);
	},
	title: (title = '') => `the verdict is no when ${title}`,
});

test('Pods are missing', fails, {workers: {running: 1, expected: 2}}, '1 of 2 Pods of the Deployment run, and 1 of 1 of the StatefulSet');
test('a port was given twice', fails, {duplicates: ['30558.tcp: demo/a, demo/b']}, '3 Pods have 3 host ports; given twice: 30558.tcp: demo/a, demo/b');
test('a Pod has no ports', fails, {uses: good.uses.slice(1)}, '2 Pods have 2 host ports, 1 has none; none was given twice');
test('the ledger lacks a port', fails, {missingFromLedger: ['30558.tcp']}, 'the ledger lacks 30558.tcp');
test('nobody was killed', fails, {kill: undefined}, 'no replica was killed: the burst was over before one was seen to hold the Lease. Try again');
test('nobody went on', fails, {kill: {...good.kill!, failedCreations: 0, next: undefined}}, 'replica-2 was killed while it held the Lease, with 1 of 2 Pods there; nobody gave ports after that');

test('reservations of creations that failed are no harm', t => {
	t.deepEqual(failed({...good, leaked: 2}), []);
	t.is(judge({...good, leaked: 2})[2]?.sentence, 'the ledger has all 3 of them, and 2 more of creations that failed: they are given back after two minutes');
});

test('sentences are wrapped to the width of the terminal, behind their mark', t => {
	const lines = findingLines([{holds: true, sentence: 'one two three'}, {holds: false, sentence: 'four'}], 10);
	t.deepEqual(lines.map(line => render(line, text => text)), ['✓ one two', '  three', '✗ four']);
});

test('figures say what they count', t => {
	const figures = {cost: {pods: 47, ledgerWrites: 20, leaseWrites: 27}, ready: {afterMs: 4000, bootMs: 3000}, firstPodMs: 6000};
	t.deepEqual(figureLines(figures, Infinity).map(line => render(line, text => text)), [
		'  47 more Pods cost 20 writes of the ledger and 27 of the Lease: 1.0 for each',
		'  The control plane was ready 4.0 s after the start of this command (3.0 s after its own), and the first Pod had its ports after 6.0 s: 1.5 times as long',
	]);
	t.is(render(figureLines({...figures, ready: undefined}, Infinity)[1]!, text => text), '  The first Pod had its ports 6.0 s after the start of this command');
});
