import test from 'ava';
import {liveView} from '../../scripts/demo/live-view.ts';
import type {PodRow, Snapshot} from '../../scripts/demo/snapshot.ts';
import {render, widthOf} from '../../scripts/demo/styled-text.ts';

const row = (index: number): PodRow => ({
	name: `game-worker-7d9f8b6c5d-${String(index).padStart(5, '0')}`,
	ports: `game ${30_558 + 2 * index}/udp, query ${30_559 + 2 * index}/udp`,
	replica: `replica-${index % 3 + 1}`,
	node: `worker-${index % 3 + 1}`,
	isRunning: index % 2 === 0,
});

const snapshotWith = (pods: number, changes: Partial<Snapshot> = {}): Snapshot => ({
	elapsedMs: 12_345,
	caption: 'Killed replica-2 with "kill -9" while it held the Lease and 15 of 50 Pods existed. The other replicas continue when the Lease has expired, after 3 s',
	steps: [{name: 'control plane', state: 'done'}, {name: 'samples', state: 'doing'}, {name: 'check', state: 'to do'}],
	pods: Array.from({length: pods}, (_, index) => row(index)),
	replicas: [{name: 'replica-1', state: 'ready', pods: 1}, {name: 'replica-2', state: 'killed', pods: 7}, {name: 'replica-3', state: 'starting', pods: 0}],
	lease: {holder: 'replica-2', waiters: ['replica-1', 'replica-3']},
	ledger: {pages: 1, entries: 104, lowest: 30_558, highest: 30_657, lastEntry: '30657.udp {"pod":"hostport-demo/…"}', states: new Map([['bound', 100], ['pending', 4]])},
	progress: {running: 25, total: 50},
	...changes,
});

const draw = (snapshot: Snapshot, columns: number, rows: number): string[] =>
	liveView(snapshot, {columns, rows}).map(line => render(line, text => text).trimEnd());

test('the live view at 80 columns and 20 rows', t => {
	t.deepEqual(draw(snapshotWith(12), 80, 20), [
		'HostPort Operator  host ports for Pods, never the same one twice          12.3 s',
		'✓ control plane  ▸ samples  · check',
		'',
		'Killed replica-2 with "kill -9" while it held the Lease and 15 of 50 Pods',
		'existed. The other replicas continue when the Lease has expired, after 3 s',
		'',
		'██████████████████████████████░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░  25 of 50 Pods run',
		'',
		'Replicas  replica-1 1 Pod   replica-2 7 Pods, killed   replica-3 starts',
		'Lease     held by replica-2 (dead); in line: replica-1, replica-3',
		'Ledger    104 entries in 1 ConfigMap, ports 30558 to 30657: 100 bound, 4 pending',
		'          30657.udp {"pod":"hostport-demo/…"}',
		'',
		'  POD                       PORTS                            FROM       NODE',
		'  … and 7 more above',
		'○ game-worker-7d9f8…-00007  game 30572/udp, query 30573/udp  replica-2  worker-2',
		'● game-worker-7d9f8…-00008  game 30574/udp, query 30575/udp  replica-3  worker-3',
		'○ game-worker-7d9f8…-00009  game 30576/udp, query 30577/udp  replica-1  worker-1',
		'● game-worker-7d9f8…-00010  game 30578/udp, query 30579/udp  replica-2  worker-2',
		'○ game-worker-7d9f8…-00011  game 30580/udp, query 30581/udp  replica-3  worker-3',
	]);
});

test('the live view before there is a Pod, a Lease or a ledger', t => {
	const early = snapshotWith(0, {caption: 'Starting', lease: undefined, progress: undefined, ledger: {pages: 0, entries: 0, lowest: undefined, highest: undefined, lastEntry: undefined, states: new Map()}});
	t.deepEqual(draw(early, 80, 24).slice(2), [
		'',
		'Starting',
		'',
		'',
		'',
		'',
		'Replicas  replica-1 1 Pod   replica-2 7 Pods, killed   replica-3 starts',
		'Lease     not created yet',
		'Ledger    not created yet',
		'',
		'',
	]);
});

test('the live view is never wider or higher than the terminal', t => {
	for (const columns of [1, 10, 40, 79, 80, 100, 200]) {
		for (const rows of [1, 5, 12, 14, 15, 16, 24, 70]) {
			for (const pods of [0, 1, 2, 3, 52]) {
				const lines = liveView(snapshotWith(pods), {columns, rows});
				t.true(lines.length <= rows, `${lines.length} lines for ${rows} rows`);
				t.true(Math.max(...lines.map(line => widthOf(line))) <= columns, `too wide for ${columns} columns`);
			}
		}
	}
});

test('if not all Pods fit, the newest are shown and the others counted', t => {
	const podsShown = (rows: number) => draw(snapshotWith(10), 100, rows).filter(line => line.includes('game-worker')).length;
	t.is(podsShown(24), 10);
	t.is(podsShown(23), 8);
	t.true(draw(snapshotWith(10), 100, 23).includes('  … and 2 more above'));
	t.is(podsShown(16), 1);
	t.is(podsShown(15), 0);
});
