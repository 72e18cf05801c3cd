/** Which numbers are free while a batch is planned: pages as they were read, plus what the batch has given so far. */
import type {Protocol} from './demand.ts';
import {entryKey, protocolBit, protocols} from './ledger-entry.ts';
import type {LedgerEntry} from './ledger-entry.ts';
import {keysOfPod, pageOf} from './ledger-page.ts';
import type {LedgerPage} from './ledger-page.ts';
import {fullBlock, NumberSet} from './number-set.ts';

/**
 * A working copy for one batch; `take` changes it. A page that does not exist counts as free (whoever commits creates
 * it first), a page that is unusable as taken.
 */
export class PortSpace {
	readonly blockSize: number;
	readonly #pages: ReadonlyMap<number, LedgerPage>;
	/** The free numbers of each combination of protocols that was asked for. */
	readonly #free = new Map<number, NumberSet>();
	readonly #given = new Map<string, LedgerEntry>();
	readonly #givenByPod = new Map<string, string[]>();

	/** @param pages by their first port. */
	constructor(pages: ReadonlyMap<number, LedgerPage>, blockSize: number) {
		this.blockSize = blockSize;
		this.#pages = pages;
		for (const protocol of protocols) {
			const free = NumberSet.ofEveryPort();
			for (const {first, blockSize, taken, unusable} of pages.values()) {
				free.deleteBlock(unusable ? fullBlock(first, blockSize) : taken[protocol]);
			}

			this.#free.set(protocolBit[protocol], free);
		}
	}

	/** Whether none of the protocols in `mask` has this number. */
	isFree(port: number, mask: number): boolean {
		return protocols.every(protocol => (mask & protocolBit[protocol]) === 0 || this.#free.get(protocolBit[protocol])!.has(port));
	}

	/** The numbers that none of the protocols in `mask` has, of which there is at least one. Must not be changed; follows `take`. */
	freeFor(mask: number): NumberSet {
		const known = this.#free.get(mask);
		if (known) {
			return known;
		}

		const free = protocols
			.filter(protocol => (mask & protocolBit[protocol]) !== 0)
			.map(protocol => this.#free.get(protocolBit[protocol])!)
			.reduce((all, some) => all.intersection(some));
		this.#free.set(mask, free);
		return free;
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
			keys.push(...keysOfPod(page, pod));
		}

		return keys;
	}

	/** Gives a port away, whoever had it. */
	take(port: number, protocol: Protocol, entry: LedgerEntry): void {
		const key = entryKey(port, protocol);
		for (const [mask, free] of this.#free) {
			if ((mask & protocolBit[protocol]) !== 0) {
				free.delete(port);
			}
		}

		this.#given.set(key, entry);
		const keys = this.#givenByPod.get(entry.pod);
		if (keys) {
			keys.push(key);
		} else {
			this.#givenByPod.set(entry.pod, [key]);
		}
	}
}
