/** Which Pods share a commit, and how long a Pod waits for others. */
import test from 'ava';
import {maximumBatch} from '../../src/ledger/batch-committer.ts';
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
