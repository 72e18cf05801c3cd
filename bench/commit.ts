/**
 * `npm run bench:commit`: what one commit of a batch costs, for each way to write a page, by the number of entries in the page.
 * One writer; the ways take turns. Prints the median latency, processor time of API server and etcd for each write, and the
 * size of the stored page as JSON.
 */
import {parseArgs} from 'node:util';
import {startControlPlane} from '../harness/control-plane/start.ts';
import {createKubeClient} from '../harness/kube-client.ts';
import type {ConfigMap} from '../src/ports/ledger-metadata.ts';
import {commitMetadata} from '../src/ports/ledger-origin.ts';
import {formatEntry} from '../src/ports/ledger-entry.ts';
import type {LedgerEntry} from '../src/ports/ledger-entry.ts';
import {median, sum} from './figures.ts';
import {usageOf} from './process-usage.ts';
import {syntheticEntries} from './synthetic-ledger.ts';

const {values} = parseArgs({options: {
	entries: {type: 'string', default: '10,100,200,300,500,1000,2000'},
	writes: {type: 'string', default: '90'},
}});
/** Entries that a batch of twenty Pods with two ports changes. */
const changed = 40;

await using controlPlane = await startControlPlane({workloads: false, onProgress: line => console.error(line)});
await using client = await createKubeClient(controlPlane.kubeconfigPath);
const pids = Object.values(controlPlane.processes).map(({pid}) => pid);
const collection = '/api/v1/namespaces/default/configmaps';
const cpuMs = async () => sum((await Promise.all(pids.map(usageOf))).map(({cpuSeconds}) => cpuSeconds)) * 1000;

/** The content type of answers that the product asks for. */
const metadataOnly = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';

type Write = (known: ConfigMap, data: Readonly<Record<string, string>>) => Promise<ConfigMap>;
type Way = {
	readonly write: Write;
	/** Default: the ledger's format. */
	readonly format?: (entry: LedgerEntry) => string;
	/** Whether the API server tracks who changed which fields (`managedFields`). */
	readonly isTracked?: true;
};

const patchAs = (contentType: string): Write => async ({metadata: {name, resourceVersion}}, data) =>
	client.request<ConfigMap>('PATCH', `${collection}/${name}`, {metadata: {resourceVersion}, data}, contentType, metadataOnly);
const strategicPatch = patchAs('application/strategic-merge-patch+json');

/** An entry as columns. The Pod comes last, because it may contain blanks. */
const asColumns = ({pod, portName, state, uid = '-', node = '-', claim, since}: LedgerEntry): string => [state, portName, node, since, uid, claim, pod].join(' ');

const ways: Readonly<Record<string, Way>> = {
	'merge patch': {write: patchAs('application/merge-patch+json')},
	'strategic patch': {write: strategicPatch},
	'the same, fields tracked': {write: strategicPatch, isTracked: true},
	'the same, one field tracked': {
		write: async ({metadata}, data) =>
			client.request<ConfigMap>('PATCH', `${collection}/${metadata.name}`, {metadata: commitMetadata(metadata), data}, 'application/strategic-merge-patch+json', metadataOnly),
		isTracked: true,
	},
	'the same, columns': {write: strategicPatch, format: asColumns},
	put: {
		async write(known, data) {
			const written = {...known, data: {...known.data, ...data}};
			const {metadata} = await client.request<ConfigMap>('PUT', `${collection}/${known.metadata.name}`, written, 'application/json', metadataOnly);
			return {...written, metadata};
		},
	},
	'read, no write': {write: async ({metadata: {name}}) => client.request<ConfigMap>('GET', `${collection}/${name}`)},
};

type Run = Way & {readonly name: string; readonly format: (entry: LedgerEntry) => string; known: ConfigMap; readonly samples: number[]; cpuMs: number};

/** Stores a page as the ledger creates it, for one way to write it. */
const begin = async ([name, way]: readonly [string, Way], entries: Entries): Promise<Run> => {
	const {format = formatEntry, isTracked} = way;
	const page = {apiVersion: 'v1', kind: 'ConfigMap', metadata: {name: name.replaceAll(/[^a-z]+/g, '-')}, data: dataOf(entries, format)};
	await client.send('DELETE', `${collection}/${page.metadata.name}`);
	const created = await client.request<ConfigMap>('POST', collection, page);
	const known = isTracked ? created : await client.request<ConfigMap>('PATCH', `${collection}/${page.metadata.name}`, {metadata: {managedFields: [{}]}}, 'application/merge-patch+json');
	return {...way, name, format, known, samples: [], cpuMs: 0};
};

type Entries = ReadonlyArray<readonly [key: string, entry: LedgerEntry]>;

const dataOf = (entries: Entries, format: (entry: LedgerEntry) => string) => Object.fromEntries(entries.map(([key, entry]) => [key, format(entry)]));

const rounds = 3;
const writesEach = Math.ceil(Number(values.writes) / rounds);
console.log(`${'way'.padEnd(26)}${'entries'.padStart(8)}${'p50 ms'.padStart(9)}${'CPU ms'.padStart(9)}${'KB'.padStart(7)}`);
for (const count of values.entries.split(',').map(Number)) {
	const entries = syntheticEntries(count);
	const runs = await Promise.all(Object.entries(ways).map(async way => begin(way, entries)));
	for (let round = 0; round < rounds; round++) {
		for (const run of runs) {
			const before = await cpuMs();
			for (let index = 0; index < writesEach; index++) {
				const since = new Date((round * writesEach + index) * 1000).toISOString();
				const change = dataOf(entries.slice(-changed).map(([key, entry]) => [key, {...entry, since}]), run.format);
				const sentAt = performance.now();
				run.known = await run.write(run.known, change);
				run.samples.push(performance.now() - sentAt);
			}

			run.cpuMs += await cpuMs() - before;
		}
	}

	for (const {name, samples, cpuMs: spentMs, known} of runs) {
		const {length} = JSON.stringify(await client.request('GET', `${collection}/${known.metadata.name}`));
		console.log(`${name.padEnd(26)}${String(count).padStart(8)}${median(samples).toFixed(1).padStart(9)}${(spentMs / samples.length).toFixed(1).padStart(9)}${(length / 1000).toFixed(1).padStart(7)}`);
	}
}
