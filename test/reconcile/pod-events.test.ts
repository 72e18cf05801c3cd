import test from 'ava';
import {pino} from 'pino';
import {createPodEvents} from '../../src/reconcile/pod-events.ts';
import type {PodEvent} from '../../src/reconcile/pod-events.ts';
import {ApiInMemory} from '../helpers/api-in-memory.ts';
import {ClusterInMemory} from '../helpers/cluster-in-memory.ts';
import {FakeClock} from '../helpers/fake-clock.ts';
import {never} from '../helpers/no-ops.ts';

const setUp = () => {
	const clock = new FakeClock();
	const {server} = new ClusterInMemory(clock);
	const api = new ApiInMemory(server);
	const logged: Array<Record<string, unknown>> = [];
	const logger = pino({level: 'warn'}, {write: line => logged.push(JSON.parse(line) as Record<string, unknown>)});
	return {clock, api, logged, write: createPodEvents({api, clock, logger, identity: 'replica-1'}, 'NoHostPorts'), count: () => api.count('POST events')};
};

const event = (name: string, about = ''): PodEvent => ({pod: `game/${name}`, uid: `uid-${name}`, about, message: () => 'delete it'});
const eventsOf = (count: number): PodEvent[] => Array.from({length: count}, (_, index) => event(`a-${index}`));

test('of many Events fifty are written in each pass, and the rest in the next ones', async t => {
	const {write, count} = setUp();
	for (const expected of [50, 100, 120, 120]) {
		await write(eventsOf(120), never);
		t.is(count(), expected);
	}
});

test('an Event is written again if its cause was gone in between, or for another cause', async t => {
	const {write, count} = setUp();
	await write([event('a')], never);
	await write([event('a', 'other')], never);
	t.is(count(), 2);
	await write([event('a')], never);
	t.is(count(), 3);
});

test('Events take at most five seconds of a pass, and the rest follows in the next one', async t => {
	const {clock, api, write, count} = setUp();
	const startedAt = clock.now();
	api.before = async () => clock.sleep(2000, never);
	await clock.until(write(eventsOf(10), never));
	t.is(clock.now() - startedAt, 5000);
	t.is(count(), 3);
	await clock.until(write(eventsOf(10), never));
	t.is(count(), 6);
});

test('Events that can\'t be written are tried once, and logged in one line with few names', async t => {
	const {api, logged, write, count} = setUp();
	api.before = () => {
		throw new Error('forbidden');
	};

	await write(eventsOf(30), never);
	await write(eventsOf(30), never);
	t.is(count(), 30);
	t.is(logged.length, 1);
	t.like(logged[0], {level: 40, pods: 'game/a-0, game/a-1, game/a-2, game/a-3, game/a-4, 25 more', msg: 'Events NoHostPorts could not be written'});
});

test('nothing is written once the pass is over', async t => {
	const {write, count} = setUp();
	await write(eventsOf(3), AbortSignal.abort(new Error('the Lease was lost')));
	t.is(count(), 0);
});
