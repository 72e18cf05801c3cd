/**
 * Bounds the memory that unfinished bodies take together. Anybody in the cluster can reach the webhook, and a hundred
 * connections that each send almost 7 MiB would otherwise end the process. Whoever has sent most is turned away first: an
 * honest review is small and arrives whole in milliseconds, so it is never the one.
 */

/** One body that is being read. */
export type Reading = {
	/** Counts bytes that have arrived. May turn this body or another away. */
	readonly grow: (bytes: number) => void;
	/** The body is there, or given up. */
	readonly end: () => void;
};

type Held = {bytes: number; readonly turnAway: () => void};

export class BodyPool {
	readonly #limitBytes: number;
	readonly #held = new Set<Held>();
	#heldBytes = 0;

	constructor(limitBytes: number) {
		this.#limitBytes = limitBytes;
	}

	/** @param turnAway is called, once at most, when this body has to make room; then it counts no more. */
	read(turnAway: () => void): Reading {
		const held = {bytes: 0, turnAway};
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
			largest.turnAway();
		}
	}

	#release(held: Held): void {
		if (this.#held.delete(held)) {
			this.#heldBytes -= held.bytes;
		}
	}
}
