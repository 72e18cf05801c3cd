/**
 * Bounds the memory of everything that it counts together: unfinished bodies, or unsent answers. Every Pod in the cluster can
 * reach the webhook, and a hundred connections that each send almost 7 MiB, or never read their answer, would otherwise exhaust
 * its memory. The largest is given up first: a normal review or answer is small and complete within milliseconds, so it is not
 * the one.
 */

/** What one connection holds. */
export type Holding = {
	/** Counts more bytes. May give up this holding or another one. */
	readonly grow: (bytes: number) => void;
	/** Call when the bytes are no longer held. */
	readonly end: () => void;
};

type Held = {bytes: number; readonly giveUp: () => void};

export class BytePool {
	readonly #limitBytes: number;
	readonly #held = new Set<Held>();
	#heldBytes = 0;

	constructor(limitBytes: number) {
		this.#limitBytes = limitBytes;
	}

	/** @param giveUp called at most once, when this holding has to make room. After that it no longer counts. */
	hold(giveUp: () => void): Holding {
		const held = {bytes: 0, giveUp};
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
			largest.giveUp();
		}
	}

	#release(held: Held): void {
		if (this.#held.delete(held)) {
			this.#heldBytes -= held.bytes;
		}
	}
}
