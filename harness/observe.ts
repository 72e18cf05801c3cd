/** What a cluster says of host ports and of the ledger, read anew: the demo's last word, and the tests'. */
import type {ConfigMap} from '../src/ports/ledger-metadata.ts';
import {hostPortsOf} from '../src/ports/host-port-use.ts';
import type {HostPortUse, StoredPod} from '../src/ports/host-port-use.ts';
import {parseEntry} from '../src/ports/ledger-entry.ts';
import type {LedgerEntry} from '../src/ports/ledger-entry.ts';
import type {KubeClient} from './kube-client.ts';

/** Host ports of all live Pods. */
export const hostPorts = async (client: KubeClient): Promise<HostPortUse[]> => {
	const {items} = await client.request<{items: StoredPod[]}>('GET', '/api/v1/pods');
	return items.flatMap(hostPortsOf);
};

/** Ports that more than one live Pod has, with the Pods. */
export const duplicates = (uses: readonly HostPortUse[]): string[] =>
	[...Map.groupBy(uses, ({port, protocol}) => `${port}.${protocol.toLowerCase()}`)]
		.filter(([, pods]) => pods.length > 1)
		.map(([key, pods]) => `${key}: ${pods.map(({pod}) => pod).join(', ')}`);

/** The entries of all pages of the ledger, by key. */
export const ledgerEntries = async (client: KubeClient): Promise<Map<string, string>> => {
	const {items} = await client.request<{items: ConfigMap[]}>('GET', '/api/v1/namespaces/operators/configmaps?labelSelector=hostport.io/ledger%3Dpage');
	return new Map(items.flatMap(({data}) => Object.entries(data ?? {})));
};

/** Ports of live Pods that the ledger does not hold. */
export const missingFromLedger = async (client: KubeClient, uses: readonly HostPortUse[]): Promise<string[]> => {
	const entries = await ledgerEntries(client);
	return uses.map(({port, protocol}) => `${port}.${protocol.toLowerCase()}`).filter(key => !entries.has(key));
};

/** Where ledger and live Pods differ, in words; nothing once the ledger has caught up with the cluster. */
export const differences = async (client: KubeClient): Promise<string[]> => {
	const entries = new Map([...await ledgerEntries(client)].map(([key, text]) => [key, parseEntry(text) as LedgerEntry]));
	const uses = new Map((await hostPorts(client)).map(use => [`${use.port}.${use.protocol.toLowerCase()}`, use]));
	return [
		...[...entries].filter(([key, {state, uid}]) => uses.get(key)?.uid !== uid || state !== 'bound').map(([key, {state, pod}]) => `${key} is ${state} for ${pod}`),
		...[...uses.keys()].filter(key => !entries.has(key)).map(key => `${key} has a Pod and no entry`),
	];
};
