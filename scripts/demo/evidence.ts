/** The facts that the report rests on, read from the API server after the last step. */
import {hostPortsOf} from '../../src/ports/host-port-use.ts';
import type {HostPortUse} from '../../src/ports/host-port-use.ts';
import {entryKey} from '../../src/ports/ledger-entry.ts';
import {duplicates, ledgerEntries} from '../../harness/observe.ts';
import {countFailedCreations, finalWorkerCount, gameServer, gameWorker, namespace, serverCount} from './samples.ts';
import type {KillOutcome} from './scale-and-kill.ts';
import type {Context, Setup} from './set-up.ts';
import {isRunning, podsOf} from './snapshot.ts';
import type {DemoPod} from './state.ts';

export type Evidence = {
	/** Pods of the Deployment. */
	readonly workers: Count;
	/** Pods of the StatefulSet. */
	readonly servers: Count;
	/** Host ports of the demo's live Pods. */
	readonly uses: readonly HostPortUse[];
	/** Ports that several live Pods have, at least one of them the demo's. */
	readonly duplicates: readonly string[];
	readonly missingFromLedger: readonly string[];
	/** How many entries were added during the demo and belong to none of its Pods. */
	readonly leaked: number;
	readonly kill: {
		readonly replica: string;
		readonly podsBefore: number;
		readonly failedCreations: number;
		/** Undefined if no other replica gave ports after the kill. */
		readonly next: {readonly replica: string; readonly afterMs: number} | undefined;
	} | undefined;
};

type Count = {readonly running: number; readonly expected: number};

export const gatherEvidence = async ({signal}: Context, {cluster: {client}, earlierEntries}: Setup, kill: KillOutcome | undefined): Promise<Evidence> => {
	// Pods first, then the ledger: an entry is always written before its Pod.
	const {items} = await client.request<{items: DemoPod[]}>('GET', '/api/v1/pods');
	const pods = items.filter(({metadata}) => metadata.namespace === namespace);
	const uses = pods.flatMap(pod => hostPortsOf(pod));
	const entries = await ledgerEntries(client);
	const used = new Set(uses.map(({port, protocol}) => entryKey(port, protocol)));
	const running = (app: string) => podsOf(pods, [app]).filter(pod => isRunning(pod)).length;
	return {
		workers: {running: running(gameWorker), expected: finalWorkerCount},
		servers: {running: running(gameServer), expected: serverCount},
		uses,
		// A cluster that the demo did not start may have other Pods with equal host ports.
		duplicates: duplicates(items.flatMap(pod => hostPortsOf(pod))).filter(sentence => sentence.includes(`${namespace}/`)),
		missingFromLedger: [...used].filter(key => !entries.has(key)),
		leaked: [...entries.keys()].filter(key => !used.has(key) && !earlierEntries.has(key)).length,
		kill: kill && {
			replica: kill.replica.name,
			podsBefore: kill.podsBefore,
			failedCreations: await countFailedCreations(client, signal),
			next: kill.next && {replica: kill.next.replica, afterMs: kill.next.at - kill.stoppedAt},
		},
	};
};
