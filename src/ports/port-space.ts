/** The numbers that are free while a batch is planned: free in the pages, and not yet taken by the batch. */
import type {Protocol} from './demand.ts';
import {heldIn, namespaceOf} from './held-numbers.ts';
import {entryKey, parseEntryKey, protocolBit, protocols} from './ledger-entry.ts';
import type {LedgerEntry} from './ledger-entry.ts';
import {keysOfPod, pageOf} from './ledger-page.ts';
import type {LedgerPage} from './ledger-page.ts';
import {fullBlock, NumberSet} from './number-set.ts';
import type {PortRange} from './port-range.ts';

/**
 * A working copy for one batch; `take` changes it. A page that does not exist counts as free, as a commit creates it first.
 * An unusable page counts as taken.
 */
export class PortSpace {
	readonly blockSize: number;
	readonly #pages: ReadonlyMap<number, LedgerPage>;
	/** The free numbers by mask: of each single protocol, and of the combinations that were asked for. */
	readonly #free = new Map<number, NumberSet>();
	/** The entries that this batch has made, by key; and their keys by Pod. */
	readonly #taken = new Map<string, LedgerEntry>();
	readonly #takenByPod = new Map<string, string[]>();
	/** By namespace, for each range that was asked for: the numbers that it holds. */
	readonly #held = new Map<string, Array<PortRange & {readonly numbers: Set<number>}>>();

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

	/** Whether this number is free for all protocols in `mask`. */
	isFree(port: number, mask: number): boolean {
		return protocols.every(protocol => (mask & protocolBit[protocol]) === 0 || this.#free.get(protocolBit[protocol])!.has(port));
	}

	/** The numbers that are free for all protocols in `mask`, which has at least one. The caller must not change the set; `take` does. */
	freeFor(mask: number): NumberSet {
		const cached = this.#free.get(mask);
		if (cached) {
			return cached;
		}

		const free = protocols
			.filter(protocol => (mask & protocolBit[protocol]) !== 0)
			.map(protocol => this.#free.get(protocolBit[protocol])!)
			.reduce((all, some) => all.intersection(some));
		this.#free.set(mask, free);
		return free;
	}

	/** Why the page that owns this number gives none, in words; undefined if it is usable or does not exist. */
	whyUnusable(port: number): string | undefined {
		return this.#pages.get(pageOf(port, this.blockSize))?.unusable;
	}

	/** The entry of a port, including entries of this batch; undefined if the port is free, its entry damaged or its page unusable. */
	entryAt(port: number, protocol: Protocol): LedgerEntry | undefined {
		const key = entryKey(port, protocol);
		const page = this.#pages.get(pageOf(port, this.blockSize));
		return this.#taken.get(key) ?? (page?.unusable ? undefined : page?.entries.get(key));
	}

	/** The keys of entries that name this Pod, in no order. The batch may since have given some of them to another Pod. */
	keysOf(pod: string): string[] {
		const keys = [...(this.#takenByPod.get(pod) ?? [])];
		for (const page of this.#pages.values()) {
			keys.push(...keysOfPod(page, pod));
		}

		return keys;
	}

	/** The numbers from `first` to `last` that a namespace holds for Pods that are not stored yet or gone. The caller must not change the set; `take` does. */
	heldBy(namespace: string, {first, last}: PortRange): ReadonlySet<number> {
		const ranges = this.#held.get(namespace) ?? [];
		this.#held.set(namespace, ranges);
		const cached = ranges.find(range => range.first === first && range.last === last);
		if (cached) {
			return cached.numbers;
		}

		const inPages = [...this.#pages.values()].flatMap(page => heldIn(page, namespace));
		const inBatch = [...this.#taken].filter(([, {pod}]) => namespaceOf(pod) === namespace).map(([key]) => parseEntryKey(key)!.port);
		const numbers = new Set([...inPages, ...inBatch].filter(port => port >= first && port <= last));
		ranges.push({first, last, numbers});
		return numbers;
	}

	/** Takes a port, which may be free or not, and gives it this entry. */
	take(port: number, protocol: Protocol, entry: LedgerEntry): void {
		const key = entryKey(port, protocol);
		for (const [mask, free] of this.#free) {
			if ((mask & protocolBit[protocol]) !== 0) {
				free.delete(port);
			}
		}

		this.#taken.set(key, entry);
		for (const {first, last, numbers} of this.#held.get(namespaceOf(entry.pod)) ?? []) {
			if (port >= first && port <= last) {
				numbers.add(port);
			}
		}

		const keys = this.#takenByPod.get(entry.pod);
		if (keys) {
			keys.push(key);
		} else {
			this.#takenByPod.set(entry.pod, [key]);
		}
	}
}
