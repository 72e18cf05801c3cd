/** Passes over a ledger and a cluster in memory, on a clock that tests advance. */
import test from 'ava';
import type {ExecutionContext} from 'ava';
import {ApiError} from '../../src/errors.ts';
import type {Tenure} from '../../src/lease/lease-lock.ts';
import {Reconciler} from '../../src/reconcile/reconciler.ts';
import type {LedgerEntry} from '../../src/ports/ledger-entry.ts';
import type {Duplicate} from '../../src/ports/repair.ts';
import {gate} from '../helpers/api-in-memory.ts';
import {storedPod} from '../helpers/cluster-in-memory.ts';
import {demandFor, entryWith} from '../helpers/ledger-builders.ts';
import {never, silent} from '../helpers/no-ops.ts';
import {holdMs, startLedger} from '../helpers/start-ledger.ts';

const minIntervalMs = 5000;
const changeDelayMs = 30_000;
const maxIntervalMs = 60_000;
const followUpMs = 15_000;

const untilAborted = async (signal: AbortSignal) => new Promise<void>(resolve => {
	signal.addEventListener('abort', () => resolve(), {once: true});
});

/** An election that the test decides. */
class Election {
	#waiting: PromiseWithResolvers<Tenure> | undefined;
	#term = new AbortController();

	readonly acquire = async (signal: AbortSignal): Promise<Tenure> => {
		this.#waiting = Promise.withResolvers<Tenure>();
		signal.addEventListener('abort', () => this.#waiting?.reject(signal.reason));
		return this.#waiting.promise;
	};

	win(): void {
		this.#term = new AbortController();
		this.#waiting?.resolve({signal: this.#term.signal, soleHolderSince: 0, isHeld: () => true, release() {}});
	}

	lose(): void {
		this.#term.abort(new Error('the Lease was lost'));
	}
}

const setUp = async (t: ExecutionContext, entries: Readonly<Record<string, LedgerEntry>>) => {
	const ledger = await startLedger(entries);
	const {clock, api} = ledger;
	const election = new Election();
	const duplicates: Array<readonly Duplicate[]> = [];
	const unserved: Array<readonly string[]> = [];
	const reconciler = new Reconciler({
		...ledger,
		election,
		logger: silent,
		holdMs,
		ranges: [{first: 30_000, last: 30_999}],
		reportDuplicates: async found => {
			duplicates.push(found);
		},
		reportPodsWithoutPorts: async found => {
			unserved.push(found.map(({pod}) => pod));
		},
	});
	const told = new AbortController();
	const running = reconciler.run(told.signal);
	t.teardown(async () => {
		told.abort(new Error('the test is over'));
		await clock.until(running);
	});
	return {
		...ledger,
		election,
		duplicates,
		unserved,
		stateOf: (key: string) => ledger.entries()[key]?.state,
		get passes() {
			// Services fit into one request; the list of Pods takes several.
			return api.count('GET services');
		},
		/** Wins the election and runs the first pass. */
		lead: async () => {
			election.win();
			await clock.settle();
		},
		/** The same, and runs the second pass, which looks for what happened before the watches began. */
		async leadQuietly() {
			await this.lead();
			await clock.advance(minIntervalMs);
		},
	};
};

const key = '30558.tcp';
const bound = entryWith({pod: 'game/server-0', uid: 'uid-server-0', node: 'worker-1'});
const pending = entryWith({state: 'pending', claim: 'c'});
const quiet = {'30500.tcp': entryWith({pod: 'game/quiet', uid: 'uid-quiet', node: 'worker-1'})};
const quietPod = storedPod('quiet', 30_500);
const foreignPod = storedPod('foreign', 30_901, {managed: false});
const service = (name: string, nodePort: number) => ({metadata: {namespace: 'shop', name}, spec: {ports: [{port: 80, nodePort}]}});

test('nothing happens before the election', async t => {
	const {clock, api} = await setUp(t, {[key]: bound});
	const before = api.requests.length;
	await clock.advance(2 * maxIntervalMs);
	t.is(api.requests.length, before);
});

test('the ledger is read before Pods and Services are listed', async t => {
	const {lead, api} = await setUp(t, {[key]: bound, '31000.tcp': bound});
	api.requests.length = 0;
	await lead();
	const first = ['GET pods', 'GET services'].map(request => api.requests.indexOf(request));
	const lastRead = ['GET hostport-ledger-30500', 'GET hostport-ledger-31000'].map(request => api.requests.indexOf(request));
	t.true(lastRead.every(index => index >= 0) && Math.min(...first) > Math.max(...lastRead), api.requests.join(', '));
});

test('a Pod that is admitted and stored during a pass keeps its port', async t => {
	const test = await setUp(t, {[key]: {...bound, state: 'released'}, ...quiet});
	const {clock, cluster, reservations, stateOf, api} = test;
	cluster.put('Pod', quietPod);
	await test.leadQuietly();
	const {opened, open} = gate();
	await clock.advance(holdMs - minIntervalMs - 1);
	// The admission comes between the list and the commit of the pass that would free the port.
	api.after = async request => request === 'GET pods' ? opened : undefined;
	await clock.advance(1);
	const [port] = await reservations.reserve(demandFor(['grpc'], {pod: 'game/server-0', hasFixedName: true}), never);
	t.is(port, 30_558);
	cluster.put('Pod', storedPod('server-0', 30_558));
	open();
	await clock.settle();
	t.is(stateOf(key), 'pending');
	await clock.advance(changeDelayMs);
	t.is(stateOf(key), 'bound');
});

test('an entry without a Pod is freed after the hold time without any event', async t => {
	const {clock, lead, stateOf} = await setUp(t, {[key]: pending});
	await lead();
	await clock.advance(holdMs - 1);
	t.is(stateOf(key), 'pending');
	await clock.advance(1);
	t.is(stateOf(key), undefined);
});

test('the hold time of a released entry counts from its release', async t => {
	const {clock, cluster, lead, stateOf} = await setUp(t, {[key]: bound});
	const {metadata} = cluster.put('Pod', storedPod('server-0', 30_558));
	await lead();
	await clock.advance(holdMs);
	cluster.remove('Pod', metadata);
	await clock.settle();
	t.is(stateOf(key), 'released');
	await clock.advance(holdMs - 1);
	t.is(stateOf(key), 'released');
	await clock.advance(1);
	t.is(stateOf(key), undefined);
});

for (const list of ['pods', 'services', 'hostport-ledger-30500', 'hostport-ledger']) {
	test(`while ${list} can't be read, nothing is freed and passes are repeated`, async t => {
		const {clock, lead, stateOf, api} = await setUp(t, {[key]: bound, '30559.tcp': pending});
		let tries = 0;
		api.before = request => {
			if (request === `GET ${list}`) {
				tries++;
				throw new Error('no answer');
			}
		};

		await lead();
		await clock.advance(2 * holdMs);
		t.deepEqual([stateOf(key), stateOf('30559.tcp')], ['bound', 'pending']);
		t.true(tries >= 10, `${tries} tries`);
		api.before = () => {};
		await clock.advance(followUpMs);
		t.deepEqual([stateOf(key), stateOf('30559.tcp')], ['released', 'pending']);
	});
}

test('a repair that can\'t be written is planned again', async t => {
	const {clock, cluster, lead, stateOf, api} = await setUp(t, {[key]: bound});
	api.before = request => {
		if (request.startsWith('PATCH')) {
			throw new Error('no answer');
		}
	};

	await lead();
	api.before = () => {};
	cluster.put('Pod', storedPod('server-0', 30_558));
	await clock.advance(minIntervalMs);
	t.is(stateOf(key), 'bound');
});

test('a page that can\'t be written does not keep the others from being repaired, and is tried again, not too often', async t => {
	const test = await setUp(t, {[key]: bound, '31000.tcp': bound});
	const {clock, lead, stateOf, api, metrics} = test;
	api.before = request => {
		if (request === 'PATCH hostport-ledger-30500') {
			throw new ApiError('PATCH', '/hostport-ledger-30500', 422, 'field is immutable when `immutable` is set');
		}
	};

	const startedAt = clock.now();
	await lead();
	t.is(stateOf('31000.tcp'), 'released');
	await clock.advance(20 * 60_000);
	t.deepEqual([stateOf(key), stateOf('31000.tcp')], ['bound', undefined]);
	const passes = Math.floor((clock.now() - startedAt) / followUpMs);
	t.true(test.passes >= passes && test.passes <= passes + 2, `${test.passes} passes`);
	const text = await metrics.registry.metrics();
	t.true(text.includes(`hostport_reconciler_page_failures_total{page="hostport-ledger-30500"} ${test.passes}\n`));
	t.notRegex(text, /page_failures_total\{page="hostport-ledger-31000"/);
	api.before = () => {};
	await clock.advance(followUpMs);
	t.is(stateOf(key), 'released');
});

test('a page that can\'t be read does not keep the others from being repaired, and the gauges keep their last counts', async t => {
	const test = await setUp(t, {[key]: bound, '31000.tcp': {...bound, uid: 'uid-other'}});
	const {clock, cluster, stateOf, api, metrics} = test;
	cluster.put('Pod', storedPod('server-0', 30_558));
	const {metadata} = cluster.put('Pod', storedPod('other', 31_000));
	await test.leadQuietly();
	const gauges = async () => (await metrics.registry.metrics()).split('\n').filter(line => /^hostport_(?:ledger_entries|free_ports)/.test(line));
	const before = await gauges();
	api.before = request => {
		if (request === 'GET hostport-ledger-30500') {
			throw new Error('no answer');
		}
	};

	cluster.remove('Pod', metadata);
	await clock.advance(minIntervalMs);
	t.is(stateOf('31000.tcp'), 'released');
	t.deepEqual(await gauges(), before);
	t.regex(await metrics.registry.metrics(), /page_failures_total\{page="hostport-ledger-30500"\} 1\n/);
});

test('a page whose write takes all the time of a pass is written last in the next one', async t => {
	const {clock, lead, stateOf, api} = await setUp(t, {[key]: bound, '31000.tcp': bound});
	api.before = async (request, signal) => request === 'PATCH hostport-ledger-30500' ? untilAborted(signal) : undefined;
	await lead();
	await clock.advance(60_000);
	t.deepEqual([stateOf(key), stateOf('31000.tcp')], ['bound', 'bound']);
	await clock.advance(maxIntervalMs);
	t.deepEqual([stateOf(key), stateOf('31000.tcp')], ['bound', 'released']);
});

test('a pass that a lost election ends has no failed pages', async t => {
	const {clock, election, lead, metrics, api} = await setUp(t, {[key]: bound, '31000.tcp': bound});
	const {opened, open} = gate();
	api.before = async request => request.startsWith('PATCH') ? opened : undefined;
	await lead();
	election.lose();
	open();
	await clock.settle();
	const text = await metrics.registry.metrics();
	t.notRegex(text, /page_failures_total\{/);
	t.regex(text, /hostport_reconciler_last_success_timestamp_seconds 0\n/);
});

test('the rest after a pass is ten times its length, or its length if it failed', async t => {
	for (const [fails, restMs] of [[false, 20_000], [true, 5000]] as const) {
		const test = await setUp(t, quiet);
		test.cluster.put('Pod', quietPod);
		await test.leadQuietly();
		await test.clock.advance(minIntervalMs);
		test.api.before = async request => {
			if (request === 'GET pods') {
				await test.clock.sleep(2000, never);
				if (fails) {
					throw new Error('no answer');
				}
			}
		};
		test.cluster.put('Pod', foreignPod);
		await test.clock.advance(2000);
		const before = test.passes;
		test.cluster.remove('Pod', foreignPod.metadata);
		await test.clock.advance(restMs - 1);
		t.is(test.passes, before);
		await test.clock.advance(1);
		t.is(test.passes, before + 1);
	}
});

test('ports are repaired before anything is reported', async t => {
	const {lead, stateOf, duplicates, unserved, api} = await setUp(t, {[key]: bound});
	const {opened, open} = gate();
	api.before = async request => request.startsWith('PATCH') ? opened : undefined;
	await lead();
	t.deepEqual([duplicates, unserved], [[], []]);
	open();
	await new Promise(resolve => {
		setImmediate(resolve);
	});
	t.is(stateOf(key), 'released');
	t.is(duplicates.length, 1);
});

test('Pods whose shared port is missing in the ledger are reported by a second pass that follows soon', async t => {
	const test = await setUp(t, quiet);
	test.cluster.putAll('Pod', [quietPod, storedPod('a', 30_558), storedPod('b', 30_558)]);
	await test.leadQuietly();
	await test.clock.advance(followUpMs);
	t.deepEqual(test.duplicates[0], [], 'Annotations alone do not prove that we gave the port.');
	t.is(test.duplicates.at(-1)?.length, 1);
});

test('Pods that ask for ports and have none are counted and reported', async t => {
	const {cluster, lead, metrics, unserved} = await setUp(t, quiet);
	cluster.put('Pod', {...foreignPod, metadata: {...foreignPod.metadata, annotations: {'hostport.io/enabled': 'true'}}});
	await lead();
	t.deepEqual(unserved, [['game/foreign']]);
	t.regex(await metrics.registry.metrics(), /hostport_pods_without_ports 1\n/);
});

test('thousands of events cause few passes', async t => {
	const test = await setUp(t, quiet);
	test.cluster.put('Pod', quietPod);
	await test.leadQuietly();
	test.cluster.put('Pod', foreignPod);
	await test.clock.advance(minIntervalMs);
	const before = test.passes;
	for (let ms = 0; ms < 60_000; ms += 20) {
		if (ms % 40) {
			test.cluster.put('Pod', foreignPod);
		} else {
			test.cluster.remove('Pod', foreignPod.metadata);
		}

		await test.clock.advance(20);
	}

	const passes = test.passes - before;
	t.true(passes >= 10 && passes <= 13, `${passes} passes`);
});

for (const kind of ['Pod', 'Service']) {
	test(`a ${kind} that comes or goes causes a pass soon, and one that changes within half a minute`, async t => {
		const test = await setUp(t, quiet);
		test.cluster.put('Pod', quietPod);
		const other = kind === 'Pod' ? foreignPod : service('other', 30_900);
		test.cluster.put(kind, other);
		await test.leadQuietly();
		await test.clock.advance(60_000);
		const quietly = test.passes;
		test.cluster.patch(kind, other.metadata, {metadata: {labels: {changed: 'true'}}});
		await test.clock.advance(changeDelayMs - 1);
		t.is(test.passes, quietly);
		await test.clock.advance(1);
		t.is(test.passes, quietly + 1);
		await test.clock.advance(60_000);
		for (const change of [() => test.cluster.remove(kind, other.metadata), () => test.cluster.put(kind, other)]) {
			const before = test.passes;
			change();
			await test.clock.advance(minIntervalMs);
			t.is(test.passes, before + 1);
		}
	});
}

test('new Pods with our ports are bound within half a minute by one pass', async t => {
	const test = await setUp(t, quiet);
	test.cluster.put('Pod', quietPod);
	await test.leadQuietly();
	const before = test.passes;
	for (let ms = 0; ms < changeDelayMs; ms += 100) {
		test.cluster.put('Pod', storedPod(`new-${ms}`, 30_600 + ms / 100));
		await test.clock.advance(100);
	}

	t.is(test.passes, before + 1);
});

test('an event that comes during a pass is not lost', async t => {
	const test = await setUp(t, quiet);
	test.cluster.put('Pod', quietPod);
	await test.leadQuietly();
	const before = test.passes;
	const {opened, open} = gate();
	test.api.after = async request => request === 'GET pods' ? opened : undefined;
	await test.clock.advance(maxIntervalMs);
	test.cluster.put('Pod', foreignPod);
	await test.clock.settle();
	open();
	await test.clock.advance(minIntervalMs);
	t.is(test.passes, before + 2);
});

test('without any event there is a pass every minute', async t => {
	const test = await setUp(t, quiet);
	test.cluster.put('Pod', quietPod);
	await test.leadQuietly();
	const before = test.passes;
	await test.clock.advance(2 * maxIntervalMs);
	t.is(test.passes, before + 2);
});

test('a pass follows soon after a watch starts, for events from before', async t => {
	const test = await setUp(t, {[key]: bound});
	const {metadata} = test.cluster.put('Pod', storedPod('server-0', 30_558));
	let isDown = true;
	test.api.before = request => {
		if (isDown && request === 'GET version of pods') {
			throw new Error('no answer');
		}
	};

	await test.leadQuietly();
	await test.clock.advance(20_000);
	test.cluster.remove('Pod', metadata);
	await test.clock.advance(20_000);
	t.is(test.stateOf(key), 'bound');
	isDown = false;
	await test.clock.advance(1000);
	t.is(test.stateOf(key), 'released');
	const before = test.passes;
	test.cluster.put('Pod', foreignPod);
	await test.clock.advance(minIntervalMs);
	t.is(test.passes, before + 1);
});

test('a pass that gets no answer delays the next pass by a minute at most', async t => {
	const test = await setUp(t, {[key]: bound});
	test.api.before = async (request, signal) => request === 'GET pods' ? untilAborted(signal) : undefined;
	await test.lead();
	await test.clock.advance(60_000);
	test.api.before = () => {};
	await test.clock.advance(maxIntervalMs);
	t.is(test.stateOf(key), 'released');
});

test('a pass that is refused is repeated when the API server asks for', async t => {
	const {clock, api, lead} = await setUp(t, {});
	await lead();
	const triedAt: number[] = [];
	api.before = request => {
		if (request === 'GET services') {
			triedAt.push(clock.now());
			throw new ApiError('GET', '/api/v1/services', 429, 'too many requests', 20_000);
		}
	};

	await clock.advance(2 * maxIntervalMs);
	const [first = 0, second] = triedAt;
	t.is(second, first + 20_000);
});

test('a lost election ends the pass before it writes, and clears the gauges', async t => {
	const {clock, cluster, election, metrics, lead, stateOf, api} = await setUp(t, {[key]: bound, '30559.tcp': bound});
	const {metadata} = cluster.put('Pod', storedPod('server-0', 30_558));
	await lead();
	t.is(stateOf('30559.tcp'), 'released');
	t.regex(await metrics.registry.metrics(), /hostport_ledger_entries\{state="bound",range="30000-30999"\} 2\n[^]*hostport_reconciler_last_success_timestamp_seconds [1-9]/);
	const {opened, open} = gate();
	api.after = async request => request === 'GET pods' ? opened : undefined;
	cluster.remove('Pod', metadata);
	await clock.advance(minIntervalMs);
	election.lose();
	open();
	api.after = () => {};
	await clock.advance(maxIntervalMs);
	t.is(stateOf(key), 'bound');
	const text = await metrics.registry.metrics();
	t.notRegex(text, /hostport_ledger_entries\{/);
	t.regex(text, /hostport_reconciler_last_success_timestamp_seconds 0\n/);
	const {length} = api.requests;
	await clock.advance(maxIntervalMs);
	t.is(api.requests.length, length);
});

test('a replica that is elected again counts ages from zero', async t => {
	const {clock, election, lead, stateOf} = await setUp(t, {[key]: pending});
	await lead();
	await clock.advance(holdMs - 1);
	election.lose();
	await clock.advance(holdMs);
	await lead();
	t.is(stateOf(key), 'pending');
	await clock.advance(holdMs - 1);
	t.is(stateOf(key), 'pending');
	await clock.advance(1);
	t.is(stateOf(key), undefined);
});

test('differences are counted, repaired and reported', async t => {
	const {clock, cluster, metrics, duplicates, lead, entries} = await setUp(t, {[key]: pending, '30559.tcp': bound, '30600.tcp': entryWith({state: 'foreign'})});
	cluster.putAll('Pod', [storedPod('a', 30_558), storedPod('b', 30_558), storedPod('c', 30_560), storedPod('proxy', 30_561, {managed: false})]);
	cluster.put('Service', service('web', 30_562));
	await lead();
	await clock.settle();
	t.deepEqual(Object.entries(entries()).map(([key, {state, pod}]) => [key, state, pod]).toSorted(([a = ''], [b = '']) => a.localeCompare(b)), [
		['30558.tcp', 'bound', 'game/a'],
		['30559.tcp', 'released', 'game/server-0'],
		['30560.tcp', 'bound', 'game/c'],
		['30561.tcp', 'foreign', 'game/proxy'],
		['30562.tcp', 'foreign', 'Service shop/web'],
		['30600.tcp', 'released', 'game/other'],
	]);
	const text = await metrics.registry.metrics();
	for (const [reason, count] of Object.entries({bind: 1, release: 2, adopt: 1, foreign: 2})) {
		t.true(text.includes(`hostport_ledger_repairs_total{reason="${reason}"} ${count}\n`), reason);
	}

	t.deepEqual(duplicates.at(-1)?.map(({key, kind, uses, holder}) => [key, kind, holder, uses.map(({pod}) => pod).join()]), [['30558.tcp', 'Pod', 'game/a', 'game/a,game/b']]);
	t.regex(await metrics.registry.metrics(), /hostport_duplicate_ports\{kind="Pod"\} 1\nhostport_duplicate_ports\{kind="NodePort"\} 0\n/);
});
