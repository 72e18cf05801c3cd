/** Which Pods share a commit, how long a Pod waits for others, and what a page that fails does to the others. */
import test from 'ava';
import {ApiError} from '../../src/errors.ts';
import {maximumBatch, maximumNumbers} from '../../src/ledger/batch-committer.ts';
import type {Metrics} from '../../src/metrics.ts';
import type {PodDemand} from '../../src/ports/demand.ts';
import {gate} from '../helpers/api-in-memory.ts';
import {demandFor, entryWith} from '../helpers/ledger-builders.ts';
import {never} from '../helpers/no-ops.ts';
import {startLedger} from '../helpers/start-ledger.ts';

const setUp = async () => {
	const ledger = await startLedger({'30558.tcp': entryWith()});
	const {clock, reservations, api} = ledger;
	const create = async () => reservations.reserve(demandFor(['grpc', 'health']), never);
	const page = 'PATCH hostport-ledger-30500';
	return {
		...ledger,
		create,
		commits: () => api.count(page),
		/** Commits one Pod, and then a batch of the Pods that arrive meanwhile. */
		burst: async (pods: number) => {
			const {opened, open} = gate();
			api.before = async request => request === page ? opened : undefined;
			const all = [create()];
			await clock.settle();
			all.push(...Array.from({length: pods}, create));
			await clock.settle();
			api.before = () => {};
			open();
			await clock.until(Promise.all(all));
		},
	};
};

test('a Pod that arrives alone is committed at once', async t => {
	const {clock, create, commits} = await setUp();
	for (let count = 1; count <= 5; count++) {
		const startedAt = clock.now();
		await clock.until(create());
		t.is(clock.now(), startedAt);
		t.is(commits(), count);
	}
});

test('Pods that arrive during a commit share the next one', async t => {
	const {burst, commits} = await setUp();
	await burst(10);
	t.is(commits(), 2);
});

test('after a large batch, the first Pod of the next one waits for others', async t => {
	const {clock, burst, create, commits} = await setUp();
	await burst(10);
	const startedAt = clock.now();
	const pods = [];
	for (let count = 0; count < 10; count++) {
		pods.push(create());
		await clock.advance(2);
	}

	await clock.until(Promise.all(pods));
	t.is(commits(), 3);
	t.true(clock.now() - startedAt <= 36, 'It waits until as many have arrived as before, and for a lull.');
});

test('a Pod that arrives alone after a large batch waits for at most 50 ms', async t => {
	const {clock, burst, create, commits} = await setUp();
	await burst(40);
	const startedAt = clock.now();
	await clock.until(create());
	t.is(clock.now() - startedAt, 50);
	t.is(commits(), 3);
	await clock.until(create());
	t.is(clock.now() - startedAt, 50, 'The next one does not wait.');
});

test('a batch has at most 256 Pods', async t => {
	const {burst, commits, metrics, clock, reservations} = await setUp();
	await burst(maximumBatch - 1);
	t.is(commits(), 2);
	const pods = Array.from({length: maximumBatch + 1}, async () => reservations.reserve(demandFor(['grpc'], {basePort: 31_500, maxPort: 31_999}), never));
	await clock.until(Promise.all(pods));
	const {values} = await metrics.batchSize.get();
	t.is(values.find(({labels}) => labels['le'] === maximumBatch)?.value, values.find(({metricName}) => metricName === 'hostport_ledger_batch_size_count')?.value, 'No batch is larger.');
	t.is(maximumBatch, 256);
});

const names = (count: number): string[] => Array.from({length: count}, (_, index) => `p${index}`);

const batches = async ({batchSize}: Metrics): Promise<number> => (await batchSize.get()).values.find(({metricName}) => metricName?.endsWith('_count'))?.value ?? 0;

test('a batch is split where its Pods ask for many numbers, and each Pod is served', async t => {
	const {clock, metrics, reservations} = await startLedger({'10000.tcp': entryWith()});
	const pods = Array.from({length: 30}, async () => reservations.reserve(demandFor(names(100), {basePort: 10_000, maxPort: 16_000}), never));
	const numbers = (await clock.until(Promise.all(pods))).flat();
	t.is(new Set(numbers).size, 3000);
	t.is(await batches(metrics), Math.ceil(30 / Math.floor(maximumNumbers / 100)));
});

test('a Pod that asks for more numbers than a batch has is served alone', async t => {
	const {clock, reservations} = await startLedger({'10000.tcp': entryWith()});
	const large = reservations.reserve(demandFor(names(maximumNumbers + 10), {basePort: 10_000, maxPort: 16_000}), never);
	const small = reservations.reserve(demandFor(['grpc'], {basePort: 10_000, maxPort: 16_000}), never);
	t.is((await clock.until(large)).length, maximumNumbers + 10);
	t.is((await clock.until(small)).length, 1);
});

const fails = (status: number, message: string) => new ApiError('PATCH', '/api/v1/namespaces/operators/configmaps/page', status, message);
const immutable = fails(422, 'data: Forbidden: field is immutable when `immutable` is set');

/** A ledger of two pages in which requests like `failing` fail, until the returned object says otherwise. */
const withFailing = async (failing: string, error: Error) => {
	const ledger = await startLedger({'30500.tcp': entryWith(), '31000.tcp': entryWith()});
	const state = {isFailing: true};
	ledger.api.before = request => {
		if (state.isFailing && request === failing) {
			throw error;
		}
	};
	return {
		...ledger, state,
		create: async (changes: Partial<PodDemand> = {}) => ledger.reservations.reserve(demandFor(['grpc'], {basePort: 30_500, maxPort: 31_499, ...changes}), never),
	};
};

test('of ten Pods in one burst, those of a page that can\'t be written go elsewhere, and the others are served', async t => {
	const {clock, api, create} = await withFailing('PATCH hostport-ledger-30500', immutable);
	const movable = Array.from({length: 5}, async () => create());
	const elsewhere = Array.from({length: 4}, async () => create({basePort: 31_000}));
	const bound = t.throwsAsync(create({maxPort: 30_999}), {name: 'DenialError', code: 503, message: /hostport-ledger-30500 gives none: .*field is immutable/} as object);
	const startedAt = clock.now();
	const numbers = (await clock.until(Promise.all([...movable, ...elsewhere]))).flat();
	await clock.until(bound);
	t.deepEqual(numbers.toSorted((a, b) => a - b), Array.from({length: 9}, (_, index) => 31_001 + index));
	t.true(clock.now() - startedAt < 1000);
	t.is(api.count('PATCH hostport-ledger-30500'), 1);
});

test('a page that can\'t be read does not concern Pods of other pages', async t => {
	const {clock, ledger, create} = await withFailing('GET hostport-ledger-30500', fails(403, 'a policy forbids that'));
	ledger.cache.invalidate(30_500);
	t.deepEqual(await clock.until(create()), [31_001]);
	await t.throwsAsync(clock.until(create({maxPort: 30_999})), {code: 503, message: /a policy forbids that/} as object);
});

test('a page gives ports again within ten seconds after it was mended', async t => {
	const {clock, state, create, ledger} = await withFailing('PATCH hostport-ledger-30500', immutable);
	t.deepEqual(await clock.until(create()), [31_001]);
	state.isFailing = false;
	t.deepEqual(await clock.until(create()), [31_002]);
	await clock.advance(10_000);
	t.deepEqual(await clock.until(create()), [30_501]);
	t.is(ledger.cache.failures.of(30_500), undefined);
});

test('a page that stays broken is tried once in ten seconds', async t => {
	const {clock, api, create} = await withFailing('PATCH hostport-ledger-30500', immutable);
	for (let times = 0; times < 100; times++) {
		await clock.until(create());
		await clock.advance(1000);
	}

	t.is(api.count('PATCH hostport-ledger-30500'), 10);
});

test('a single error 500 moves no Pod', async t => {
	const {clock, api, state, create} = await withFailing('PATCH hostport-ledger-30500', fails(500, 'etcd'));
	api.after = () => {};
	const pod = create();
	await clock.settle();
	state.isFailing = false;
	t.deepEqual(await clock.until(pod), [30_501]);
});

test('errors 500 of one page move Pods that have somewhere else to go, and the others wait', async t => {
	const {clock, state, create} = await withFailing('PATCH hostport-ledger-30500', fails(500, 'etcd'));
	const movable = create();
	const fixed = create({maxPort: 30_999});
	t.deepEqual(await clock.until(movable), [31_001]);
	await clock.advance(2000);
	t.true(await clock.isPending(fixed));
	state.isFailing = false;
	t.deepEqual(await clock.until(fixed), [30_501]);
});

test('an error of the whole API server fails no Pod and leaves no page out', async t => {
	const {clock, state, create, ledger} = await withFailing('PATCH hostport-ledger-30500', fails(503, 'starting'));
	const pod = create();
	await clock.advance(3000);
	t.true(await clock.isPending(pod));
	t.is(ledger.cache.failures.of(30_500), undefined);
	state.isFailing = false;
	t.deepEqual(await clock.until(pod), [30_501]);
});

const expire = (key: string) => ({reason: 'expire', key, judged: entryWith(), next: undefined}) as const;

test('repairs of a page that can\'t be written fail with its reason, and those of other pages are committed', async t => {
	const {clock, reservations, entries} = await withFailing('PATCH hostport-ledger-30500', immutable);
	const failed = t.throwsAsync(reservations.repair([expire('30500.tcp')], never), {message: /immutable/});
	const repaired = reservations.repair([expire('31000.tcp')], never);
	t.deepEqual(await clock.until(repaired), [expire('31000.tcp')]);
	await clock.until(failed);
	t.deepEqual(Object.keys(entries()), ['30500.tcp']);
});

test('a dry run names a page that fails with status 503', async t => {
	const {clock, create, dryRun} = await withFailing('PATCH hostport-ledger-30500', immutable);
	await clock.until(create());
	await t.throwsAsync(clock.until(dryRun(demandFor(['grpc'], {basePort: 30_500, maxPort: 30_999}), never)), {code: 503, message: /immutable/} as object);
	t.deepEqual(await clock.until(dryRun(demandFor(['grpc'], {basePort: 30_500, maxPort: 31_499}), never)), [31_002]);
});
