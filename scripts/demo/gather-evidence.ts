/** What can be said of the outcome, read from the API server when all is over. */
import {hostPortsOf} from '../../src/ports/host-port-use.ts';
import {entryKey} from '../../src/ports/ledger-entry.ts';
import {duplicates, ledgerEntries} from '../../harness/observe.ts';
import type {Killed} from './grow-and-kill.ts';
import {manyWorkers, servers} from './numbers.ts';
import {isRunning, podsOf} from './picture.ts';
import type {Prepared, Stage} from './prepare.ts';
import {countFailedCreations, gameServer, gameWorker, namespace} from './samples.ts';
import type {DemoPod} from './scene.ts';
import type {Evidence} from './verdict.ts';

export const gatherEvidence = async ({signal}: Stage, {cluster: {client}, earlierEntries}: Prepared, kill: Killed | undefined): Promise<Evidence> => {
	// First the Pods, then the ledger: an entry comes before its Pod.
	const {items} = await client.request<{items: DemoPod[]}>('GET', '/api/v1/pods');
	const pods = items.filter(({metadata}) => metadata.namespace === namespace);
	const uses = pods.flatMap(pod => hostPortsOf(pod));
	const entries = await ledgerEntries(client);
	const used = new Set(uses.map(({port, protocol}) => entryKey(port, protocol)));
	const running = (app: string) => podsOf(pods, [app]).filter(pod => isRunning(pod)).length;
	return {
		workers: {running: running(gameWorker), expected: manyWorkers},
		servers: {running: running(gameServer), expected: servers},
		uses,
		// Others may have their own ways with host ports, on a cluster that is not ours.
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
