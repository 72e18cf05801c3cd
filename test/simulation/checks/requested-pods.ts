/** What the run itself knows of each Pod that it asked for: the truth that ledger and answers are held against. */
import {entryKey} from '../../../src/ports/ledger-entry.ts';
import {containersOf} from '../../../harness/in-memory-api/api-objects.ts';
import type {PodSpec} from '../../../harness/in-memory-api/api-objects.ts';

/** One request to create a Pod. */
export type Attempt = {
	readonly id: number;
	/** `game/server-0`, or the name to be that nobody else has, before it has one. */
	readonly pod: string;
	readonly arrivedAt: number;
	readonly dryRun: boolean;
	/** Between which numbers it may get some. */
	readonly range: {readonly first: number; readonly last: number};
	/** Until when a replica may have been at work for it. */
	askedUntil: number;
	/** How many replicas got the request. */
	deliveries: number;
	/**
	 * - `asking`: the webhook has it.
	 * - `on its way`: admitted with ports, and not stored yet.
	 * - `live`: stored.
	 * - `over`: refused, or its Pod is gone or has finished.
	 */
	state: 'asking' | 'on its way' | 'live' | 'over';
	/** The keys of the ports that it was told. */
	keys: readonly string[];
	uid: string | undefined;
};

/** The keys of all host ports in a Pod's spec. */
export const hostPortKeys = (spec: PodSpec): string[] =>
	containersOf(spec).flatMap(({ports = []}) => ports).flatMap(({hostPort, protocol = 'TCP'}) =>
		hostPort ? [entryKey(hostPort, protocol as 'TCP')] : []);

/** Everybody who has been told a port and has it, or may still get it. */
export class Holders {
	readonly #byKey = new Map<string, Set<Attempt>>();

	of(key: string): ReadonlySet<Attempt> {
		return this.#byKey.get(key) ?? none;
	}

	/** Every port that somebody holds, with those who do. */
	[Symbol.iterator](): IterableIterator<[string, ReadonlySet<Attempt>]> {
		return this.#byKey[Symbol.iterator]();
	}

	add(attempt: Attempt): void {
		for (const key of attempt.keys) {
			const holders = this.#byKey.get(key) ?? new Set<Attempt>();
			this.#byKey.set(key, holders.add(attempt));
		}
	}

	remove(attempt: Attempt): void {
		for (const key of attempt.keys) {
			const holders = this.#byKey.get(key);
			if (holders?.delete(attempt) && holders.size === 0) {
				this.#byKey.delete(key);
			}
		}
	}
}

const none: ReadonlySet<Attempt> = new Set();
