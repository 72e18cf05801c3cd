/** Host ports of Pods that come without the operator, while a burst keeps three replicas busy. */
import {setTimeout as sleep} from 'node:timers/promises';
import test from 'ava';
import {createBurst} from '../../harness/burst.ts';
import {ledgerEntries} from '../../harness/observe.ts';
import {podTemplate} from '../../harness/pod-template.ts';
import {useCluster} from './helpers/cluster.ts';
import {hostPortsOf, podsPath} from './helpers/pods.ts';
import type {Pod} from './helpers/pods.ts';
import {untilTrue} from './helpers/until.ts';

const cluster = useCluster(test, {workloads: false, replicas: 3});

/** A Pod of another author, such as an agent of a node. */
const createForeign = async (port: number): Promise<void> => {
	await cluster().client.request('POST', podsPath('foreign'), {
		apiVersion: 'v1',
		kind: 'Pod',
		metadata: {name: `agent-${port}`},
		spec: {schedulerName: 'none', containers: [{name: 'main', image: 'none', ports: [{containerPort: port, hostPort: port}]}]},
	});
};

/** Asks for one port from this number on, as many times. @returns the numbers. */
const ask = async (port: number, times: number): Promise<Array<number | undefined>> => {
	const pod = podTemplate('ours', port, [{name: 'grpc', containerPort: 9000}]);
	const pods = await Promise.all(Array.from({length: times}, async () => cluster().client.request<Pod>('POST', podsPath('ours'), pod)));
	return pods.flatMap(hostPortsOf);
};

/** Resolves with the milliseconds until the ledger has the port. */
const untilEntered = async (port: number): Promise<number> => {
	const from = performance.now();
	await untilTrue(async () => (await ledgerEntries(cluster().client)).has(`${port}.tcp`), `the entry ${port}.tcp`, 50);
	return performance.now() - from;
};

test.serial('a host port of a foreign Pod is in the ledger soon after its creation, and no replica gives it', async t => {
	const {client, createNamespace, logs} = cluster();
	await Promise.all(['burst', 'foreign', 'ours'].map(async name => createNamespace(name)));
	await untilTrue(() => logs.some(({msg}) => msg === 'reconciling from now on'), 'an elected reconciler');
	const over = new AbortController();
	const burst = createBurst({client, count: Infinity, concurrency: 30, namespaces: ['burst'], basePort: 1024, signal: over.signal});
	try {
		t.deepEqual(await ask(26_000, 1), [26_000]);
		const entered: number[] = [];
		let givenAfterOneSecond = 0;
		for (const port of [26_010, 26_020, 26_030, 26_040, 26_050, 26_060]) {
			await createForeign(port);
			const [ms, atOnce] = await Promise.all([untilEntered(port), sleep(1000).then(async () => ask(port, 3))]);
			entered.push(ms);
			givenAfterOneSecond += atOnce.filter(given => given === port).length;
			t.false((await ask(port, 3)).includes(port));
		}

		t.log(`in the ledger after ${entered.map(ms => ms.toFixed(0)).join(', ')} ms; ${givenAfterOneSecond} of ${entered.length} given one second after the Pod was stored`);
		t.true(logs.some(({msg}) => msg.startsWith('entered ports of new Pods and Services')), 'By its event, before a pass of the reconciler finds it.');

		for (const first of [27_000, 27_500, 28_000]) {
			// The page is created meanwhile.
			await Promise.all([ask(first, 1), createForeign(first + 1)]);
			const ms = await untilEntered(first + 1);
			t.log(`on a page that is being created: after ${ms.toFixed(0)} ms`);
			t.false((await ask(first + 1, 3)).includes(first + 1));
		}
	} finally {
		over.abort();
	}

	const {created, failures, durationMs} = await burst;
	t.log(`meanwhile ${created} other Pods, ${(created / durationMs * 1000).toFixed(0)} in a second`);
	t.deepEqual(failures, []);
	t.is(new Set(logs.filter(({msg}) => msg === 'allocated').map(({identity}) => identity)).size, 3, 'All replicas took part.');
});
