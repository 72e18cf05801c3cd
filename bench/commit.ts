/**
 * `npm run bench:commit`: what one commit of a group costs, by the number of entries in its page and by the way it is
 * written. One writer; medians of milliseconds, and processor milliseconds of API server and etcd for each write.
 */
import {parseArgs} from 'node:util';
import {startControlPlane} from '../scripts/control-plane/start.ts';
import {createKubeClient} from '../scripts/kube-client.ts';
import type {ConfigMap} from '../src/ports/config-map.ts';
import {formatEntry} from '../src/ports/ledger-entry.ts';
import {median, sum} from './figures.ts';
import {usageOf} from './process-usage.ts';
import {syntheticEntries} from './synthetic-ledger.ts';

const {values} = parseArgs({options: {
	entries: {type: 'string', default: '10,100,200,300,500,1000,2000'},
	writes: {type: 'string', default: '60'},
}});
/** As many as a group of twenty Pods with two ports has. */
const changed = 40;

await using controlPlane = await startControlPlane({workloads: false, onProgress: line => console.error(line)});
await using client = await createKubeClient(controlPlane.kubeconfigPath);
const pids = Object.values(controlPlane.processes).map(({pid}) => pid);
const collection = '/api/v1/namespaces/default/configmaps';
const cpuMs = async () => sum((await Promise.all(pids.map(usageOf))).map(({cpuSeconds}) => cpuSeconds)) * 1000;

/** As the product asks for answers. */
const metadataOnly = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';

type Write = (known: ConfigMap, data: Readonly<Record<string, string>>) => Promise<ConfigMap>;
const path = `${collection}/page`;
const ways: Readonly<Record<string, Write>> = {
	'merge patch': async ({metadata: {resourceVersion}}, data) =>
		client.request<ConfigMap>('PATCH', path, {metadata: {resourceVersion}, data}, 'application/merge-patch+json', metadataOnly),
	'strategic patch': async ({metadata: {resourceVersion}}, data) =>
		client.request<ConfigMap>('PATCH', path, {metadata: {resourceVersion}, data}, 'application/strategic-merge-patch+json', metadataOnly),
	put: async (known, data) => {
		const written = {...known, data: {...known.data, ...data}};
		const {metadata} = await client.request<ConfigMap>('PUT', path, written, 'application/json', metadataOnly);
		return {...written, metadata};
	},
	'read, no write': async () => client.request<ConfigMap>('GET', path),
};

console.log(`${'way'.padEnd(18)}${'entries'.padStart(8)}${'p50 ms'.padStart(9)}${'CPU ms'.padStart(9)}`);
for (const count of values.entries.split(',').map(Number)) {
	for (const [name, write] of Object.entries(ways)) {
		const entries = syntheticEntries(count);
		const data = Object.fromEntries(entries.map(([key, entry]) => [key, formatEntry(entry)]));
		await client.request('POST', collection, {apiVersion: 'v1', kind: 'ConfigMap', metadata: {name: 'page'}, data});
		let known = await client.request<ConfigMap>('PATCH', path, {metadata: {managedFields: [{}]}}, 'application/merge-patch+json');
		const samples: number[] = [];
		const before = await cpuMs();
		for (let write_ = 0; write_ < Number(values.writes); write_++) {
			const since = new Date(write_ * 1000).toISOString();
			const change = Object.fromEntries(entries.slice(-changed).map(([key, entry]) => [key, formatEntry({...entry, since})]));
			const sentAt = performance.now();
			known = await write(known, change);
			samples.push(performance.now() - sentAt);
		}

		const cpu = (await cpuMs() - before) / Number(values.writes);
		console.log(`${name.padEnd(18)}${String(count).padStart(8)}${median(samples).toFixed(1).padStart(9)}${cpu.toFixed(1).padStart(9)}`);
		await client.request('DELETE', path);
	}
}
