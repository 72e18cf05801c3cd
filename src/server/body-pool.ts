/**
 * Bounds the memory of all unfinished bodies together. Every Pod in the cluster can reach the webhook, and a hundred
 * connections that each send almost 7 MiB would otherwise exhaust its memory. The largest unfinished body is rejected first:
 * a normal review is small and complete within milliseconds, so it is not the one.
 */

/** One body that is being read. */
export type Reading = {
	/** Counts received bytes. May reject this body or another one. */
	readonly grow: (bytes: number) => void;
	/** Call when the body is complete or given up. */
	readonly end: () => void;
};

type Held = {bytes: number; readonly reject: () => void};

export class BodyPool {
	readonly #limitBytes: number;
	readonly #held = new Set<Held>();
	#heldBytes = 0;

	constructor(limitBytes: number) {
		this.#limitBytes = limitBytes;
	}

	/** @param reject called at most once, when this body has to make room. After that it no longer counts. */
	read(reject: () => void): Reading {
		const held = {bytes: 0, reject};
		this.#held.add(held);
		return {
			grow: bytes => {
				if (this.#held.has(held)) {
					held.bytes += bytes;
					this.#heldBytes += bytes;
					this.#makeRoom();
				}
			},
			end: () => this.#release(held),
		};
	}

	#makeRoom(): void {
		while (this.#heldBytes > this.#limitBytes) {
			const largest = [...this.#held].reduce((most, next) => next.bytes > most.bytes ? next : most);
			this.#release(largest);
			largest.reject();
		}
	}

	#release(held: Held): void {
		if (this.#held.delete(held)) {
			this.#heldBytes -= held.bytes;
		}
	}
}
