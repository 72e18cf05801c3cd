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
		/** The Pods that get an Event from a pass with these duplicates. */
		reported: async (...duplicates: readonly Duplicate[]): Promise<string[]> => {
			const before = events().length;
			await report(duplicates, never);
			return events().slice(before).map(({involvedObject}) => involvedObject.name);
		},
	};
};

const use = (name: string, managed = true): HostPortUse =>
	({port: 30_558, protocol: 'TCP', pod: `game/${name}`, uid: `uid-${name}`, node: 'worker-1', portName: 'grpc', managed, given: managed});

const duplicate = (...uses: readonly HostPortUse[]): Duplicate => ({key: '30558.tcp', kind: 'Pod', uses, holder: uses[0]!.pod});

test('each Pod gets an Event that names the others, and the log one line', async t => {
	const {events, logged, reported} = setUp();
	t.deepEqual(await reported(duplicate(use('a'), use('b'), use('c'))), ['a', 'b', 'c']);
	t.like(events()[0], {
		kind: 'Event', type: 'Warning', reason: 'DuplicateHostPort', count: 1,
		metadata: {namespace: 'game', generateName: 'a.'},
		involvedObject: {kind: 'Pod', namespace: 'game', name: 'a', uid: 'uid-a'},
		message: 'host port 30558.tcp is also used by game/b, game/c, and the ledger has it for game/a: delete the other Pod, and its controller creates one with another port',
	});
	t.is(logged.length, 1);
	t.like(logged[0], {level: 50, key: '30558.tcp', holders: 'game/a, game/b, game/c'});
});

test('a duplicate that lasts is reported once', async t => {
	const {logged, reported} = setUp();
	await reported(duplicate(use('a'), use('b')));
	t.deepEqual(await reported(duplicate(use('b'), use('a'))), []);
	t.is(logged.length, 1);
});

test('a duplicate that was gone is reported again', async t => {
	const {reported} = setUp();
	await reported(duplicate(use('a'), use('b')));
	t.deepEqual(await reported(), []);
	t.deepEqual(await reported(duplicate(use('a'), use('b'))), ['a', 'b']);
});

test('a Pod that joins a duplicate is reported, and the others not again', async t => {
	const {reported} = setUp();
	await reported(duplicate(use('a'), use('b')));
	t.deepEqual(await reported(duplicate(use('a'), use('b'), use('c'))), ['c']);
	t.deepEqual(await reported(duplicate(use('a'), use('c'))), []);
});

test('the same Pods on another port are another duplicate', async t => {
	const {reported} = setUp();
	await reported(duplicate(use('a'), use('b')));
	t.deepEqual(await reported(duplicate(use('a'), use('b')), {...duplicate(use('a'), use('b')), key: '30559.tcp'}), ['a', 'b']);
});

test('a Service is named with what to do, and gets no Event', async t => {
	const {events, logged, reported} = setUp();
	const service = {...use('web', false), pod: 'Service shop/web'};
	t.deepEqual(await reported({...duplicate(use('a'), service), kind: 'NodePort'}), ['a']);
	t.regex(events()[0]!.message, /^host port 30558\.tcp is also the NodePort of Service shop\/web, .*: give the Service another nodePort;/);
	t.regex(String(logged[0]?.['msg']), /^a Service has the host port of a Pod as NodePort: give the Service another nodePort;/);
});

test('of many duplicates twenty are logged in each pass, and the others counted', async t => {
	const {logged, reported} = setUp();
	const many = Array.from({length: 25}, (_, index) => ({...duplicate(use('a'), use('b')), key: `${30_000 + index}.tcp`}));
	await reported(...many);
	t.is(logged.length, 21);
	t.is(logged[20]?.['msg'], '5 more host ports are used twice');
});

test('of a thousand Pods a few are named and get Events, ours first', async t => {
	const {events, logged, reported} = setUp();
	const names = await reported(duplicate(...Array.from({length: 1000}, (_, index) => use(`proxy-${index}`, false)), use('ours')));
	t.is(names[0], 'ours');
	t.is(names.length, 20);
	t.regex(events()[1]!.message, /game\/ours, game\/proxy-1, game\/proxy-2, game\/proxy-3, game\/proxy-4, 995 more, and/);
	t.true(JSON.stringify(logged).length < 1000);
});

test('an Event that can\'t be written is logged, and the others are written', async t => {
	const {api, logged, reported} = setUp();
	api.before = () => {
		if (api.requests.length === 1) {
			throw new Error('no answer');
		}
	};

	t.deepEqual(await reported(duplicate(use('a'), use('b'))), ['b']);
	t.deepEqual(logged.map(({level}) => level), [50, 40]);
});
