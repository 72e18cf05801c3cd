/** Which numbers are free while a batch is planned: pages as they were read, plus what the batch has given so far. */
import type {Protocol} from './demand.ts';
import {entryKey, everyProtocol, protocolBit} from './ledger-entry.ts';
import type {LedgerEntry} from './ledger-entry.ts';
import {pageOf} from './ledger-page.ts';
import type {LedgerPage} from './ledger-page.ts';
import {highestPort} from './port-range.ts';

/**
 * A working copy for one batch; `take` changes it. A page that does not exist counts as free (whoever commits creates
 * it first), a page that is unusable as taken.
 */
export class PortSpace {
	readonly blockSize: number;
	readonly #pages: ReadonlyMap<number, LedgerPage>;
	readonly #taken = new Uint8Array(highestPort + 1);
	readonly #given = new Map<string, LedgerEntry>();
	readonly #givenByPod = new Map<string, string[]>();

	/** @param pages by their first port. */
	constructor(pages: ReadonlyMap<number, LedgerPage>, blockSize: number) {
		this.blockSize = blockSize;
		this.#pages = pages;
		for (const {first, taken, unusable} of pages.values()) {
			const inside = taken.subarray(0, this.#taken.length - first);
			if (unusable) {
				this.#taken.fill(everyProtocol, first, first + inside.length);
			} else {
				this.#taken.set(inside, first);
			}
		}
	}

	/** Whether none of the protocols in `mask` has this number. */
	isFree(port: number, mask: number): boolean {
		return ((this.#taken[port] ?? everyProtocol) & mask) === 0;
	}

	/** The entry of a port, also one that this batch has just made; undefined where it is free, damaged, or its page unusable. */
	entryAt(port: number, protocol: Protocol): LedgerEntry | undefined {
		const key = entryKey(port, protocol);
		const page = this.#pages.get(pageOf(port, this.blockSize));
		return this.#given.get(key) ?? (page?.unusable ? undefined : page?.entries.get(key));
	}

	/** The keys of entries that name this Pod, in no order; some may meanwhile name another. */
	keysOf(pod: string): string[] {
		const keys = [...(this.#givenByPod.get(pod) ?? [])];
		for (const page of this.#pages.values()) {
			keys.push(...(page.keysByPod.get(pod) ?? []));
		}

		return keys;
	}

	/** Gives a port away, whoever had it. */
	take(port: number, protocol: Protocol, entry: LedgerEntry): void {
		const key = entryKey(port, protocol);
		this.#taken[port]! |= protocolBit[protocol];
		this.#given.set(key, entry);
		const keys = this.#givenByPod.get(entry.pod);
		if (keys) {
			keys.push(key);
		} else {
			this.#givenByPod.set(entry.pod, [key]);
		}
	}
}
