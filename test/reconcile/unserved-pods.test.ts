import test from 'ava';
import {pino} from 'pino';
import {createUnservedPodReporter} from '../../src/reconcile/unserved-pods.ts';
import {ApiInMemory} from '../helpers/api-in-memory.ts';
import {ClusterInMemory} from '../helpers/cluster-in-memory.ts';
import {FakeClock} from '../helpers/fake-clock.ts';
import {never} from '../helpers/no-ops.ts';

const setUp = () => {
	const clock = new FakeClock();
	const {server} = new ClusterInMemory(clock);
	const logged: Array<Record<string, unknown>> = [];
	const logger = pino({level: 'warn'}, {write: line => logged.push(JSON.parse(line) as Record<string, unknown>)});
	const report = createUnservedPodReporter({api: new ApiInMemory(server), clock, logger, identity: 'replica-1'});
	return {
		logged,
		events: () => [...server.all('Event')],
		report: async (...names: readonly string[]) => report(names.map(name => ({pod: `game/${name}`, uid: `uid-${name}`})), never),
	};
};

test('each Pod gets one Event that says what to do, and the log one line with few names', async t => {
	const {events, logged, report} = setUp();
	await report('a', 'b', 'c', 'd', 'e', 'f');
	await report('a', 'b', 'c', 'd', 'e', 'f');
	t.is(events().length, 6);
	t.like(events()[0], {type: 'Warning', reason: 'NoHostPorts', involvedObject: {kind: 'Pod', namespace: 'game', name: 'a', uid: 'uid-a'}});
	t.regex(String(events()[0]?.['message']), /^the Pod asks for host ports and has none, .*kubectl get mutatingwebhookconfigurations .*delete the Pod/);
	t.is(logged.length, 1);
	t.like(logged[0], {level: 40, pods: 'game/a, game/b, game/c, game/d, game/e, 1 more', count: 6});
});

test('a Pod that joins is logged, and no Pod is no line', async t => {
	const {events, logged, report} = setUp();
	await report();
	t.is(logged.length, 0);
	await report('a');
	await report('a', 'b');
	t.deepEqual(logged.map(({pods}) => pods), ['game/a', 'game/b']);
	t.is(events().length, 2);
});
