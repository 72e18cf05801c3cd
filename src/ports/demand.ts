/** What a Pod asks of the ledger: passed from planning to allocation. Types only. */
import type {PortRange} from './port-range.ts';

export type Protocol = 'TCP' | 'UDP' | 'SCTP';

/** One port of a Pod, with the name that its annotation and its ledger entry have. */
export type NamedPort = {
	readonly name: string;
	readonly protocol: Protocol;
};

/** A port of a Pod that the operator does not manage: it keeps the number that is written in the Pod. */
export type OwnPort = NamedPort & {
	/** Its host port. */
	readonly port: number;
};

/**
 * One number to allocate. Several ports share it if they have the same containerPort and different protocols (53/TCP and
 * 53/UDP).
 */
export type NumberDemand = {
	readonly ports: readonly NamedPort[];
};

export type Strategy = 'Sequential' | 'Random';

/** How many numbers from `first` to `last` the Pod's namespace may hold for Pods that are not stored yet or gone. */
export type HeldLimit = PortRange & {readonly most: number};

/** Everything that allocation needs to know about one Pod. */
export type PodDemand = {
	/** `game/server-0`, or `game/server-7d9f- (ReplicaSet server-7d9f)` if the Pod has no name yet. */
	readonly pod: string;
	/** Whether `pod` is the Pod's final name (StatefulSet, bare Pod): then a successor of that name may take its ports over. */
	readonly hasFixedName: boolean;
	/** At least one, in the order of the Pod's containers: earlier ports get lower numbers. */
	readonly numbers: readonly NumberDemand[];
	/** The lowest and highest number that the Pod may get. Both are in the same range that the administrator allows. */
	readonly basePort: number;
	readonly maxPort: number;
	/** Numbers from `basePort` to `maxPort` that the administrator lets no Pod get, merged and sorted; absent means none. */
	readonly excluded?: readonly PortRange[];
	readonly strategy: Strategy;
	/** Whether the numbers must be consecutive, in the order of `numbers`; absent means no. */
	readonly contiguous?: true;
	/** Each holds; a wide range comes before those that it contains. Absent means no limit. */
	readonly heldLimits?: readonly HeldLimit[];
	/** The Pod's position in a StatefulSet or an indexed Job; absent if it has none. */
	readonly ordinal?: number;
	/**
	 * Host ports of the Pod's unmanaged ports, each number and protocol once, in any range or none. They get entries like the
	 * managed ports, which must avoid their numbers.
	 */
	readonly ownPorts: readonly OwnPort[];
};
