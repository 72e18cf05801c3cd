/** How many numbers of one range each namespace holds without a live Pod. */
import {parseEntryKey} from '../../../src/ports/ledger-entry.ts';
import type {LedgerEntry} from '../../../src/ports/ledger-entry.ts';

/** By docs/configuration.md, a third of the range; each replica may exceed it by an eighth, and a commit that runs meanwhile by a little. */
const share = 1 / 3;
const mostReplicas = 8;
const slack = 1 + mostReplicas / 8;

export class HeldNumbers {
	readonly #first: number;
	readonly #last: number;
	/** By namespace, the keys of its entries that are pending or released. */
	readonly #keys = new Map<string, Set<string>>();

	constructor({first, last}: {readonly first: number; readonly last: number}) {
		this.#first = first;
		this.#last = last;
	}

	/** Records a change, and returns what is wrong with it: a free number was reserved for a namespace that holds too many. */
	changed(key: string, was: LedgerEntry | undefined, is: LedgerEntry | undefined): string | undefined {
		const {port} = parseEntryKey(key) ?? {port: 0};
		if (port < this.#first || port > this.#last) {
			return undefined;
		}

		this.#keysOf(was).delete(key);
		const keys = this.#keysOf(is).add(key);
		const count = new Set([...keys].map(held => Number.parseInt(held, 10))).size;
		const most = (this.#last - this.#first + 1) * share * slack;
		return !was && is?.state === 'pending' && count > most ? `the namespace of ${is.pod} holds ${count} of ${this.#last - this.#first + 1} numbers` : undefined;
	}

	#keysOf(entry: LedgerEntry | undefined): Set<string> {
		if (entry?.state !== 'pending' && entry?.state !== 'released') {
			return new Set();
		}

		const [namespace = ''] = entry.pod.split('/');
		const keys = this.#keys.get(namespace) ?? new Set<string>();
		this.#keys.set(namespace, keys);
		return keys;
	}
}
