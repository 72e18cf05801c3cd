/** What a Pod asks of the ledger: the value that passes from planning to allocation. Types only. */

export type Protocol = 'TCP' | 'UDP' | 'SCTP';

/** One port of a Pod, by the name that its annotation and its ledger entry carry. */
export type NamedPort = {
	readonly name: string;
	readonly protocol: Protocol;
};

/**
 * One number to be allocated. It has several ports where they share a containerPort and differ in
 * protocol (53/TCP and 53/UDP): those must get the same number.
 */
export type NumberDemand = {
	readonly ports: readonly NamedPort[];
};

export type Strategy = 'Sequential' | 'Random';

/** Everything that allocation needs to know of one Pod. */
export type PodDemand = {
	/** What is known of the Pod: `game/server-0`, or `game/server-7d9f- (ReplicaSet server-7d9f)` before it has a name. */
	readonly pod: string;
	/** Whether `pod` names one Pod for good (StatefulSet, bare), so that a successor of that name may take its ports over. */
	readonly hasFixedName: boolean;
	/** At least one; the order is that of the Pod's containers and decides who gets the lower number. */
	readonly numbers: readonly NumberDemand[];
	/** Lowest and highest number that may be given. Both lie in one range that the administrator allows. */
	readonly basePort: number;
	readonly maxPort: number;
	readonly strategy: Strategy;
	/** Position in a StatefulSet or an indexed Job, where the Pod has one. */
	readonly ordinal?: number;
	/** Host ports that the Pod takes without us, which its managed ports must avoid. */
	readonly ownPorts: ReadonlyArray<{readonly port: number; readonly protocol: Protocol}>;
};
