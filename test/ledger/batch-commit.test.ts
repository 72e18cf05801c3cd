/** How Pods share commits: who waits for whom, and for how long. */
import test from 'ava';
import {gate} from '../helpers/api-in-memory.ts';
import {demandFor, entryWith, pageObject} from '../helpers/ledger-builders.ts';
import {never} from '../helpers/no-ops.ts';
import {startLedger} from '../helpers/start-ledger.ts';

const names = (count: number): string[] => Array.from({length: count}, (_, index) => `p${index}`);

const setUp = async () => {
	const ledger = await startLedger({'30558.tcp': entryWith()});
	const {clock, store, api} = ledger;
	const create = async () => store.reserve(demandFor(['grpc', 'health']), never);
	const page = 'PATCH hostport-ledger-30500';
	return {
		...ledger,
		create,
		commits: () => api.count(page),
		/** Has a group of so many Pods committed, which arrive while the first of them is. */
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

test('Pods that come one after the other are committed at once', async t => {
	const {clock, create, commits} = await setUp();
	for (let count = 1; count <= 5; count++) {
		const startedAt = clock.now();
		await clock.until(create());
		t.is(clock.now(), startedAt);
		t.is(commits(), count);
	}
});

test('Pods that come while a commit is under way go into the next one together', async t => {
	const {burst, commits} = await setUp();
	await burst(10);
	t.is(commits(), 2);
});

test('after a group, the first of the next waits for the others', async t => {
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
	t.true(clock.now() - startedAt <= 36, 'As soon as all were back and nobody else came.');
});

test('who comes alone after a group waits for 50 ms at most', async t => {
	const {clock, burst, create, commits} = await setUp();
	await burst(40);
	const startedAt = clock.now();
	await clock.until(create());
	t.is(clock.now() - startedAt, 50);
	t.is(commits(), 3);
	await clock.until(create());
	t.is(clock.now() - startedAt, 50, 'And the next one not at all.');
});

test('pages that will soon be needed are made in the background, the more at once the larger the ledger is', async t => {
	const {clock, pages, store, api, configMap} = await startLedger({'30558.tcp': entryWith(), '31100.tcp': entryWith(), '40000.tcp': entryWith()});
	await clock.until(store.reserve(demandFor(names(260), {basePort: 31_000, maxPort: 32_999}), never));
	await clock.settle();
	const isOpen = (first: number) => configMap(`hostport-ledger-${first}`)?.metadata.annotations?.['hostport.io/mark'] === undefined;
	t.is(configMap('hostport-ledger')?.data?.['pages'], '30500 31000 31500 32000 32500 40000', 'As many as there were, but none beyond what was asked for.');
	t.true([31_500, 32_000, 32_500].every(first => isOpen(first)));
	t.is(api.count('GET pods'), 1, 'One list for all.');
	t.is(pages.known.pages.get(31_500)?.unusable, undefined);
});

test('a page that is not half full makes no others', async t => {
	const {clock, store, configMap} = await startLedger({'31000.tcp': entryWith()});
	await clock.until(store.reserve(demandFor(['grpc'], {basePort: 31_000}), never));
	await clock.settle();
	t.is(configMap('hostport-ledger')?.data?.['pages'], '31000');
});

test('while pages can\'t be made in the background, whoever needs one makes it', async t => {
	const {clock, store, api, configMap} = await startLedger({'31000.tcp': entryWith()});
	api.before = request => {
		if (request === 'GET pods') {
			throw new Error('no answer');
		}
	};
	await clock.until(store.reserve(demandFor(names(260), {basePort: 31_000}), never));
	await clock.settle();
	t.is(configMap('hostport-ledger-31500')?.metadata.annotations?.['hostport.io/mark'], 'quarantine');
	api.before = () => {};
	t.deepEqual(await clock.until(store.reserve(demandFor(['a'], {basePort: 32_000}), never)), [32_000]);
});

test('who needs a page that another replica is just opening waits for it', async t => {
	const {clock, cluster, pages, store, configMap} = await startLedger({'30558.tcp': entryWith()});
	const index = configMap('hostport-ledger')!;
	const made = pageObject({first: 31_000, annotations: {'hostport.io/mark': 'quarantine'}});
	cluster.put('ConfigMap', made);
	cluster.put('ConfigMap', {...index, data: {...index.data, pages: '30500 31000'}});
	const demand = demandFor(['grpc'], {basePort: 31_000, maxPort: 31_499});
	const [reserved, previewed] = [store.reserve(demand, never), store.preview(demand, never)];
	await clock.advance(300);
	t.true(await clock.isPending(reserved));
	t.true(await clock.isPending(previewed));
	cluster.put('ConfigMap', pageObject({first: 31_000}));
	t.deepEqual(await clock.until(reserved), [31_000]);
	t.is((await clock.until(previewed)).length, 1);
	t.is(pages.known.pages.get(31_000)?.quarantined, false);
});

test('a page that stays closed is waited for no longer than a second', async t => {
	const {clock, cluster, store, configMap} = await startLedger({'30558.tcp': entryWith()});
	const index = configMap('hostport-ledger')!;
	cluster.put('ConfigMap', pageObject({first: 31_000, annotations: {'hostport.io/mark': 'quarantine'}}));
	cluster.put('ConfigMap', {...index, data: {...index.data, pages: '30500 31000'}});
	const startedAt = clock.now();
	const demand = demandFor(['grpc'], {basePort: 31_000, maxPort: 31_499});
	await t.throwsAsync(clock.until(store.reserve(demand, never)), {message: /it is in quarantine/});
	t.true(clock.now() - startedAt <= 1050);
	await t.throwsAsync(clock.until(store.reserve(demand, never)), {message: /it is in quarantine/});
	t.true(clock.now() - startedAt <= 1100, 'And the next one not at all.');
});
