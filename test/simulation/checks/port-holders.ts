/** Which requests hold which port: admitted ones, whose Pods may still be stored, and live ones. */
import type {PodRequest} from '../world/pod-requests.ts';

export class PortHolders {
	readonly #byKey = new Map<string, Set<PodRequest>>();

	/** @param key of the port's entry in the ledger. */
	of(key: string): ReadonlySet<PodRequest> {
		return this.#byKey.get(key) ?? none;
	}

	/** Every port that is held, by its key, with its holders. */
	[Symbol.iterator](): IterableIterator<[string, ReadonlySet<PodRequest>]> {
		return this.#byKey[Symbol.iterator]();
	}

	add(request: PodRequest): void {
		for (const key of request.keys) {
			const holders = this.#byKey.get(key) ?? new Set<PodRequest>();
			this.#byKey.set(key, holders.add(request));
		}
	}

	remove(request: PodRequest): void {
		for (const key of request.keys) {
			const holders = this.#byKey.get(key);
			if (holders?.delete(request) && holders.size === 0) {
				this.#byKey.delete(key);
			}
		}
	}
}

const none: ReadonlySet<PodRequest> = new Set();
