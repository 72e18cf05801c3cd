import test from 'ava';
import type {Evidence} from '../../scripts/demo/evidence.ts';
import {figureLines, findingLines, findingsOf} from '../../scripts/demo/report.ts';
import {render} from '../../scripts/demo/styled-text.ts';

const use = (pod: string, port: number) => ({pod, uid: pod, port, protocol: 'TCP' as const, node: 'worker-1', portName: 'grpc', managed: true, given: true});

const good: Evidence = {
	workers: {running: 2, expected: 2},
	servers: {running: 1, expected: 1},
	uses: [use('demo/worker-a', 30_558), use('demo/worker-b', 30_559), use('demo/server-0', 30_560)],
	duplicates: [],
	missingFromLedger: [],
	leaked: 0,
	kill: {replica: 'replica-2', podsBefore: 1, failedCreations: 1, next: {replica: 'replica-3', afterMs: 3050}},
};

const failed = (evidence: Evidence): string[] => findingsOf(evidence).filter(({holds}) => !holds).map(({sentence}) => sentence);

test('every finding holds', t => {
	t.deepEqual(findingsOf(good), [
		{holds: true, sentence: '2 of 2 Pods of the Deployment run, and 1 of 1 of the StatefulSet'},
		{holds: true, sentence: '3 Pods have 3 host ports; no port was given twice'},
		{holds: true, sentence: 'the ledger has all 3 ports'},
		{holds: true, sentence: 'replica-2 was killed while it held the Lease and 1 of 2 Pods existed; 1 creation failed and was tried again; replica-3 gave the next ports 3.0 s later'},
	]);
});

const fails = test.macro({
	exec(t, changes: Partial<Evidence>, ...sentences: string[]) {
		t.deepEqual(failed({...good, ...changes}), sentences);
	},
	title: (title = '') => `a finding does not hold if ${title}`,
});

test('Pods do not run', fails, {workers: {running: 1, expected: 2}}, '1 of 2 Pods of the Deployment run, and 1 of 1 of the StatefulSet');
test('a port was given twice', fails, {duplicates: ['30558.tcp: demo/a, demo/b']}, '3 Pods have 3 host ports; given twice: 30558.tcp: demo/a, demo/b');
test('a Pod has no ports', fails, {uses: good.uses.slice(1)}, '2 Pods have 2 host ports, 1 has none; no port was given twice');
test('the ledger lacks a port', fails, {missingFromLedger: ['30558.tcp']}, 'the ledger does not have 30558.tcp');
test('no replica was killed', fails, {kill: undefined}, 'no replica was killed: all Pods existed before one was seen to hold the Lease. Try again');
test('no other replica continued', fails, {kill: {...good.kill!, failedCreations: 0, next: undefined}}, 'replica-2 was killed while it held the Lease and 1 of 2 Pods existed; no other replica gave ports after that');

test('reservations of failed creations are no failure', t => {
	t.deepEqual(failed({...good, leaked: 2}), []);
	t.is(findingsOf({...good, leaked: 2})[2]?.sentence, 'the ledger has all 3 ports, and 2 more from creations that failed: they become free after two minutes');
});

test('findings are wrapped to the width of the terminal', t => {
	const lines = findingLines([{holds: true, sentence: 'one two three'}, {holds: false, sentence: 'four'}], 10);
	t.deepEqual(lines.map(line => render(line, text => text)), ['✓ one two', '  three', '✗ four']);
});

test('figures name what they count', t => {
	const figures = {writes: {pods: 47, ledger: 20, lease: 27}, ready: {afterMs: 4000, bootMs: 3000}, firstPodMs: 6000};
	t.deepEqual(figureLines(figures, Infinity).map(line => render(line, text => text)), [
		'  47 more Pods took 20 writes of the ledger and 27 of the Lease: 1.0 for each Pod',
		'  The control plane was ready 4.0 s after the start of this command (3.0 s after the start of etcd). The first Pod had its ports after 6.0 s: 1.5 times as long',
	]);
	t.is(render(figureLines({...figures, ready: undefined}, Infinity)[1]!, text => text), '  The first Pod had its ports 6.0 s after the start of this command');
});
