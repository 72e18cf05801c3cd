import test from 'ava';
import {AnswerTooLongError, ApiError} from '../../src/errors.ts';
import {ApiClient} from '../../src/kubernetes/api-client.ts';
import type {CompareAndSwap, RequestOptions, WatchEvent} from '../../src/kubernetes/api-client.ts';
import {never} from '../helpers/no-ops.ts';

type Answer = object | number | Error;

/** Returns its answers in order, whatever the request. A number is the HTTP status of an error, and errors are thrown. */
class ScriptedClient extends ApiClient {
	override readonly clockSkewMs = 0;
	readonly paths: string[] = [];
	readonly options: RequestOptions[] = [];
	readonly #answers: Iterator<Answer, undefined>;

	constructor(...answers: readonly Answer[]) {
		super();
		this.#answers = answers.values();
	}

	override async get<T>(path: string, options: RequestOptions): Promise<T> {
		this.paths.push(path);
		this.options.push(options);
		const answer = this.#answers.next().value;
		if (typeof answer === 'number') {
			throw new ApiError('GET', path, answer, 'no');
		}

		if (answer instanceof Error) {
			throw answer;
		}

		return answer as T;
	}

	override async create<T>(path: string, _body: unknown, options: RequestOptions): Promise<T> {
		return this.get(path, options);
	}

	override async compareAndSwap<T>(path: string, _patch: CompareAndSwap, options: RequestOptions): Promise<T> {
		return this.get(path, options);
	}

	override async * watch<T>(): AsyncGenerator<WatchEvent<T>> {}
}

const page = (items: readonly string[], token?: string) => ({metadata: {continue: token}, items});
const options = {pageSize: 2, select: (item: string) => [item], signal: never};

test('a list reads all pages, without a selector and without a resourceVersion', async t => {
	const api = new ScriptedClient(page(['a', 'b'], 'to=ken'), page(['c']));
	t.deepEqual(await api.list('/api/v1/pods', options), ['a', 'b', 'c']);
	t.deepEqual(api.paths, ['/api/v1/pods?limit=2', '/api/v1/pods?limit=2&continue=to%3Dken']);
});

test('a list keeps only what is selected', async t => {
	t.deepEqual(await new ScriptedClient(page(['a', 'b'])).list('/api/v1/pods', {...options, select: (item: string) => item === 'a' ? [] : ['x', 'y']}), ['x', 'y']);
});

test('a list whose continue token expires starts again from its first page', async t => {
	const api = new ScriptedClient(page(['a'], 'old'), 410, page(['b'], 'new'), page(['a']));
	t.deepEqual(await api.list('/api/v1/pods', options), ['b', 'a']);
});

test('a list that expires four times in a row fails', async t => {
	await t.throwsAsync(new ScriptedClient(410, 410, 410, 410).list('/api/v1/pods', options), {instanceOf: ApiError, message: /410/});
});

test('a list fails as a whole when one page fails', async t => {
	await t.throwsAsync(new ScriptedClient(page(['a'], 'more'), 500).list('/api/v1/pods', options), {message: /500/});
});

const pageOfPods = (names: readonly string[], token?: string) => page(names.map(name => ({metadata: {namespace: 'game', name}})) as never, token);
const tooLong = new AnswerTooLongError(10);
const podNames = {pageSize: 8, select: ({metadata: {name}}: {readonly metadata: {readonly name: string}}) => [name], signal: never};

test('a list whose answer is too long goes on from the same place with half as many objects, and then with more again', async t => {
	const api = new ScriptedClient(pageOfPods(['a', 'b'], 't1'), tooLong, tooLong, tooLong, pageOfPods(['c'], 't2'), pageOfPods(['d', 'e'], 't3'), pageOfPods(['f'], 't4'), pageOfPods(['g'], 't5'), pageOfPods(['h']));
	t.deepEqual(await api.list('/pods', podNames), ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']);
	t.deepEqual(api.paths.map(path => path.replace('/pods?', '')), [
		'limit=8', 'limit=8&continue=t1', 'limit=4&continue=t1', 'limit=2&continue=t1', 'limit=1&continue=t1',
		'limit=2&continue=t2', 'limit=4&continue=t3', 'limit=8&continue=t4', 'limit=8&continue=t5',
	]);
});

test('an odd number of objects is halved down to one', async t => {
	const api = new ScriptedClient(tooLong, tooLong, pageOfPods(['a']));
	t.deepEqual(await api.list('/pods', {...podNames, pageSize: 5}), ['a']);
	t.deepEqual(api.paths, ['/pods?limit=5', '/pods?limit=2', '/pods?limit=1']);
});

test('an answer with several objects may be shorter than one with a single object', async t => {
	const api = new ScriptedClient(tooLong, pageOfPods(['a'], 't'), pageOfPods(['b']));
	await api.list('/pods', {...podNames, pageSize: 2});
	t.deepEqual(api.options.map(({maximumLength}) => maximumLength), [4 * 1024 * 1024, undefined, 4 * 1024 * 1024]);
});

test('an object that is too long to be read is never skipped: the list fails and names it', async t => {
	const api = new ScriptedClient(pageOfPods(['a'], 't1'), tooLong, pageOfPods(['fat'], 't2'));
	await t.throwsAsync(api.list('/pods', {...podNames, pageSize: 1}), {message: 'game/fat in /pods can\'t be read, because the API server\'s answer is longer than 10 characters: make it smaller, or delete it'});
	t.is(api.paths.at(-1), '/pods?limit=1&continue=t1');
	t.is(api.options.at(-1)?.metadataOnly, 'list');
});

test('find answers undefined for 404 alone', async t => {
	t.is(await new ScriptedClient(404).find('/api/v1/nodes/a', {signal: never}), undefined);
	t.deepEqual(await new ScriptedClient({a: 1}).find('/api/v1/nodes/a', {signal: never}), {a: 1});
	await t.throwsAsync(new ScriptedClient(403).find('/api/v1/nodes/a', {signal: never}), {message: /403/});
});

test('tryCompareAndSwap answers undefined for 404 and 409 alone', async t => {
	const patch = {metadata: {resourceVersion: '1'}};
	t.is(await new ScriptedClient(404).tryCompareAndSwap('/a', patch, {signal: never}), undefined);
	t.is(await new ScriptedClient(409).tryCompareAndSwap('/a', patch, {signal: never}), undefined);
	await t.throwsAsync(new ScriptedClient(422).tryCompareAndSwap('/a', patch, {signal: never}), {message: /422/});
});
