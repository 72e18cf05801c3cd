/** What the simulation itself records of each request to create a Pod. Ledger and answers are checked against these records. */
import {entryKey} from '../../../src/ports/ledger-entry.ts';
import {containersOf} from '../../../harness/in-memory-api/pod-spec.ts';
import type {PodSpec} from '../../../harness/in-memory-api/pod-spec.ts';

/** One request to create a Pod. */
export type PodRequest = {
	readonly id: number;
	/** `game/server-0`; for a `generateName`, its unique prefix. */
	readonly pod: string;
	/** Milliseconds since the run began. */
	readonly arrivedAt: number;
	readonly dryRun: boolean;
	/** The numbers that it accepts, both ends included. */
	readonly range: {readonly first: number; readonly last: number};
	/** The numbers that are written in the Pod. */
	readonly ownNumbers: readonly number[];
	/** The latest time at which a replica may have handled it; Infinity until the API server has an answer. */
	handledUntil: number;
	/** How many replicas received it. */
	deliveries: number;
	/**
	 * - `at the webhook`: not answered yet.
	 * - `admitted`: answered with ports, and not stored yet.
	 * - `live`: stored.
	 * - `ended`: denied, or the Pod has been deleted or has finished.
	 */
	state: 'at the webhook' | 'admitted' | 'live' | 'ended';
	/** The ledger keys of the ports in the answer. */
	keys: readonly string[];
	uid: string | undefined;
};

/** The ledger keys of all host ports in a Pod's spec. */
export const hostPortKeys = (spec: PodSpec): string[] =>
	containersOf(spec).flatMap(({ports = []}) => ports).flatMap(({hostPort, protocol = 'TCP'}) =>
		hostPort ? [entryKey(hostPort, protocol as 'TCP')] : []);
