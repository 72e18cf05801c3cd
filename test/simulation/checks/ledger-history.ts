/**
 * What a replica that reads when it must has to know: entries, and free numbers, that have been there for long enough. No
 * compare-and-swap proves an answer that rests on them, for it writes elsewhere, or nothing.
 */
import {parseEntryKey, protocols, entryKey} from '../../../src/ports/ledger-entry.ts';
import type {LedgerEntry} from '../../../src/ports/ledger-entry.ts';
import type {Stored} from '../../../harness/in-memory-api/kinds.ts';
import type {Change} from '../../../harness/in-memory-api/object-store.ts';
import type {PodRequest} from '../world/pod-requests.ts';

/** A second is what the product allows itself where predecessors are looked for; a clock may be off by a little. */
const predecessorsKnownAfterMs = 1100;

/** Who comes while others are planned for may be refused with what was read for these. */
const freeKnownAfterMs = 2000;

/** As many numbers as one Pod may want. */
const maxNumbersPerPod = 3;

/** Ports that share a number may have to go where both are free. */
const sharesNumber = /^dns/;

type Named = {readonly entry: LedgerEntry; readonly since: number};

export class LedgerHistory {
	/** Attempts to create Pods, by the name that the ledger has for them. */
	readonly #requests = new Map<string, PodRequest[]>();
	readonly #all: PodRequest[] = [];
	/** Keys of which the ledger has anything. */
	readonly #present = new Set<string>();
	/** By key: the entry, and since when it has named this Pod and port. */
	readonly #named = new Map<string, Named>();
	readonly #keysByPod = new Map<string, Set<string>>();
	/** By number: when anything about it was last written. */
	readonly #changedAt = new Map<number, number>();
	/** By first port: since when a page has been open. */
	readonly #openSince = new Map<number, number>();
	#index: {readonly blockSize: number; readonly pages: ReadonlySet<number>; readonly since: number} | undefined;

	requested(request: PodRequest): void {
		this.#all.push(request);
		const others = this.#requests.get(request.pod);
		if (others) {
			others.push(request);
		} else {
			this.#requests.set(request.pod, [request]);
		}
	}

	indexChanged({after, at}: Change): void {
		const {'block-size': blockSize, pages = ''} = (after?.['data'] ?? {}) as {readonly 'block-size'?: string; readonly pages?: string};
		const isSame = this.#index?.blockSize === Number(blockSize);
		if (!isSame) {
			this.#openSince.clear();
		}

		this.#index = after && {blockSize: Number(blockSize), pages: new Set(pages.split(' ').map(Number)), since: isSame ? this.#index!.since : at};
	}

	pageChanged(first: number, page: Stored | undefined, isOpen: boolean, at: number): void {
		const [from, to] = (page?.metadata.annotations?.['hostport.io/ports'] ?? '').split('-').map(Number);
		if (!isOpen || from !== first || to !== first + (this.#index?.blockSize ?? 0) - 1) {
			this.#openSince.delete(first);
		} else if (!this.#openSince.has(first)) {
			this.#openSince.set(first, at);
		}
	}

	/** @param value undefined where the key is gone, a text where it is no entry. */
	entryChanged(key: string, value: LedgerEntry | string | undefined, at: number): void {
		const known = this.#named.get(key);
		const entry = typeof value === 'object' ? value : undefined;
		if (value === undefined) {
			this.#present.delete(key);
		} else {
			this.#present.add(key);
		}

		this.#changedAt.set(Number.parseInt(key, 10), at);
		if (known && known.entry.pod !== entry?.pod) {
			this.#keysByPod.get(known.entry.pod)?.delete(key);
		}

		if (entry) {
			const isSame = known?.entry.pod === entry.pod && known.entry.port === entry.port && known.entry.state !== 'foreign';
			this.#named.set(key, {entry, since: isSame ? known.since : at});
			this.#keysByPod.set(entry.pod, (this.#keysByPod.get(entry.pod) ?? new Set<string>()).add(key));
		} else {
			this.#named.delete(key);
		}
	}

	/**
	 * A port of the Pod's predecessor that it should have taken over, before it reserves `key` as if it had had none. Only
	 * where no write is on its way for long: else nobody can tell when it was planned.
	 */
	overlooked(key: string, next: LedgerEntry, now: number): string | undefined {
		const before = this.#named.get(key)?.entry;
		const asking = this.#requests.get(next.pod)?.filter(({handledUntil}) => handledUntil > now - 100) ?? [];
		if (asking.length === 0 || sharesNumber.test(next.port) || (before?.pod === next.pod && before.port === next.port)) {
			return undefined;
		}

		const since = Math.min(...asking.map(({arrivedAt}) => arrivedAt)) - predecessorsKnownAfterMs;
		const {protocol} = parseEntryKey(key)!;
		return [...this.#keysByPod.get(next.pod) ?? []].find(other => {
			const {entry, since: namedSince} = this.#named.get(other)!;
			const {port, protocol: otherProtocol} = parseEntryKey(other)!;
			return namedSince < since && entry.port === next.port && entry.state !== 'foreign' && otherProtocol === protocol
				&& this.#isOpen(port, since) && asking.every(({range: {first, last}}) => port >= first && port <= last);
		});
	}

	/** How many numbers of its range had been free for a while when this Pod was asked for, and still are, beyond those that others may be about to get. */
	freeFor(request: PodRequest): number {
		const {arrivedAt, range: {first, last}} = request;
		const since = arrivedAt - freeKnownAfterMs;
		let free = 0;
		for (let port = first; port <= last; port++) {
			const isFree = this.#isOpen(port, since) && (this.#changedAt.get(port) ?? -Infinity) < since
				&& protocols.every(protocol => !this.#present.has(entryKey(port, protocol)));
			free += isFree ? 1 : 0;
		}

		const rivals = this.#all.filter(other => other !== request && other.handledUntil > arrivedAt - 100);
		return free - rivals.reduce((sum, {deliveries}) => sum + deliveries * maxNumbersPerPod, 0);
	}

	#isOpen(port: number, since: number): boolean {
		if (!this.#index || this.#index.since > since) {
			return false;
		}

		const first = port - (port % this.#index.blockSize);
		return this.#index.pages.has(first) && (this.#openSince.get(first) ?? Infinity) < since;
	}
}
