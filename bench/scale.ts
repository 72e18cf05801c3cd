/**
 * `npm run bench:scale`: what a large ledger costs one replica. Synthetic pages on a real control plane, and one writer without
 * a Lease. Each size has a ledger of its own, and the sizes take turns. A commit is for one Pod with two ports.
 */
import {randomUUID} from 'node:crypto';
import process from 'node:process';
import {parseArgs} from 'node:util';
import {pino} from 'pino';
import {startControlPlane} from '../harness/control-plane/start.ts';
import {createKubeClient} from '../harness/kube-client.ts';
import {HttpApiClient} from '../src/kubernetes/http-api-client.ts';
import {systemClock} from '../src/clock.ts';
import {connect} from '../src/kubernetes/credentials.ts';
import {createLedger} from '../src/ledger/create-ledger.ts';
import {createMetrics} from '../src/metrics.ts';
import {ledgerMetadata, schemaBlockSize} from '../src/ports/ledger-metadata.ts';
import type {ConfigMap} from '../src/ports/ledger-metadata.ts';
import {commitMetadata, fieldManager, openingAnnotations} from '../src/ports/ledger-origin.ts';
import type {PodDemand} from '../src/ports/demand.ts';
import {indexData, indexName} from '../src/ports/ledger-index.ts';
import {planPass} from '../src/ports/repair.ts';
import {median, quantile} from './figures.ts';
import {usageOf} from './process-usage.ts';
import {lowestBenchPort, syntheticEntries, syntheticPages, usesOf} from './synthetic-ledger.ts';

const {values} = parseArgs({options: {
	/** 193,536 entries are the maximum: all numbers from 1024 up, with three protocols each. */
	entries: {type: 'string', default: '100,20000,193000'},
	commits: {type: 'string', default: '60'},
	rounds: {type: 'string', default: '3'},
}});
const sizes = values.entries.split(',').map(Number);

await using controlPlane = await startControlPlane({workloads: false, onProgress: line => console.error(line)});
await using client = await createKubeClient(controlPlane.kubeconfigPath);
const connection = await connect(controlPlane.kubeconfigPath, systemClock.now);
using _closing = {[Symbol.dispose]: () => connection.agent.destroy()};
const lifetime = new AbortController();
const {signal} = lifetime;
const logger = pino({level: 'silent'});
const common = {api: new HttpApiClient(connection), clock: systemClock, logger};

/** Stores a ledger with `size` entries in a namespace of its own. Returns the bytes of its pages as JSON. */
const store = async (namespace: string, size: number): Promise<number> => {
	await client.request('POST', '/api/v1/namespaces', {apiVersion: 'v1', kind: 'Namespace', metadata: {name: namespace}});
	const collection = `/api/v1/namespaces/${namespace}/configmaps`;
	/** Stores an index or a page as a replica that has opened it. */
	const storeOpened = async ({metadata: {name, labels, annotations}, data}: Pick<ConfigMap, 'data'> & {readonly metadata: Pick<ConfigMap['metadata'], 'name' | 'labels' | 'annotations'>}) => {
		const {metadata} = await client.request<ConfigMap>('POST', collection, {apiVersion: 'v1', kind: 'ConfigMap', metadata: {name, labels, annotations}, data});
		await client.request('PATCH', `${collection}/${name}?fieldManager=${fieldManager}`, {metadata: commitMetadata(metadata, openingAnnotations(metadata))}, 'application/merge-patch+json');
	};

	const pages = syntheticPages(size, schemaBlockSize);
	for (const page of pages) {
		await storeOpened(page);
	}

	const firsts = pages.map(({metadata: {name}}) => Number(name.split('-').at(-1)));
	await storeOpened({metadata: {name: indexName, ...ledgerMetadata('index', 'Made by the benchmark.')}, data: indexData(firsts)});
	return pages.reduce((bytes, {data}) => bytes + JSON.stringify(data).length, 0);
};

const open = async (namespace: string) => {
	// One writer has been the sole holder since it started.
	const soleHolderSince = systemClock.now();
	const lock = {acquire: async () => ({signal, soleHolderSince, isHeld: () => true, release() {}})};
	const {ledger, newPages, reservations} = createLedger({...common, random: Math.random, mintClaim: randomUUID, metrics: createMetrics(), namespace, holdMs: 120_000, lock, signal});
	await ledger.start(signal);
	return {ledger, newPages, reservations};
};

/** A Pod whose free numbers come after all TCP entries of the ledger; or after all SCTP entries, if TCP is full. */
const demandOf = (size: number): PodDemand => {
	const protocol = size > 2 * (65_536 - lowestBenchPort) ? 'SCTP' : 'TCP';
	return {
		pod: 'game/new- (ReplicaSet new)',
		hasFixedName: false,
		numbers: [{ports: [{name: 'grpc', protocol}]}, {ports: [{name: 'health', protocol}]}],
		basePort: lowestBenchPort,
		maxPort: 65_535,
		strategy: 'Sequential',
		ownPorts: [],
	};
};

const ledgers = [];
for (const size of sizes) {
	const namespace = `ledger-${size}`;
	const bytes = await store(namespace, size);
	globalThis.gc?.();
	const before = (await usageOf(process.pid)).rssMb;
	const startedAt = performance.now();
	const {ledger, newPages, reservations} = await open(namespace);
	await newPages.readAll(signal);
	const readMs = performance.now() - startedAt;
	globalThis.gc?.();
	const entries = syntheticEntries(size);
	const passAt = performance.now();
	planPass({pages: ledger.cache.pages, blockSize: schemaBlockSize, uses: usesOf(entries), sightings: new Map(), now: 0, holdMs: 120_000, since: '2026-11-22T10:00:00Z', mintClaim: () => 'fresh'});
	ledgers.push({size, bytes, pages: ledger.cache.pages.size, rssMb: (await usageOf(process.pid)).rssMb - before, readMs, passMs: performance.now() - passAt, reservations, commitMs: [] as number[]});
}

for (let round = 0; round < Number(values.rounds); round++) {
	for (const {size, reservations, commitMs} of ledgers) {
		for (let count = 0; count < Number(values.commits) / Number(values.rounds); count++) {
			const startedAt = performance.now();
			await reservations.reserve(demandOf(size), AbortSignal.timeout(10_000));
			commitMs.push(performance.now() - startedAt);
		}
	}
}

lifetime.abort();
console.log('| live entries | pages | MB of JSON | read all, ms | RSS, MB more | plan a pass, ms | commit p50 / p99, ms | p50 : first row |');
console.log('|---:|---:|---:|---:|---:|---:|---:|---:|');
for (const {size, pages, bytes, readMs, rssMb, passMs, commitMs} of ledgers) {
	console.log(`| ${size} | ${pages} | ${(bytes / 2 ** 20).toFixed(1)} | ${readMs.toFixed(0)} | ${rssMb.toFixed(0)} | ${passMs.toFixed(0)} | ${median(commitMs).toFixed(1)} / ${quantile(commitMs, 0.99).toFixed(1)} | ${(median(commitMs) / median(ledgers[0]!.commitMs)).toFixed(2)} |`);
}
