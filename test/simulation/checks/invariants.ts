/**
 * What must hold at every moment of every run, whatever goes wrong. Each has a name; a violation says when, what was seen,
 * and who did it. Nothing here asks the product: it looks at what is stored, and at what Pods were told.
 */
import {parseEntryKey} from '../../../src/ports/ledger-entry.ts';
import type {LedgerEntry} from '../../../src/ports/ledger-entry.ts';
import type {Stored} from '../../../harness/in-memory-api/kinds.ts';
import type {Change} from '../../../harness/in-memory-api/object-store.ts';
import type {PodSpec} from '../../../harness/in-memory-api/pod-spec.ts';
import {hostPortKeys} from '../world/pod-requests.ts';
import type {PodRequest} from '../world/pod-requests.ts';
import {LedgerHistory} from './ledger-history.ts';
import {PortHolders} from './port-holders.ts';
import {changedKeys, dataOf, decodedEntry, firstPortOf, isMarked, lastPortOf} from './stored-ledger.ts';

export const invariants = {
	'one Pod for each port': 'no two live Pods that were told so have one (protocol, port)',
	'covered': 'a port that a live Pod has, or an admitted one on its way to storage, can not be given: its page is absent, marked, or has an entry for it',
	'answer after commit': 'what a Pod is told is in the ledger by then',
	'no trace of a dry run': 'nothing in the ledger names a Pod that was only asked for',
	'held for H': 'no entry vanishes within the hold time after its claim has entered, or after it was released',
	'nobody is robbed': 'an entry changes hands only to a successor of the same fixed name',
	'a claim enters once': 'a (port, claim) enters the ledger at most once',
	'no way back': 'an entry is released only after it was bound, removed only after it was released or has waited in vain, and pending again only with another claim',
	'bound to whom has it': 'an entry names the UID of a Pod that has, or had, the port',
	'nothing twice': 'a request whose reservation is in the page that is written does not reserve again',
	'same name, same ports': 'a Pod whose name comes again gets the ports that the ledger has for that name, where they are in its range and have been there for a second',
	'a refusal is true': 'no Pod is told that its range is full while more numbers of it have been free for a while than all who ask want',
	'one block for each port': 'no port lies in the blocks of two open pages',
	'marked pages rest': 'no port enters a marked page unless the same write lifts the mark',
	'nothing by hand is lost': 'what a person wrote into a page and this version can not read stays',
	'answered in time': 'every request is answered by its deadline, where its replica runs',
	'a sound answer': 'an answer is a patch that the API server takes, or a denial that says why',
	'served again': 'once nothing goes wrong any more, every replica gives ports',
	'the lock moves': 'after the crash of the holder and of any number of waiters, the others are served within one Lease duration and a second',
	'leaks are reclaimed': 'once nothing goes wrong any more, entries without a live Pod vanish within the hold time and one pass',
	'ledger and cluster agree': 'once nothing goes wrong any more, every host port of a live Pod has an entry that names it',
	'nothing hangs': 'the run comes to its end',
} as const;

export type Invariant = keyof typeof invariants;

export type Violation = {readonly invariant: Invariant; readonly atMs: number; readonly detail: string};

export type InvariantOptions = {
	readonly now: () => number;
	/** How long an entry must be held at least, on the true clock. */
	readonly holdMs: number;
	/** Whether no write is on its way for long. */
	readonly isPunctual: boolean;
	/** Whether, besides, no answer takes long: what was free when it was read may be given by the time that it is told. */
	readonly isQuick: boolean;
	readonly onViolation: (violation: Violation) => void;
};

/** The claims that a port has had, and when the present one came. */
type Past = {
	readonly claims: Set<string>;
	enteredAt: number;
	/** When it was last released. */
	releasedAt: number;
	/** By the Pod's name in the ledger: when it last reserved the port. */
	readonly reservedAt: Map<string, number>;
};

/** Dry runs use names that no other Pod has. */
export const dryRunName = /^[^/]+\/dry-/;

export class Invariants {
	readonly holders = new PortHolders();
	readonly #options: InvariantOptions;
	readonly #pastByKey = new Map<string, Past>();
	/** UIDs of Pods that have ever had a port, by its key. */
	readonly #uidsByKey = new Map<string, Set<string>>();
	readonly #requestsByPod = new Map<string, PodRequest>();
	readonly #history = new LedgerHistory();
	/** By first port, with the last one. */
	readonly #pages = new Map<number, {readonly page: Stored; readonly last: number}>();

	constructor(options: InvariantOptions) {
		this.#options = options;
	}

	violated(invariant: Invariant, detail: string): void {
		this.#options.onViolation({invariant, atMs: this.#options.now(), detail});
	}

	requested(request: PodRequest): void {
		this.#requestsByPod.set(request.pod, request);
		this.#history.requested(request);
	}

	/** A replica has answered with these ports. */
	answered(request: PodRequest, keys: readonly string[], by: string): void {
		for (const key of request.dryRun ? [] : keys) {
			const reservedAt = this.#pastByKey.get(key)?.reservedAt.get(request.pod) ?? -Infinity;
			if (reservedAt < request.arrivedAt) {
				this.violated('answer after commit', `${by} told ${request.pod} that it has ${key}, for which the ledger has ${dataOf(this.#pageOf(key))[key] ?? 'nothing'}`);
			}
		}
	}

	/** A replica has refused it, for this reason. */
	denied(request: PodRequest, message: string, by: string): void {
		const [, wanted] = /^(\d+) host ports? (?:is|are) needed and /.exec(message) ?? [];
		const free = wanted !== undefined && this.#options.isQuick ? this.#history.freeFor(request) : 0;
		if (free >= Number(wanted)) {
			this.violated('a refusal is true', `${by} told ${request.pod}: ${message}; and ${free} more are free than others want`);
		}
	}

	/** The API server has the answer: from now on the Pod may come. */
	admitted(request: PodRequest): void {
		this.holders.add(request);
		for (const key of request.keys) {
			this.#checkCovered(key, 'when a Pod was told');
		}
	}

	/** Its Pod has been stored. */
	stored(request: PodRequest): void {
		for (const key of request.keys) {
			const others = [...this.holders.of(key)].filter(other => other !== request && other.state === 'live');
			if (others.length > 0) {
				this.violated('one Pod for each port', `${key} is that of ${[request, ...others].map(({pod, uid}) => `${pod} (${uid})`).join(' and ')}`);
			}
		}
	}

	objectChanged(change: Change): void {
		if (change.type === 'ADDED' && (change.kind === 'Pod' || change.kind === 'Service')) {
			const {spec, metadata: {uid}} = change.after as Stored & {readonly spec: PodSpec & {readonly ports: ReadonlyArray<{nodePort: number}>}};
			for (const key of change.kind === 'Pod' ? hostPortKeys(spec) : spec.ports.map(({nodePort}) => `${nodePort}.tcp`)) {
				this.#uidsByKey.set(key, (this.#uidsByKey.get(key) ?? new Set<string>()).add(uid));
			}
		} else if (change.kind === 'ConfigMap') {
			this.#ledgerChanged(change);
		}
	}

	#ledgerChanged(change: Change): void {
		const {before, after, by, at} = change;
		const {metadata: {name}} = after ?? before!;
		const first = firstPortOf(after ?? before!);
		if (first === undefined) {
			if (name === 'hostport-ledger') {
				this.#history.indexChanged(change);
			}

			return;
		}

		if (after) {
			this.#pages.set(first, {page: after, last: lastPortOf(after)});
		} else {
			this.#pages.delete(first);
		}

		const isByHand = by === 'a person';
		const [was, is] = [dataOf(before), dataOf(after)];
		this.#history.pageChanged(first, after, after !== undefined && !isMarked(after), at);
		const changed = changedKeys(was, is);
		for (const key of after ? changed : []) {
			this.#entryChanged({key, before, after: after!, was: was[key], is: is[key], by, isByHand});
		}

		for (const key of changed) {
			this.#history.entryChanged(key, decodedEntry(is[key]) ?? is[key], at);
		}

		const opens = after && !isMarked(after) && (!before || isMarked(before));
		if (opens) {
			this.#checkAlone(first, after, by);
		}

		// An open page loses an entry only by a change of that entry, which was looked at.
		for (const [key] of opens ? this.holders : []) {
			if (this.#pageOf(key) === after) {
				this.#checkCovered(key, `after a write of ${by}`);
			}
		}
	}

	#checkAlone(first: number, opened: Stored, by: string): void {
		const last = lastPortOf(opened);
		for (const [otherFirst, {page, last: otherLast}] of this.#pages) {
			if (page !== opened && !isMarked(page) && otherFirst <= last && otherLast >= first) {
				this.violated('one block for each port', `${by} opened ${opened.metadata.name} with ${first}-${last}, while ${page.metadata.name} has ${otherFirst}-${otherLast}`);
			}
		}
	}

	#checkCovered(key: string, when: string): void {
		const page = this.#pageOf(key);
		if (page && !isMarked(page) && !(key in dataOf(page))) {
			const [holder] = this.holders.of(key);
			this.violated('covered', `${key} of ${holder?.pod} (${holder?.state}) has no entry ${when}`);
		}
	}

	#entryChanged({key, before, after, was, is, by, isByHand}: {key: string; before: Stored | undefined; after: Stored; was: string | undefined; is: string | undefined; by: string; isByHand: boolean}): void {
		const [old, next] = [decodedEntry(was), decodedEntry(is)];
		const past = this.#pastByKey.get(key) ?? {claims: new Set<string>(), enteredAt: -Infinity, releasedAt: -Infinity, reservedAt: new Map<string, number>()};
		this.#pastByKey.set(key, past);
		const what = `${key}: ${was ?? 'nothing'} became ${is ?? 'nothing'} by ${by}`;
		if (!isByHand) {
			this.#checkChange({key, old, next, was, what, past});
			if (before && isMarked(before) && isMarked(after)) {
				this.violated('marked pages rest', what);
			}

			if (!next && this.holders.of(key).size > 0) {
				this.#checkCovered(key, `after a write of ${by}`);
			}

			if (next?.state === 'pending') {
				this.#checkNotTwice(key, next, before, what);
				this.#checkSameName(key, next, what);
			}
		}

		if (next?.state === 'released' && old?.state !== 'released') {
			past.releasedAt = this.#options.now();
		}

		if (next?.claim !== undefined && next.claim !== old?.claim) {
			if (past.claims.has(next.claim)) {
				this.violated('a claim enters once', what);
			}

			past.claims.add(next.claim);
			past.enteredAt = this.#options.now();
			past.reservedAt.set(next.pod.split(' ')[0]!, past.enteredAt);
		}
	}

	#checkChange({key, old, next, was, what, past}: {key: string; old: LedgerEntry | undefined; next: LedgerEntry | undefined; was: string | undefined; what: string; past: Past}): void {
		if (was !== undefined && !old) {
			this.violated('nothing by hand is lost', what);
			return;
		}

		if (next && dryRunName.test(next.pod)) {
			this.violated('no trace of a dry run', what);
		}

		if (next?.uid && next.uid !== old?.uid && !this.#uidsByKey.get(key)?.has(next.uid)) {
			this.violated('bound to whom has it', what);
		}

		if (!old) {
			return;
		}

		if (!next) {
			const heldMs = this.#options.now() - Math.max(past.enteredAt, old.state === 'released' ? past.releasedAt : -Infinity);
			if (old.claim !== undefined && heldMs < this.#options.holdMs) {
				this.violated('held for H', `${what} after ${Math.round(heldMs)} ms`);
			}

			if (old.state === 'bound' || (old.state === 'foreign' && old.claim !== undefined)) {
				this.violated('no way back', what);
			}
		} else if ((next.state === 'released' && old.state === 'pending') || (next.state === 'pending' && old.state !== 'pending' && next.claim === old.claim)) {
			this.violated('no way back', what);
		} else if (next.claim !== old.claim && old.claim !== undefined) {
			const isSuccessor = next.state === 'pending' && next.pod === old.pod && !next.pod.includes(' ') && old.state !== 'foreign';
			if (!isSuccessor) {
				this.violated('nobody is robbed', what);
			}
		}
	}

	/** Its name tells a request apart only where one replica got it, and no other Pod has that name. */
	#checkNotTwice(key: string, next: LedgerEntry, before: Stored | undefined, what: string): void {
		const request = next.pod.includes(' ') ? this.#requestsByPod.get(next.pod.split(' ')[0]!) : undefined;
		if (request?.deliveries !== 1 || !before) {
			return;
		}

		const {protocol} = parseEntryKey(key)!;
		const data = dataOf(before);
		for (const other of Object.keys(data)) {
			const entry = other !== key && data[other]!.includes(next.pod) ? decodedEntry(data[other]) : undefined;
			if (entry?.state === 'pending' && entry.pod === next.pod && entry.port === next.port && parseEntryKey(other)!.protocol === protocol) {
				this.violated('nothing twice', `${what}, where it has ${other} already`);
			}
		}
	}

	#checkSameName(key: string, next: LedgerEntry, what: string): void {
		const {isPunctual, now} = this.#options;
		const overlooked = isPunctual && !next.pod.includes(' ') ? this.#history.overlooked(key, next, now()) : undefined;
		if (overlooked !== undefined) {
			this.violated('same name, same ports', `${what}, where ${overlooked} has been that of ${next.pod}`);
		}
	}

	#pageOf(key: string): Stored | undefined {
		const port = Number.parseInt(key, 10);
		const owners = [...this.#pages].filter(([first, {last}]) => port >= first && port <= last).map(([, {page}]) => page);
		return owners.find(page => !isMarked(page)) ?? owners[0];
	}
}
