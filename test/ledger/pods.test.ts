import test from 'ava';
import {listFromPods} from '../../src/ledger/pods.ts';
import {ApiError} from '../../src/errors.ts';
import {storedPod} from '../helpers/cluster-in-memory.ts';
import {never} from '../helpers/opened-ledger.ts';

type Page = {readonly items: ReadonlyArray<ReturnType<typeof storedPod>>; readonly continue?: string} | number;

/** Answers one page after the other; a number is an HTTP status. */
const listing = (...pages: readonly Page[]) => {
	const paths: string[] = [];
	const answers = pages.values();
	return {
		paths,
		async get<T>(path: string): Promise<T> {
			paths.push(path);
			const page = answers.next().value!;
			if (typeof page === 'number') {
				throw new ApiError('GET', path, page, 'no');
			}

			return {metadata: {continue: page.continue}, items: page.items} as T;
		},
	};
};

const names = (pod: ReturnType<typeof storedPod>) => [pod.metadata.name];
const [a, b] = [storedPod('a', 1), storedPod('b', 2)];

test('all pages are read, without a label and as of now', async t => {
	const api = listing({items: [a], continue: 'to=ken'}, {items: [b]});
	t.deepEqual(await listFromPods(api, names, never), ['a', 'b']);
	t.deepEqual(api.paths, ['/api/v1/pods?limit=100', '/api/v1/pods?limit=100&continue=to%3Dken']);
});

test('what is selected is all that is kept', async t => {
	t.deepEqual(await listFromPods(listing({items: [a, b]}), pod => pod === a ? [] : ['x', 'y'], never), ['x', 'y']);
});

test('a list that has expired on the way is read again from its beginning', async t => {
	const api = listing({items: [a], continue: 'old'}, 410, {items: [b], continue: 'new'}, {items: [a]});
	t.deepEqual(await listFromPods(api, names, never), ['b', 'a']);
});

test('a list that expires again and again is given up', async t => {
	await t.throwsAsync(listFromPods(listing(410, 410, 410, 410), names, never), {instanceOf: ApiError, message: /410/});
});

test('a list of which any page fails is none', async t => {
	await t.throwsAsync(listFromPods(listing({items: [a], continue: 'more'}, 500), names, never), {message: /500/});
});
