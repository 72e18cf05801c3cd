import test from 'ava';
import {pino} from 'pino';
import {createDuplicateReporter} from '../../src/reconcile/duplicate-events.ts';
import type {HostPortUse} from '../../src/ports/host-port-use.ts';
import type {Duplicate} from '../../src/ports/repair.ts';
import {ApiInMemory} from '../helpers/api-in-memory.ts';
import {ClusterInMemory} from '../helpers/cluster-in-memory.ts';
import {FakeClock} from '../helpers/fake-clock.ts';
import {never} from '../helpers/no-ops.ts';

type Event = {readonly reason: string; readonly type: string; readonly message: string; readonly involvedObject: {readonly name: string; readonly uid: string}};

const setUp = () => {
	const clock = new FakeClock();
	const {server} = new ClusterInMemory(clock);
	const api = new ApiInMemory(server);
	const events = () => [...server.all('Event')] as unknown as Event[];
	const logged: Array<Record<string, unknown>> = [];
	const logger = pino({level: 'warn'}, {write: line => logged.push(JSON.parse(line) as Record<string, unknown>)});
	const report = createDuplicateReporter({api, clock, logger, identity: 'replica-1'});
	return {
		api,
		events,
		logged,
		/** The Pods that a pass with these duplicates tells. */
		told: async (...duplicates: readonly Duplicate[]): Promise<string[]> => {
			const before = events().length;
			await report(duplicates, never);
			return events().slice(before).map(({involvedObject}) => involvedObject.name);
		},
	};
};

const use = (name: string, managed = true): HostPortUse =>
	({port: 30_558, protocol: 'TCP', pod: `game/${name}`, uid: `uid-${name}`, node: 'worker-1', portName: 'grpc', managed});

const duplicate = (...uses: readonly HostPortUse[]): Duplicate => ({key: '30558.tcp', uses});

test('each Pod is told by an Event which names the others, and the log by one line', async t => {
	const {events, logged, told} = setUp();
	t.deepEqual(await told(duplicate(use('a'), use('b'), use('c'))), ['a', 'b', 'c']);
	t.like(events()[0], {
		kind: 'Event', type: 'Warning', reason: 'DuplicateHostPort', count: 1,
		metadata: {namespace: 'game', generateName: 'a.'},
		involvedObject: {kind: 'Pod', namespace: 'game', name: 'a', uid: 'uid-a'},
		message: 'host port 30558.tcp is also that of game/b, game/c: delete one of them, and its controller will get another port',
	});
	t.is(logged.length, 1);
	t.like(logged[0], {level: 50, key: '30558.tcp', holders: 'game/a, game/b, game/c'});
});

test('a duplicate that lasts is told once', async t => {
	const {logged, told} = setUp();
	await told(duplicate(use('a'), use('b')));
	t.deepEqual(await told(duplicate(use('b'), use('a'))), []);
	t.is(logged.length, 1);
});

test('a duplicate that was gone is told again', async t => {
	const {told} = setUp();
	await told(duplicate(use('a'), use('b')));
	t.deepEqual(await told(), []);
	t.deepEqual(await told(duplicate(use('a'), use('b'))), ['a', 'b']);
});

test('whoever joins a duplicate is told, and the others not again', async t => {
	const {told} = setUp();
	await told(duplicate(use('a'), use('b')));
	t.deepEqual(await told(duplicate(use('a'), use('b'), use('c'))), ['c']);
	t.deepEqual(await told(duplicate(use('a'), use('c'))), []);
});

test('the same Pods on another port are another duplicate', async t => {
	const {told} = setUp();
	await told(duplicate(use('a'), use('b')));
	t.deepEqual(await told(duplicate(use('a'), use('b')), {key: '30559.tcp', uses: [use('a'), use('b')]}), ['a', 'b']);
});

test('a Service is named, and gets no Event', async t => {
	const {events, told} = setUp();
	t.deepEqual(await told(duplicate(use('a'), {...use('web', false), pod: 'Service shop/web'})), ['a']);
	t.regex(events()[0]!.message, /also that of Service shop\/web:/);
});

test('of a DaemonSet on a thousand nodes a few are named and told, and ours first', async t => {
	const {events, logged, told} = setUp();
	const names = await told(duplicate(...Array.from({length: 1000}, (_, index) => use(`proxy-${index}`, false)), use('ours')));
	t.is(names[0], 'ours');
	t.is(names.length, 20);
	t.regex(events()[1]!.message, /game\/ours, game\/proxy-1, game\/proxy-2, game\/proxy-3, game\/proxy-4, 995 more:/);
	t.true(JSON.stringify(logged).length < 1000);
});

test('an Event that can\'t be written is logged, and the others are', async t => {
	const {api, logged, told} = setUp();
	api.before = () => {
		if (api.requests.length === 1) {
			throw new Error('no answer');
		}
	};

	t.deepEqual(await told(duplicate(use('a'), use('b'))), ['b']);
	t.deepEqual(logged.map(({level}) => level), [50, 40]);
});
