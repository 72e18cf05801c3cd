/**
 * Which entries and free numbers have been in the ledger for so long that every answer must take them into account. No
 * compare-and-swap proves such an answer right: a denial writes nothing, and a new reservation may be on another page.
 */
import {parseEntryKey, protocols, entryKey} from '../../../src/ports/ledger-entry.ts';
import type {LedgerEntry} from '../../../src/ports/ledger-entry.ts';
import type {Stored} from '../../../harness/in-memory-api/kinds.ts';
import type {Change} from '../../../harness/in-memory-api/object-store.ts';
import {ownPortName} from '../world/pod-kinds.ts';
import type {PodRequest} from '../world/pod-requests.ts';

/** The product looks for predecessors in pages that are up to a second old; replicas' clocks may run a little slow. */
const predecessorMaxAgeMs = 1100;

/** A denial may rest on pages that were read for the requests planned just before. */
const freeNumberMaxAgeMs = 2000;

/** The most numbers that one Pod of a run asks for, see `pod-kinds.ts`. */
export const maxNumbersPerPod = 4;

/**
 * Names of ports that may have to leave their predecessor's number: those that share a number, as both protocols must be free,
 * and those whose number is written in the Pod.
 */
const leavesNumber = new RegExp(`^(?:dns|${ownPortName}$)`);

type Reservation = {
	readonly entry: LedgerEntry;
	/** When the key was reserved for this Pod and port name. */
	readonly reservedAt: number;
};

export class LedgerHistory {
	readonly #blockSize: number;
	/** By the Pod's name in the ledger. */
	readonly #requestsByPod = new Map<string, PodRequest[]>();
	readonly #requests: PodRequest[] = [];
	/** Keys that have a value in the ledger, readable or not. */
	readonly #present = new Set<string>();
	/** By key. */
	readonly #reservations = new Map<string, Reservation>();
	readonly #keysByPod = new Map<string, Set<string>>();
	/** When a value of a number was last written, under any protocol. */
	readonly #changedAt = new Map<number, number>();
	/** When each open page was opened, by its first port. */
	readonly #openSince = new Map<number, number>();
	#index: {readonly pages: ReadonlySet<number>; readonly since: number} | undefined;

	/** @param blockSize port numbers in a page. */
	constructor(blockSize: number) {
		this.#blockSize = blockSize;
	}

	requested(request: PodRequest): void {
		this.#requests.push(request);
		const others = this.#requestsByPod.get(request.pod);
		if (others) {
			others.push(request);
		} else {
			this.#requestsByPod.set(request.pod, [request]);
		}
	}

	indexChanged({after, at}: Change): void {
		const {pages = ''} = (after?.['data'] ?? {}) as {readonly pages?: string};
		this.#index = after && {pages: new Set(pages.split(' ').map(Number)), since: this.#index?.since ?? at};
	}

	pageChanged(first: number, page: Stored | undefined, isOpen: boolean, at: number): void {
		const [from, to] = (page?.metadata.annotations?.['hostport.io/ports'] ?? '').split('-').map(Number);
		if (!isOpen || from !== first || to !== first + this.#blockSize - 1) {
			this.#openSince.delete(first);
		} else if (!this.#openSince.has(first)) {
			this.#openSince.set(first, at);
		}
	}

	/** @param value undefined if the key was removed, a text if the value is not an entry. */
	entryChanged(key: string, value: LedgerEntry | string | undefined, at: number): void {
		const old = this.#reservations.get(key);
		const entry = typeof value === 'object' ? value : undefined;
		if (value === undefined) {
			this.#present.delete(key);
		} else {
			this.#present.add(key);
		}

		this.#changedAt.set(Number.parseInt(key, 10), at);
		if (old && old.entry.pod !== entry?.pod) {
			this.#keysByPod.get(old.entry.pod)?.delete(key);
		}

		if (entry) {
			const isSame = old?.entry.pod === entry.pod && old.entry.portName === entry.portName && old.entry.state !== 'foreign';
			this.#reservations.set(key, {entry, reservedAt: isSame ? old.reservedAt : at});
			this.#keysByPod.set(entry.pod, (this.#keysByPod.get(entry.pod) ?? new Set<string>()).add(key));
		} else {
			this.#reservations.delete(key);
		}
	}

	/**
	 * The key of a predecessor's port that this Pod should have taken over instead of reserving `key`; undefined if there is
	 * none. True only if writes are quick: of a delayed write it is unknown when it was planned.
	 */
	overlooked(key: string, next: LedgerEntry, now: number, failingPages: ReadonlySet<number>): string | undefined {
		const before = this.#reservations.get(key)?.entry;
		const pending = this.#requestsByPod.get(next.pod)?.filter(({handledUntil}) => handledUntil > now - 100) ?? [];
		if (pending.length === 0 || leavesNumber.test(next.portName) || (before?.pod === next.pod && before.portName === next.portName)) {
			return undefined;
		}

		const since = Math.min(...pending.map(({arrivedAt}) => arrivedAt)) - predecessorMaxAgeMs;
		const {protocol} = parseEntryKey(key)!;
		return [...this.#keysByPod.get(next.pod) ?? []].find(other => {
			const {entry, reservedAt} = this.#reservations.get(other)!;
			const {port, protocol: otherProtocol} = parseEntryKey(other)!;
			return reservedAt < since && entry.portName === next.portName && entry.state !== 'foreign' && otherProtocol === protocol
				&& this.#isOpen(port, since) && !failingPages.has(port - (port % this.#blockSize)) && pending.every(({range: {first, last}, ownNumbers}) => port >= first && port <= last && !ownNumbers.includes(port));
		});
	}

	/** How many numbers in its range, outside of failing pages, have been free since before this request arrived, beyond those that other requests may get. */
	freeFor(request: PodRequest, failingPages: ReadonlySet<number>): number {
		const {arrivedAt, range: {first, last}} = request;
		const since = arrivedAt - freeNumberMaxAgeMs;
		let free = 0;
		for (let port = first; port <= last; port++) {
			const isFree = this.#isOpen(port, since) && !failingPages.has(port - (port % this.#blockSize)) && (this.#changedAt.get(port) ?? -Infinity) < since
				&& protocols.every(protocol => !this.#present.has(entryKey(port, protocol)));
			free += isFree ? 1 : 0;
		}

		const rivals = this.#requests.filter(other => other !== request && other.handledUntil > arrivedAt - 100);
		return free - rivals.reduce((sum, {deliveries}) => sum + deliveries * maxNumbersPerPod, 0);
	}

	/** Whether this key has had no value since before this request arrived, and no other request may have reserved it. */
	wasFree(key: string, request: PodRequest): boolean {
		const since = request.arrivedAt - freeNumberMaxAgeMs;
		const {port} = parseEntryKey(key)!;
		return this.#isOpen(port, since) && (this.#changedAt.get(port) ?? -Infinity) < since && !this.#present.has(key)
			&& !this.#requests.some(other => other !== request && other.handledUntil > request.arrivedAt - 100);
	}

	#isOpen(port: number, since: number): boolean {
		if (!this.#index || this.#index.since > since) {
			return false;
		}

		const first = port - (port % this.#blockSize);
		return this.#index.pages.has(first) && (this.#openSince.get(first) ?? Infinity) < since;
	}
}
