/** Starts the product's ledger services, as one replica has them, on an in-memory cluster whose ledger has some entries. */
import type {LeaseLock} from '../../src/lease/lease-lock.ts';
import {createLedger} from '../../src/ledger/create-ledger.ts';
import {createMetrics} from '../../src/metrics.ts';
import {ledgerMetadata, schemaBlockSize as blockSize} from '../../src/ports/ledger-metadata.ts';
import type {ConfigMap} from '../../src/ports/ledger-metadata.ts';
import {formatEntry, parseEntry, parseEntryKey} from '../../src/ports/ledger-entry.ts';
import type {LedgerEntry} from '../../src/ports/ledger-entry.ts';
import {indexData, indexName} from '../../src/ports/ledger-index.ts';
import {pageName, pageOfKey} from '../../src/ports/ledger-page.ts';
import {ApiInMemory} from './api-in-memory.ts';
import {ClusterInMemory} from './cluster-in-memory.ts';
import {FakeClock} from './fake-clock.ts';
import {pageObject} from './ledger-builders.ts';
import {never, silent} from './no-ops.ts';

export const holdMs = 120_000;

export {blockSize};

/**
 * Returns the services, the cluster around them, and shortcuts to read and write stored entries. The ledger is loaded and out
 * of quarantine. @param entries by their keys, such as `30558.tcp`.
 */
export const startLedger = async (entries: Readonly<Record<string, LedgerEntry>>) => {
	const clock = new FakeClock();
	const cluster = new ClusterInMemory(clock);
	const api = new ApiInMemory(cluster.server);
	const texts = Object.entries(entries).map(([key, entry]) => [key, formatEntry(entry)] as const);
	const byPage = Map.groupBy(texts, ([key]) => pageOfKey(key, blockSize));
	for (const [first, data] of byPage) {
		cluster.putOpened(pageObject({first, blockSize, data: Object.fromEntries(data)}));
	}

	const {labels} = ledgerMetadata('index', '');
	cluster.putOpened({
		metadata: {name: indexName, labels, annotations: {'hostport.io/schema-version': '1'}},
		data: indexData([...byPage.keys()]),
	});

	let tokens = 0;
	const mintClaim = () => `claim-${++tokens}`;
	const metrics = createMetrics();
	// Without the Lease, the compare-and-swap alone must keep the ledger right.
	const lock: Pick<LeaseLock, 'acquire'> = {acquire: async () => ({signal: never, soleHolderSince: clock.now(), isHeld: () => true, release() {}})};
	const parts = createLedger({api, clock, random: () => 0, mintClaim, logger: silent, metrics, namespace: 'operators', holdMs, lock, signal: never});
	await parts.ledger.start(never);
	return {
		...parts, clock, cluster, api, metrics, mintClaim,
		configMap: (name: string) => cluster.find('ConfigMap', {name}) as ConfigMap | undefined,
		/** The entries of all pages. */
		entries: (): Record<string, LedgerEntry> => Object.fromEntries([...cluster.server.all('ConfigMap')]
			.flatMap(({data}) => Object.entries((data ?? {}) as Record<string, string>))
			.filter(([key]) => parseEntryKey(key))
			.map(([key, text]) => [key, parseEntry(text) as LedgerEntry])),
		/** Writes an entry as another replica would; undefined removes it. */
		write: (key: string, entry: LedgerEntry | undefined) =>
			cluster.patch('ConfigMap', {name: pageName(pageOfKey(key, blockSize))}, {data: {[key]: entry ? formatEntry(entry) : null}}),
	};
};
