/** Reads the host ports of Pods and the ledger from the API server, and compares them. */
import type {ConfigMap} from '../src/ports/ledger-metadata.ts';
import {hostPortsOf} from '../src/ports/host-port-use.ts';
import type {HostPortUse, StoredPod} from '../src/ports/host-port-use.ts';
import {entryKey, parseEntry} from '../src/ports/ledger-entry.ts';
import type {LedgerEntry} from '../src/ports/ledger-entry.ts';
import type {KubeClient} from './kube-client.ts';

/** The host ports of all live Pods. */
export const hostPorts = async (client: KubeClient): Promise<HostPortUse[]> => {
	const {items} = await client.request<{items: StoredPod[]}>('GET', '/api/v1/pods');
	return items.flatMap(hostPortsOf);
};

/** A line for each port that more than one live Pod has, with the Pods; the aim of the product is that there is none. */
export const duplicates = (uses: readonly HostPortUse[]): string[] =>
	[...Map.groupBy(uses, keyOf)]
		.filter(([, pods]) => pods.length > 1)
		.map(([key, pods]) => `${key}: ${pods.map(({pod}) => pod).join(', ')}`);

/** The text of each entry of the ledger, by its key (`30558.tcp`). */
export const ledgerEntries = async (client: KubeClient): Promise<Map<string, string>> => {
	const {items} = await client.request<{items: ConfigMap[]}>('GET', '/api/v1/namespaces/operators/configmaps?labelSelector=hostport.io/ledger%3Dpage');
	return new Map(items.flatMap(({data}) => Object.entries(data ?? {})));
};

/** The keys of `uses` that the ledger does not hold. */
export const missingFromLedger = async (client: KubeClient, uses: readonly HostPortUse[]): Promise<string[]> => {
	const entries = await ledgerEntries(client);
	return uses.map(keyOf).filter(key => !entries.has(key));
};

/** The entries whose port no live Pod has. */
export const entriesWithoutPod = async (client: KubeClient): Promise<Array<[key: string, text: string]>> => {
	const entries = await ledgerEntries(client);
	const used = new Set((await hostPorts(client)).map(keyOf));
	return [...entries].filter(([key]) => !used.has(key));
};

/** A line for each difference between the ledger and the live Pods. */
export const differences = async (client: KubeClient): Promise<string[]> => {
	const entries = new Map([...await ledgerEntries(client)].map(([key, text]) => [key, parseEntry(text) as LedgerEntry]));
	const uses = new Map((await hostPorts(client)).map(use => [keyOf(use), use]));
	return [
		...[...entries].filter(([key, {state, uid}]) => uses.get(key)?.uid !== uid || state !== 'bound').map(([key, {state, pod}]) => `${key} is ${state} for ${pod}`),
		...[...uses.keys()].filter(key => !entries.has(key)).map(key => `${key} has a Pod and no entry`),
	];
};

const keyOf = ({port, protocol}: HostPortUse): string => entryKey(port, protocol);
