/** Whether the ledger matches the cluster, some time after the last fault. */
import {parseEntry, parseEntryKey} from '../../../src/ports/ledger-entry.ts';
import type {Stored} from '../../../harness/in-memory-api/kinds.ts';
import type {PodSpec} from '../../../harness/in-memory-api/pod-spec.ts';
import {hostPortKeys} from '../world/pod-requests.ts';
import type {World} from '../world/world.ts';
import {dataOf, isMarked} from './stored-ledger.ts';

/** The reconciler's Lease lasts five times as long as the ledger's, which is at most 5 s here; and 5 s to take it over. */
const electionMs = 5 * 5000 + 5000;
/** The time between two full passes, and a margin for a pass that begins late. */
const passMs = 60_000 + 10_000;
/** The slowest message that was in the network when the faults ended, and a client's timeout after it. */
const leftoversMs = 60_000 + 15_000;

/** How long after the last fault ledger and cluster must agree. The hold time is up to three request timeouts, and two may follow one another. */
export const settlingMs = ({requestTimeoutMs}: World): number =>
	leftoversMs + electionMs + 2 * 3 * requestTimeoutMs * 1.01 + 2 * passMs;

/** Compares once. Call it `settlingMs` after the last fault. */
export const checkAgreement = (world: World): void => {
	const {server, invariants} = world;
	const uidsByKey = portUses(world);
	const pages = [...server.all('ConfigMap')].filter(({metadata}) => metadata.labels?.['hostport.io/ledger'] === 'page');
	const index = [...server.all('ConfigMap')].find(({metadata}) => metadata.name === 'hostport-ledger')?.['data'] as {readonly pages?: string} | undefined;
	for (const page of pages) {
		const isListed = index?.pages?.split(' ').includes(page.metadata.name.split('-').at(-1)!) ?? false;
		if (isMarked(page) && isListed) {
			invariants.violated('ledger and cluster agree', `${page.metadata.name} is still in quarantine`);
		}

		// A quarantined page that the index does not list gives no ports, and the reconciler does not read it: its creator
		// crashed, and the next replica that needs the page will list it.
		for (const [key, text] of isMarked(page) && !isListed ? [] : Object.entries(dataOf(page))) {
			const entry = parseEntry(text);
			const users = uidsByKey.get(key);
			if (typeof entry === 'object' && parseEntryKey(key)) {
				if (!users) {
					invariants.violated('leaked ports are freed', `${key} still has the entry ${text}, and nothing uses the port`);
				} else if (!users.includes(entry.uid ?? '')) {
					invariants.violated('ledger and cluster agree', `${key} has the entry ${text}, but is used by ${users.join(', ')}`);
				}
			}
		}
	}

	for (const key of uidsByKey.keys()) {
		const page = pages.find(page => isOn(page, key));
		if (page && !isMarked(page) && !(key in dataOf(page))) {
			invariants.violated('ledger and cluster agree', `${key} is used and has no entry`);
		}
	}
};

/** The UIDs of the live Pods and of the Services that use each port, by its key in the ledger. */
const portUses = ({server}: World): ReadonlyMap<string, readonly string[]> => {
	const uses = new Map<string, string[]>();
	const add = (key: string, {metadata: {uid}}: Stored) => uses.set(key, [...uses.get(key) ?? [], uid]);
	for (const pod of server.all('Pod')) {
		const {phase = ''} = (pod['status'] ?? {}) as {readonly phase?: string};
		for (const key of ['Succeeded', 'Failed'].includes(phase) ? [] : hostPortKeys(pod['spec'] as PodSpec)) {
			add(key, pod);
		}
	}

	for (const service of server.all('Service')) {
		for (const {nodePort} of (service['spec'] as {ports: Array<{nodePort: number}>}).ports) {
			add(`${nodePort}.tcp`, service);
		}
	}

	return uses;
};

const isOn = ({metadata: {annotations}}: Stored, key: string): boolean => {
	const [first = 0, last = 0] = (annotations?.['hostport.io/ports'] ?? '').split('-').map(Number);
	const {port} = parseEntryKey(key)!;
	return port >= first && port <= last;
};
