/** Objects with etcd's versions: each write gets the next one, and changes are remembered until they are compacted. */
import {deepFreeze} from '../deep-freeze.ts';
import {kinds} from './kinds.ts';
import type {Kind, Stored} from './kinds.ts';

export type Change = {
	readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
	readonly kind: string;
	readonly before: Stored | undefined;
	readonly after: Stored | undefined;
	/** Milliseconds, on the server's clock. */
	readonly at: number;
	/** The resourceVersion that this change made. */
	readonly version: number;
	/** The client that asked for it. */
	readonly by: string;
};

export type ObjectStoreOptions = {
	/** Milliseconds. */
	readonly now: () => number;
	/** Uniform in [0, 1). */
	readonly random: () => number;
	/** The highest age of an answer to `resourceVersion=0`, milliseconds. API servers have been seen minutes behind. Default: half a minute. */
	readonly stalestMs?: number;
};

export class ObjectStore {
	readonly #options: ObjectStoreOptions;
	readonly #objects = new Map<string, Map<string, Stored>>(kinds.map(({kind}) => [kind, new Map<string, Stored>()]));
	readonly #listeners = new Set<(change: Change) => void>();
	readonly #inOrder = new Map<Kind, readonly Stored[]>();
	#history: Change[] = [];
	#version = 1000;
	#compactedBefore = 0;

	constructor(options: ObjectStoreOptions) {
		this.#options = options;
	}

	/** That of the latest write. */
	get version(): number {
		return this.#version;
	}

	/** Calls the listener for every change, before the write is answered. Returns the function that ends this. */
	subscribe(listener: (change: Change) => void): () => void {
		this.#listeners.add(listener);
		return () => {
			this.#listeners.delete(listener);
		};
	}

	all(kind: string): IterableIterator<Stored> {
		return this.#objects.get(kind)!.values();
	}

	find(kind: string, name: string, namespace?: string): Stored | undefined {
		return this.#objects.get(kind)!.get(keyOf(name, namespace));
	}

	/** All objects of a kind, in the order of their names. */
	sorted(kind: Kind): readonly Stored[] {
		const known = this.#inOrder.get(kind) ?? inOrder(this.#objects.get(kind.kind)!);
		this.#inOrder.set(kind, known);
		return known;
	}

	/** As `find`, as of a random moment in the last `stalestMs`. */
	findStale(kind: Kind, name: string, namespace?: string): Stored | undefined {
		return this.#stale(kind).get(keyOf(name, namespace));
	}

	/** As `sorted`, as of a random moment in the last `stalestMs`. */
	sortedStale(kind: Kind): readonly Stored[] {
		return inOrder(this.#stale(kind));
	}

	/** Stores `next` in place of `before`, or deletes `before` if there is no `next`. Returns the object as it is now, or was last. */
	write(kind: Kind, before: Stored | undefined, next: Stored | undefined, by: string): Stored {
		this.#version += 1;
		const objects = this.#objects.get(kind.kind)!;
		// Clients share the stored object, so none of them may change it.
		const after = next && deepFreeze({...next, metadata: {...next.metadata, resourceVersion: String(this.#version)}});
		const {name, namespace} = (after ?? before!).metadata;
		if (after) {
			objects.set(keyOf(name, namespace), after);
		} else {
			objects.delete(keyOf(name, namespace));
		}

		this.#inOrder.delete(kind);
		const change: Change = {type: before ? (after ? 'MODIFIED' : 'DELETED') : 'ADDED', kind: kind.kind, before, after, at: this.#options.now(), version: this.#version, by};
		this.#history.push(change);
		for (const listener of this.#listeners) {
			listener(change);
		}

		return (after ?? before)!;
	}

	/** Every change after a version; undefined if some of them have been compacted. */
	changesSince(version: number): readonly Change[] | undefined {
		return version < this.#compactedBefore ? undefined : this.#history.filter(change => change.version > version);
	}

	/** Forgets all changes until now. */
	compact(): void {
		this.#compactedBefore = this.#version;
		this.#history = [];
	}

	/** Undoes the changes since a random moment. */
	#stale(kind: Kind): Map<string, Stored> {
		const {now, random, stalestMs = 30_000} = this.#options;
		const since = now() - random() * stalestMs;
		const objects = new Map(this.#objects.get(kind.kind));
		const recent = this.#history.slice(this.#history.findLastIndex(({at}) => at <= since) + 1);
		for (const {before, after} of recent.filter(change => change.kind === kind.kind).toReversed()) {
			const {name, namespace} = (after ?? before!).metadata;
			if (before) {
				objects.set(keyOf(name, namespace), before);
			} else {
				objects.delete(keyOf(name, namespace));
			}
		}

		return objects;
	}
}

/** In the order of etcd's keys, which is that of names. */
const inOrder = (objects: ReadonlyMap<string, Stored>): Stored[] => [...objects].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object);

const keyOf = (name: string, namespace: string | undefined): string => (namespace === undefined ? name : `${namespace}/${name}`);
