import test from 'ava';
import type {RequestOptions} from '../../src/kubernetes/api-client.ts';
import {createNamespaceLabels} from '../../src/kubernetes/namespace-labels.ts';
import {FakeClock} from '../helpers/fake-clock.ts';
import {never, silent} from '../helpers/no-ops.ts';

const lifetimeMs = 10_000;

const setUp = () => {
	const clock = new FakeClock();
	const paths: string[] = [];
	const state = {labels: {team: 'a'} as Record<string, string> | undefined, fails: false};
	const api = {
		async get<T>(path: string, {signal, metadataOnly}: RequestOptions): Promise<T> {
			paths.push(path);
			signal.throwIfAborted();
			if (state.fails || !metadataOnly) {
				throw new Error('no answer');
			}

			return {metadata: {labels: state.labels}} as T;
		},
	};
	return {clock, paths, state, labelsOf: createNamespaceLabels(api, clock, silent)};
};

test('a burst of Pods costs one read for each namespace', async t => {
	const {paths, labelsOf} = setUp();
	const labels = await Promise.all(['game', 'game', 'shop', 'game'].map(async namespace => labelsOf(namespace, never)));
	t.deepEqual(labels, Array.from({length: 4}, () => ({team: 'a'})));
	t.deepEqual(paths, ['/api/v1/namespaces/game', '/api/v1/namespaces/shop']);
});

test('changed labels are read again after ten seconds', async t => {
	const {clock, state, labelsOf} = setUp();
	await labelsOf('game', never);
	state.labels = undefined;
	await clock.advance(lifetimeMs - 1);
	t.deepEqual(await labelsOf('game', never), {team: 'a'});
	await clock.advance(1);
	t.deepEqual(await labelsOf('game', never), {});
});

test('fresh labels are read at once, and cached for others', async t => {
	const {paths, state, labelsOf} = setUp();
	await labelsOf('game', never);
	state.labels = {team: 'b'};
	t.deepEqual(await labelsOf('game', never), {team: 'a'});
	t.deepEqual(await labelsOf('game', never, {fresh: true}), {team: 'b'});
	t.deepEqual(await labelsOf('game', never), {team: 'b'});
	t.is(paths.length, 2);
});

test('labels that can\'t be read count as none, and are read again the next time', async t => {
	const {state, labelsOf} = setUp();
	state.fails = true;
	t.deepEqual(await labelsOf('game', never), {});
	state.fails = false;
	t.deepEqual(await labelsOf('game', never), {team: 'a'});
});

test('an aborted request does not affect the next one', async t => {
	const {labelsOf} = setUp();
	t.deepEqual(await labelsOf('game', AbortSignal.abort()), {});
	t.deepEqual(await labelsOf('game', never), {team: 'a'});
});

test('a hostile name is escaped in the path', async t => {
	const {paths, labelsOf} = setUp();
	await labelsOf('../nodes?x', never);
	t.deepEqual(paths, ['/api/v1/namespaces/..%2Fnodes%3Fx']);
});

test('the cache holds at most 1,000 namespaces', async t => {
	const {paths, labelsOf} = setUp();
	for (let index = 0; index < 1001; index++) {
		await labelsOf(`n-${index}`, never);
	}

	await labelsOf('n-1000', never);
	t.is(paths.length, 1001);
	await labelsOf('n-0', never);
	t.is(paths.length, 1002);
});
