/**
 * `npm run bench:scale`: what a large ledger costs one replica. Synthetic pages on a real control plane; one writer without
 * a Lease, each size with a ledger of its own, in alternating rounds. A commit is that of one Pod with two ports.
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
import {LedgerObjects} from '../src/ledger/ledger-api.ts';
import {LedgerPages} from '../src/ledger/ledger.ts';
import {LedgerStore} from '../src/ledger/reservations.ts';
import {createQuarantine} from '../src/ledger/quarantine.ts';
import {createMetrics} from '../src/metrics.ts';
import {ledgerMetadata} from '../src/ports/ledger-metadata.ts';
import type {PodDemand} from '../src/ports/demand.ts';
import {defaultBlockSize, indexData, indexName} from '../src/ports/ledger-index.ts';
import {planPass} from '../src/ports/repair.ts';
import {median, quantile} from './figures.ts';
import {usageOf} from './process-usage.ts';
import {lowestBenchPort, syntheticEntries, syntheticPages, usesOf} from './synthetic-ledger.ts';

const {values} = parseArgs({options: {
	/** All numbers from 1024 up have three protocols: 193,536 entries fill them. */
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

/** Stores a ledger with so many entries in a namespace of its own. */
const store = async (namespace: string, size: number): Promise<number> => {
	await client.request('POST', '/api/v1/namespaces', {apiVersion: 'v1', kind: 'Namespace', metadata: {name: namespace}});
	const collection = `/api/v1/namespaces/${namespace}/configmaps`;
	const pages = syntheticPages(size, defaultBlockSize);
	for (const {metadata: {name, labels, annotations}, data} of pages) {
		await client.request('POST', collection, {apiVersion: 'v1', kind: 'ConfigMap', metadata: {name, labels, annotations}, data});
		await client.request('PATCH', `${collection}/${name}`, {metadata: {managedFields: [{}]}}, 'application/merge-patch+json');
	}

	const {labels, annotations: {'hostport.io/mark': _mark, ...annotations}} = ledgerMetadata('index', 'Made by the benchmark.');
	const firsts = pages.map(({metadata: {name}}) => Number(name.split('-').at(-1)));
	await client.request('POST', collection, {apiVersion: 'v1', kind: 'ConfigMap', metadata: {name: indexName, labels, annotations}, data: indexData(defaultBlockSize, firsts)});
	return pages.reduce((bytes, {data}) => bytes + JSON.stringify(data).length, 0);
};

const open = async (namespace: string) => {
	const objects = new LedgerObjects(common.api, namespace);
	const quarantine = createQuarantine({...common, objects, namespace, leaseName: 'hostport-ledger', holdMs: 120_000, mintClaim: randomUUID, signal});
	const pages = new LedgerPages({...common, objects, quarantine, metrics: createMetrics()});
	// One writer: it has been alone since it began.
	const aloneSince = systemClock.now();
	const lock = {acquire: async () => ({signal, aloneSince, isHeld: () => true, release() {}})};
	const ledgerStore = new LedgerStore({...common, pages, lock, random: Math.random, mintClaim: randomUUID});
	await pages.open(signal);
	return {pages, ledgerStore};
};

/** Of one Pod that finds its numbers behind everything that the ledger holds of TCP; or, where that is full, of SCTP. */
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
	const {pages, ledgerStore} = await open(namespace);
	await pages.readAll(signal);
	const readMs = performance.now() - startedAt;
	globalThis.gc?.();
	const entries = syntheticEntries(size);
	const passAt = performance.now();
	planPass({pages: pages.known.pages, blockSize: defaultBlockSize, uses: usesOf(entries), sightings: new Map(), now: 0, holdMs: 120_000, since: '2026-11-22T10:00:00Z', mintClaim: () => 'fresh'});
	ledgers.push({size, bytes, pages: pages.known.pages.size, rssMb: (await usageOf(process.pid)).rssMb - before, readMs, passMs: performance.now() - passAt, ledgerStore, commitMs: [] as number[]});
}

for (let round = 0; round < Number(values.rounds); round++) {
	for (const {size, ledgerStore, commitMs} of ledgers) {
		for (let count = 0; count < Number(values.commits) / Number(values.rounds); count++) {
			const startedAt = performance.now();
			await ledgerStore.reserve(demandOf(size), AbortSignal.timeout(10_000));
			commitMs.push(performance.now() - startedAt);
		}
	}
}

lifetime.abort();
console.log('| live entries | pages | MB of JSON | read all, ms | RSS, MB more | plan a pass, ms | commit p50 / p99, ms | p50 against the first |');
console.log('|---:|---:|---:|---:|---:|---:|---:|---:|');
for (const {size, pages, bytes, readMs, rssMb, passMs, commitMs} of ledgers) {
	console.log(`| ${size} | ${pages} | ${(bytes / 2 ** 20).toFixed(1)} | ${readMs.toFixed(0)} | ${rssMb.toFixed(0)} | ${passMs.toFixed(0)} | ${median(commitMs).toFixed(1)} / ${quantile(commitMs, 0.99).toFixed(1)} | ${(median(commitMs) / median(ledgers[0]!.commitMs)).toFixed(2)} |`);
}
