/** A ledger that is put back from a copy, as backup tools and `kubectl replace` do: ports of live Pods are not given again. */
import test from 'ava';
import type {ExecutionContext} from 'ava';
import {duplicates, hostPorts, missingFromLedger} from '../../harness/observe.ts';
import type {ConfigMap} from '../../src/ports/ledger-metadata.ts';
import {useCluster} from './helpers/cluster.ts';
import {enabled, hostPortsOf, podsPath} from './helpers/pods.ts';
import type {Pod} from './helpers/pods.ts';
import {untilFound} from './helpers/until.ts';

/** Short, so that a test can wait for its end. */
const holdMs = 4000;

const cluster = useCluster(test, {workloads: false, replicas: 2, flags: ['--port-range', '10000-32767', '--hold-time', `${holdMs}ms`, '--api-request-timeout', '1s', '--lease-duration', '1s']});

const configMaps = '/api/v1/namespaces/operators/configmaps';

/** A Pod that may get the numbers of one page, or more if `maxPort` says so. */
const podFrom = (basePort: number, maxPort = basePort + 499) => ({
	apiVersion: 'v1',
	kind: 'Pod',
	metadata: {generateName: 'copy-', annotations: {...enabled, 'hostport.io/base-port': String(basePort), 'hostport.io/max-port': String(maxPort)}},
	spec: {schedulerName: 'none', containers: [{name: 'main', image: 'none', ports: [{name: 'game', containerPort: 7777}]}]},
});

/** Creates Pods, each again until it is admitted, as a controller does. @returns their ports. */
const createPods = async (count: number, basePort: number): Promise<number[]> => Promise.all(Array.from({length: count}, async () => untilFound(async () => {
	const {status, body} = await cluster().client.send<Pod>('POST', podsPath('default'), podFrom(basePort));
	return status === 201 ? hostPortsOf(body)[0] : undefined;
}, `a Pod with a port from ${basePort}`)));

/** Index and page as a backup has them. */
const copyOf = async (names: readonly string[]): Promise<ConfigMap[]> => Promise.all(names.map(async name => {
	const {metadata: {resourceVersion: _, ...metadata}, ...rest} = await cluster().client.request<ConfigMap>('GET', `${configMaps}/${name}`);
	return {...rest, metadata} as ConfigMap;
}));

const replace = async (copies: readonly ConfigMap[]): Promise<void> => {
	for (const copy of copies) {
		await cluster().client.request('PUT', `${configMaps}/${copy.metadata.name}`, copy);
	}
};

const recreate = async (copies: readonly ConfigMap[]): Promise<void> => {
	for (const {metadata: {uid: _, ...metadata}, ...rest} of copies) {
		await cluster().client.request('DELETE', `${configMaps}/${metadata.name}`);
		// A replica that needs the page may have created it meanwhile.
		const {status} = await cluster().client.send('POST', configMaps, {...rest, metadata});
		if (status === 409) {
			await cluster().client.request('PUT', `${configMaps}/${metadata.name}`, {...rest, metadata});
		}
	}
};

const withoutReplicas = async (work: () => Promise<void>): Promise<void> => {
	const {installation} = cluster();
	const names = installation.replicas().map(({name}) => name);
	await Promise.all(installation.replicas().map(async replica => installation.removeReplica(replica, 'SIGKILL')));
	await work();
	await Promise.all(names.map(async name => installation.addReplica(`${name}-again`)));
};

/** Four Pods are created after the copy was made, and four after it was put back. */
const givesNoPortAgain = test.macro(async (t: ExecutionContext, basePort: number, putBack: (copies: readonly ConfigMap[]) => Promise<void>) => {
	const {client} = cluster();
	const before = await createPods(8, basePort);
	const copies = await copyOf(['hostport-ledger', `hostport-ledger-${basePort}`]);
	const since = await createPods(4, basePort);
	await putBack(copies);
	const startedAt = performance.now();
	const after = await createPods(4, basePort);
	const given = new Set([...before, ...since]);
	const again = after.filter(port => given.has(port));
	t.log(`${again.length} of ${after.length} new Pods got a port of a live Pod; they were served after ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
	t.deepEqual(again, []);
	const uses = await hostPorts(client);
	t.deepEqual(duplicates(uses), []);
	t.deepEqual(await missingFromLedger(client, uses), []);
});

test.serial('a copy that replaces index and page gives no port again', givesNoPortAgain, 10_000, replace);
test.serial('a copy that is created after index and page were deleted gives no port again', givesNoPortAgain, 12_000, recreate);
test.serial('a copy that replaces index and page while no replica runs gives no port again', givesNoPortAgain, 14_000, async copies => withoutReplicas(async () => replace(copies)));
test.serial('a copy that is created while no replica runs gives no port again', givesNoPortAgain, 16_000, async copies => withoutReplicas(async () => recreate(copies)));

/** The requests by which tools put a page back. */
const ways: ReadonlyArray<readonly [name: string, putBack: (copy: ConfigMap) => Promise<unknown>]> = [
	['a PUT without managedFields', async ({metadata: {managedFields: _tracked, ...metadata}, ...rest}) => cluster().client.request('PUT', pathOf(metadata), {...rest, metadata})],
	['a PUT that ends the tracking of fields', async ({metadata, ...rest}) => cluster().client.request('PUT', pathOf(metadata), {...rest, metadata: {...metadata, managedFields: [{}]}})],
	['a merge patch', async ({metadata, data}) => cluster().client.request('PATCH', pathOf(metadata), {metadata: {annotations: metadata.annotations}, data}, 'application/merge-patch+json')],
	['a server-side apply', async ({metadata: {name, annotations, labels}, data}) => cluster().client.request('PATCH', `${pathOf({name})}?fieldManager=backup&force=true`, {apiVersion: 'v1', kind: 'ConfigMap', metadata: {name, annotations, labels}, data}, 'application/apply-patch+yaml')],
];

const pathOf = ({name}: {readonly name: string}) => `${configMaps}/${name}`;

test.serial('a page is known as a copy by whatever request it was put back', async t => {
	await Promise.all(ways.map(async ([name, putBack], index) => {
		const basePort = 20_000 + (500 * index);
		const before = await createPods(2, basePort);
		const [copy] = await copyOf([`hostport-ledger-${basePort}`]);
		const since = await createPods(2, basePort);
		await putBack(copy!);
		const after = await createPods(2, basePort);
		const given = new Set([...before, ...since]);
		t.deepEqual(after.filter(port => given.has(port)), [], name);
	}));
	t.deepEqual(duplicates(await hostPorts(cluster().client)), []);
});

test.serial('a page that was made immutable moves its Pods to other pages, and the message says why', async t => {
	const {client} = cluster();
	await createPods(1, 18_000);
	await client.request('PATCH', `${configMaps}/hostport-ledger-18000`, {immutable: true}, 'application/merge-patch+json');
	const answers = await Promise.all([
		...Array.from({length: 9}, async () => client.send<Pod>('POST', podsPath('default'), podFrom(18_000, 18_999))),
		client.send<{message: string}>('POST', podsPath('default'), podFrom(18_000)),
	]);
	const moved = answers.slice(0, 9).map(({status, body}) => [status, Math.floor((hostPortsOf(body as Pod)[0] ?? 0) / 500)]);
	t.deepEqual(moved, Array.from({length: 9}, () => [201, 37]));
	const {status, body} = answers[9]!;
	t.is(status, 503);
	t.regex((body as {message: string}).message, /hostport-ledger-18000 gives none: .*immutable/);
});
