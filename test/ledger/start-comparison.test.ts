/** What a starting replica does with pages that may be copies, when no replica ran that knows their latest versions. */
import test from 'ava';
import {ApiError} from '../../src/errors.ts';
import {storedPod} from '../helpers/cluster-in-memory.ts';
import {demandFor, entryWith} from '../helpers/ledger-builders.ts';
import {never} from '../helpers/no-ops.ts';
import {holdMs, startLedger} from '../helpers/start-ledger.ts';

const page = 'hostport-ledger-30500';
const entry = entryWith();
const annotationsOf = ({configMap}: Awaited<ReturnType<typeof startLedger>>, name: string) => configMap(name)?.metadata.annotations ?? {};
const demand = demandFor(['grpc'], {basePort: 30_558, maxPort: 30_999});

const fails = (status: number) => new ApiError('PATCH', `/api/v1/namespaces/operators/configmaps/${page}`, status, 'no');

test('a page that a copy replaced while no replica ran gets the ports of live Pods before the first port is given', async t => {
	const {clock, cluster, load, reservations, entries} = await startLedger({'30500.tcp': entry, '31000.tcp': entry});
	cluster.putAll('Pod', [storedPod('server-0', 30_558), storedPod('server-1', 30_559), storedPod('elsewhere', 31_002)]);
	await clock.until(load(never));
	t.like(entries(), {'30558.tcp': {pod: 'game/server-0', state: 'bound'}, '31002.tcp': {pod: 'game/elsewhere'}});
	t.deepEqual(await clock.until(reservations.reserve(demand, never)), [30_560]);
});

test('nothing is written where the pages have all ports of live Pods, and one list serves all pages', async t => {
	const {clock, cluster, api, load} = await startLedger({'30558.tcp': entry, '31000.tcp': entry});
	cluster.put('Pod', storedPod(entry.pod.replace('game/', ''), 30_558));
	await clock.until(load(never));
	t.deepEqual(api.requests.filter(request => request.startsWith('P')), []);
	t.is(api.count('GET pods'), 1);
});

test('the pages are read before the Pods are listed', async t => {
	const {clock, api, load} = await startLedger({'30558.tcp': entry, '31000.tcp': entry});
	await clock.until(load(never));
	t.true(api.requests.indexOf('GET pods') > Math.max(api.requests.lastIndexOf(`GET ${page}`), api.requests.lastIndexOf('GET hostport-ledger-31000')));
});

test('a page that an earlier release has opened gives ports at once, with a proof and the ports of live Pods', async t => {
	const parts = await startLedger({'30500.tcp': entry});
	const {clock, cluster, load, reservations} = parts;
	for (const name of ['hostport-ledger', page]) {
		cluster.patch('ConfigMap', {name}, {metadata: {annotations: {'hostport.io/opened-as': null}}});
	}

	cluster.put('Pod', storedPod('server-0', 30_558));
	const startedAt = clock.now();
	await clock.until(load(never));
	t.deepEqual(await clock.until(reservations.reserve(demand, never)), [30_559]);
	t.true(clock.now() - startedAt < 1000);
	for (const name of ['hostport-ledger', page]) {
		t.is(annotationsOf(parts, name)['hostport.io/opened-as'], parts.configMap(name)?.metadata.uid);
	}
});

test('a page that was deleted and put back while no replica ran waits for the hold time', async t => {
	const parts = await startLedger({'30500.tcp': entry});
	const {clock, cluster, load, reservations, configMap} = parts;
	const copy = configMap(page)!;
	cluster.remove('ConfigMap', {name: page});
	cluster.put('ConfigMap', copy);
	cluster.put('Pod', storedPod('server-0', 30_558));
	await clock.until(load(never));
	await t.throwsAsync(clock.until(reservations.reserve(demand, never)), {message: /it is in quarantine/});
	await clock.advance(holdMs);
	t.deepEqual(await clock.until(reservations.reserve(demand, never)), [30_559]);
});

test('an index that a copy replaced while no replica ran lists the pages that were opened since', async t => {
	const {clock, cluster, load, configMap, entries} = await startLedger({'30500.tcp': entry, '31000.tcp': entry, '31500.tcp': entry});
	cluster.patch('ConfigMap', {name: 'hostport-ledger'}, {data: {pages: '30500'}});
	cluster.patch('ConfigMap', {name: 'hostport-ledger-31500'}, {metadata: {annotations: {'hostport.io/mark': 'quarantine'}}});
	cluster.put('Pod', storedPod('server-0', 31_001));
	await clock.until(load(never));
	t.is(configMap('hostport-ledger')?.data?.['pages'], '30500 31000', 'The replica that creates a page lists it.');
	t.is(entries()['31001.tcp']?.pod, 'game/server-0');
});

test('a page of another schema is left as it is', async t => {
	const parts = await startLedger({'30500.tcp': entry, '31000.tcp': entry});
	const {clock, cluster, load, api} = parts;
	cluster.patch('ConfigMap', {name: page}, {metadata: {annotations: {'hostport.io/opened-as': null, 'hostport.io/schema-version': '2'}}});
	cluster.put('Pod', storedPod('server-0', 30_558));
	await clock.until(load(never));
	await clock.advance(2 * holdMs);
	t.is(api.count(`PATCH ${page}`), 0);
});

test('a page that another replica writes meanwhile is compared again', async t => {
	const {clock, cluster, api, load, write, entries} = await startLedger({'30500.tcp': entry});
	cluster.put('Pod', storedPod('server-0', 30_558));
	let writes = 0;
	api.before = request => {
		if (request === `PATCH ${page}` && writes < 3) {
			write(`${30_600 + ++writes}.tcp`, entry);
		}
	};
	await clock.until(load(never));
	t.deepEqual(Object.keys(entries()).toSorted(), ['30500.tcp', '30558.tcp', '30601.tcp', '30602.tcp', '30603.tcp']);
});

for (const request of [`GET ${page}`, `PATCH ${page}`]) {
	test(`without ${request} the replica starts, and the page gives no ports until it has been compared`, async t => {
		const {clock, cluster, api, load, reservations, ledger, entries} = await startLedger({'30500.tcp': entry, '31000.tcp': entry});
		cluster.put('Pod', storedPod('server-0', 30_558));
		api.before = other => {
			if (other === request) {
				throw fails(422);
			}
		};
		await clock.until(load(never));
		t.deepEqual(await clock.until(reservations.reserve({...demand, maxPort: 31_499}, never)), [31_001]);
		await clock.advance(30_000);
		await t.throwsAsync(clock.until(reservations.reserve(demand, never)), {message: /it has not been compared with the live Pods/});
		api.before = () => {};
		await clock.advance(10_000);
		t.is(ledger.cache.failures.of(30_500), undefined);
		t.is(entries()['30558.tcp']?.pod, 'game/server-0');
		t.deepEqual(await clock.until(reservations.reserve(demand, never)), [30_559]);
	});
}

test('a page is compared by one task, however often the replica tries to start', async t => {
	const {clock, cluster, api, load} = await startLedger({'30500.tcp': entry, '31000.tcp': entry});
	cluster.put('Pod', storedPod('elsewhere', 31_002));
	api.before = request => {
		if (request === `GET ${page}`) {
			throw fails(422);
		}

		if (request === 'PATCH hostport-ledger-31000') {
			throw fails(503);
		}
	};
	for (let times = 0; times < 5; times++) {
		await t.throwsAsync(clock.until(load(never)), {message: /503/});
	}

	api.before = request => {
		if (request === `GET ${page}`) {
			throw fails(422);
		}
	};
	await clock.until(load(never));
	await clock.advance(1);
	const before = api.count(`GET ${page}`);
	await clock.advance(100_000);
	t.is(api.count(`GET ${page}`) - before, 10);
});

test('a list of Pods that fails is an error of the start', async t => {
	const {clock, api, load} = await startLedger({'30500.tcp': entry});
	api.before = request => {
		if (request === 'GET pods') {
			throw new Error('no answer');
		}
	};
	await t.throwsAsync(clock.until(load(never)), {message: 'no answer'});
});
