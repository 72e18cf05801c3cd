import test from 'ava';
import {ApiError} from '../../src/errors.ts';
import {ApiClient} from '../../src/kubernetes/api-client.ts';
import type {WatchEvent} from '../../src/kubernetes/api-client.ts';
import {never} from '../helpers/no-ops.ts';

type Answer = object | number;

/** Returns its answers in order, whatever the request. A number is the HTTP status of an error. */
class ScriptedClient extends ApiClient {
	override readonly clockSkewMs = 0;
	readonly paths: string[] = [];
	readonly #answers: Iterator<Answer, undefined>;

	constructor(...answers: readonly Answer[]) {
		super();
		this.#answers = answers.values();
	}

	override async get<T>(path: string): Promise<T> {
		this.paths.push(path);
		const answer = this.#answers.next().value;
		if (typeof answer === 'number') {
			throw new ApiError('GET', path, answer, 'no');
		}

		return answer as T;
	}

	override async create<T>(path: string): Promise<T> {
		return this.get(path);
	}

	override async compareAndSwap<T>(path: string): Promise<T> {
		return this.get(path);
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
