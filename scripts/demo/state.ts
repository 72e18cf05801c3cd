/** What the demo has observed so far. Watches and logs fill it in; `snapshot.ts` sums it up for the outputs. */
import type {LeaseRecord} from '../../src/lease/lease-record.ts';
import type {ConfigMap} from '../../src/ports/ledger-metadata.ts';
import type {StoredPod} from '../../src/ports/host-port-use.ts';
import type {LogLine} from '../../harness/replica.ts';

export const steps = ['control plane', 'three replicas', 'samples', '50 Pods and a kill', 'check'] as const;

export type DemoPod = StoredPod & {
	readonly metadata: {
		readonly resourceVersion: string;
		readonly generateName?: string;
		readonly labels?: Readonly<Record<string, string>>;
	};
};

/** One answer with ports, from a replica's log. */
export type Allocation = {
	/** The replica's name, without the random suffix of its process. */
	readonly replica: string;
	/** As the replica saw the Pod: `hostport-demo/game-server-0`, or `hostport-demo/game-worker-7d9f- (ReplicaSet …)`. */
	readonly pod: string;
	readonly ports: readonly number[];
	/** Wall clock, milliseconds. Replicas and demo share the machine's clock. */
	readonly at: number;
};

export type ReplicaState = 'starting' | 'ready' | 'killed';

export type DemoState = {
	/** Index into `steps`; one past the last when all are done. */
	step: number;
	/** How many Pods with these `app` labels should run, in total. */
	goal: {readonly apps: readonly string[]; readonly total: number} | undefined;
	lease: LeaseRecord | undefined;
	/** By UID. */
	readonly pods: Map<string, DemoPod>;
	/** The ledger's pages, by UID. */
	readonly pages: Map<string, ConfigMap>;
	readonly replicas: Map<string, ReplicaState>;
	readonly allocations: Allocation[];
	/** Writes that the API server has accepted. */
	readonly writes: {ledger: number; lease: number};
	/** From the start of this process until the first Pod with ports was seen. */
	firstPodMs: number | undefined;
};

export const createState = (replicas: readonly string[]): DemoState => ({
	step: 0,
	goal: undefined,
	lease: undefined,
	pods: new Map<string, DemoPod>(),
	pages: new Map<string, ConfigMap>(),
	replicas: new Map(replicas.map(name => [name, 'starting'])),
	allocations: [],
	writes: {ledger: 0, lease: 0},
	firstPodMs: undefined,
});

/** `replica-1_ab12cd34` → `replica-1`: an identity ends in a random suffix for the process. */
export const replicaName = (identity: string): string => identity.replace(/_[^_]*$/, '');

/** Adds what a line of a replica's log says to the state. */
export const recordLogLine = (state: DemoState, line: LogLine): void => {
	const replica = replicaName(line.identity);
	if (line.msg === 'ready') {
		state.replicas.set(replica, 'ready');
	} else if (line.msg === 'allocated' && !line['dryRun']) {
		state.allocations.push({
			replica,
			pod: String(line['pod']),
			ports: line['ports'] as readonly number[],
			at: Date.parse(String(line['time'])),
		});
	}
};
