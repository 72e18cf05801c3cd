/** All that the demo has seen so far. Watches and logs fill it; `picture.ts` makes a picture of it. */
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

export type Allocation = {
	/** The name of a replica, without the suffix of its process. */
	readonly replica: string;
	/** As the replica knew the Pod: `hostport-demo/game-server-0`, or `hostport-demo/game-worker-7d9f- (ReplicaSet …)`. */
	readonly pod: string;
	readonly ports: readonly number[];
	/** Wall clock; replicas and demo have the same one. */
	readonly at: number;
};

export type ReplicaState = 'starting' | 'ready' | 'killed';

export type Scene = {
	/** Index into `steps`; one past the last when all is done. */
	step: number;
	/** Pods with these labels `app` are to run, this many of them together. */
	goal: {readonly apps: readonly string[]; readonly total: number} | undefined;
	lease: LeaseRecord | undefined;
	/** By UID. */
	readonly pods: Map<string, DemoPod>;
	/** The ledger's, by UID. */
	readonly pages: Map<string, ConfigMap>;
	readonly replicas: Map<string, ReplicaState>;
	readonly allocations: Allocation[];
	/** Writes that the API server has accepted, by what was written. */
	readonly writes: {ledger: number; lease: number};
	/** From the start of this process until the first Pod with ports was seen. */
	firstPodMs: number | undefined;
};

export const createScene = (replicas: readonly string[]): Scene => ({
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

/** `replica-1_ab12cd34` → `replica-1`: what identifies a process carries a random suffix. */
export const replicaName = (identity: string): string => identity.replace(/_[^_]*$/, '');

/** Takes in a line of a replica's log. */
export const hear = (scene: Scene, line: LogLine): void => {
	const replica = replicaName(line.identity);
	if (line.msg === 'ready') {
		scene.replicas.set(replica, 'ready');
	} else if (line.msg === 'allocated' && !line['dryRun']) {
		scene.allocations.push({
			replica,
			pod: String(line['pod']),
			ports: line['ports'] as readonly number[],
			at: Date.parse(String(line['time'])),
		});
	}
};
