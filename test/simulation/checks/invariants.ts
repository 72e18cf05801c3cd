/**
 * What must hold at every moment of every run, under every fault. Each rule has a name. A violation says when it happened,
 * what was seen and which client caused it. The checks don't trust the product: they look at stored objects and at answers.
 */
import {parseEntryKey} from '../../../src/ports/ledger-entry.ts';
import type {LedgerEntry} from '../../../src/ports/ledger-entry.ts';
import type {Stored} from '../../../harness/in-memory-api/kinds.ts';
import type {Change} from '../../../harness/in-memory-api/object-store.ts';
import type {PodSpec} from '../../../harness/in-memory-api/pod-spec.ts';
import {hostPortKeys} from '../world/pod-requests.ts';
import type {PodRequest} from '../world/pod-requests.ts';
import {manualEditor} from '../faults/manual-edits.ts';
import {LedgerHistory} from './ledger-history.ts';
import {PortHolders} from './port-holders.ts';
import {changedKeys, dataOf, decodedEntry, firstPortOf, isMarked, lastPortOf} from './stored-ledger.ts';

export const invariants = {
	'one Pod per port': 'no two live Pods that were given ports have the same (protocol, port)',
	'every used port is reserved': 'a port of a live or admitted Pod can not be given again: its page is absent, in quarantine, or has an entry for it',
	'answer after commit': 'a port in an answer is in the ledger before the answer is sent',
	'no trace of a dry run': 'no entry in the ledger names a Pod of a dry run',
	'held for the hold time': 'no entry is removed before the hold time has passed since its claim was written, or since it was released',
	'only a successor takes over': 'an entry passes only to a Pod with the same fixed name',
	'a claim is written once': 'a (port, claim) is written to the ledger at most once',
	'states move forward': 'an entry is released only after it was bound, removed only after it was released or has expired, and pending again only with another claim',
	'bound to a Pod with the port': 'an entry names the UID of a Pod or Service that has, or had, the port',
	'no double reservation': 'a request does not reserve a second port on a page that already has its reservation',
	'same name, same ports': 'a Pod with the fixed name of an earlier one gets the ports that the ledger has for that name, if they are in its range and have been there for a second',
	'a denial is true': 'no Pod is told that its range is full while more of its numbers have been free for a while than all waiting Pods need',
	'one block for each port': 'no port lies in the blocks of two open pages',
	'quarantine holds': 'no port is reserved on a page in quarantine, unless the same write lifts the quarantine',
	'manual edits are kept': 'a value that a person wrote into a page, and that this version can not read, stays there',
	'answered in time': 'a replica that is alive and not paused answers every request by its deadline',
	'a valid answer': 'an answer is a patch that the API server accepts, or a denial with its reason',
	'every replica serves again': 'after the last fault, every replica gives ports',
	'the Lease is handed on': 'after the holder and any number of waiting replicas have crashed, the others serve within one Lease duration and a second',
	'leaked ports are freed': 'after the last fault, entries without a live Pod are removed within the hold time and one pass',
	'ledger and cluster agree': 'after the last fault, every host port of a live Pod has an entry that names the Pod',
	'nothing hangs': 'every request has an answer when the run ends',
} as const;

export type Invariant = keyof typeof invariants;

export type Violation = {readonly invariant: Invariant; readonly atMs: number; readonly detail: string};

export type InvariantOptions = {
	readonly now: () => number;
	/** The shortest time for which an entry must be held, milliseconds of true time: replicas' clocks may run a little fast. */
	readonly holdMs: number;
	/** Whether no write is delayed for long, so that the time of a write tells when it was planned. */
	readonly isPunctual: boolean;
	/** Whether answers are quick too. Otherwise a number that is free when the denial arrives may have been taken when it was decided. */
	readonly isQuick: boolean;
	readonly onViolation: (violation: Violation) => void;
};

/** What has happened to the entry of one port. */
type EntryPast = {
	/** All that it has had. */
	readonly claims: Set<string>;
	/** When the latest claim was written. */
	claimedAt: number;
	/** When it was last released. */
	releasedAt: number;
	/** When each Pod last reserved the port, by the Pod's name in the ledger. */
	readonly reservedAt: Map<string, number>;
};

/** Only Pods of dry runs have such names. */
const dryRunName = /^[^/]+\/dry-/;

export class Invariants {
	readonly holders = new PortHolders();
	readonly #options: InvariantOptions;
	readonly #pastByKey = new Map<string, EntryPast>();
	/** UIDs of Pods and Services that have ever had a port, by its key. */
	readonly #uidsByKey = new Map<string, Set<string>>();
	readonly #requestsByPod = new Map<string, PodRequest>();
	readonly #history = new LedgerHistory();
	/** By first port. */
	readonly #pages = new Map<number, {readonly page: Stored; readonly last: number}>();

	constructor(options: InvariantOptions) {
		this.#options = options;
	}

	violated(invariant: Invariant, detail: string): void {
		this.#options.onViolation({invariant, atMs: this.#options.now(), detail});
	}

	/** A client has sent a request. */
	requested(request: PodRequest): void {
		this.#requestsByPod.set(request.pod, request);
		this.#history.requested(request);
	}

	/** A replica has answered with the ports of these keys. */
	answered(request: PodRequest, keys: readonly string[], by: string): void {
		for (const key of request.dryRun ? [] : keys) {
			const reservedAt = this.#pastByKey.get(key)?.reservedAt.get(request.pod) ?? -Infinity;
			if (reservedAt < request.arrivedAt) {
				this.violated('answer after commit', `${by} gave ${key} to ${request.pod}, but the ledger has ${dataOf(this.#pageOf(key))[key] ?? 'no entry'} for it`);
			}
		}
	}

	/** A replica has denied the request with this message. */
	denied(request: PodRequest, message: string, by: string): void {
		const [, wanted] = /^(\d+) host ports? (?:is|are) needed and /.exec(message) ?? [];
		const free = wanted !== undefined && this.#options.isQuick ? this.#history.freeFor(request) : 0;
		if (free >= Number(wanted)) {
			this.violated('a denial is true', `${by} told ${request.pod}: ${message}; but ${free} numbers are free beyond those that others may need`);
		}
	}

	/** The API server has received the ports: from now on the Pod may be stored. */
	admitted(request: PodRequest): void {
		this.holders.add(request);
		for (const key of request.keys) {
			this.#checkReserved(key, 'when the Pod is admitted');
		}
	}

	/** The Pod of this request has been stored. */
	stored(request: PodRequest): void {
		for (const key of request.keys) {
			const others = [...this.holders.of(key)].filter(other => other !== request && other.state === 'live');
			if (others.length > 0) {
				this.violated('one Pod per port', `${key} belongs to ${[request, ...others].map(({pod, uid}) => `${pod} (${uid})`).join(' and ')}`);
			}
		}
	}

	/** The API server has stored a change. */
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

		const isByHand = by === manualEditor;
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
			this.#checkOneBlock(first, after, by);
		}

		// Entries of a page that was open before have been checked above, change by change.
		for (const [key] of opens ? this.holders : []) {
			if (this.#pageOf(key) === after) {
				this.#checkReserved(key, `after a write of ${by}`);
			}
		}
	}

	#checkOneBlock(first: number, opened: Stored, by: string): void {
		const last = lastPortOf(opened);
		for (const [otherFirst, {page, last: otherLast}] of this.#pages) {
			if (page !== opened && !isMarked(page) && otherFirst <= last && otherLast >= first) {
				this.violated('one block for each port', `${by} opened ${opened.metadata.name} with ${first}-${last}, while ${page.metadata.name} has ${otherFirst}-${otherLast}`);
			}
		}
	}

	#checkReserved(key: string, when: string): void {
		const page = this.#pageOf(key);
		if (page && !isMarked(page) && !(key in dataOf(page))) {
			const [holder] = this.holders.of(key);
			this.violated('every used port is reserved', `${key} of ${holder?.pod} (${holder?.state}) has no entry ${when}`);
		}
	}

	#entryChanged({key, before, after, was, is, by, isByHand}: {key: string; before: Stored | undefined; after: Stored; was: string | undefined; is: string | undefined; by: string; isByHand: boolean}): void {
		const [old, next] = [decodedEntry(was), decodedEntry(is)];
		const past = this.#pastByKey.get(key) ?? {claims: new Set<string>(), claimedAt: -Infinity, releasedAt: -Infinity, reservedAt: new Map<string, number>()};
		this.#pastByKey.set(key, past);
		const what = `${by} changed ${key} from ${was ?? 'nothing'} to ${is ?? 'nothing'}`;
		if (!isByHand) {
			this.#checkChange({key, old, next, was, what, past});
			if (before && isMarked(before) && isMarked(after)) {
				this.violated('quarantine holds', what);
			}

			if (!next && this.holders.of(key).size > 0) {
				this.#checkReserved(key, `after a write of ${by}`);
			}

			if (next?.state === 'pending') {
				this.#checkNoDouble(key, next, before, what);
				this.#checkSameName(key, next, what);
			}
		}

		if (next?.state === 'released' && old?.state !== 'released') {
			past.releasedAt = this.#options.now();
		}

		if (next?.claim !== undefined && next.claim !== old?.claim) {
			if (past.claims.has(next.claim)) {
				this.violated('a claim is written once', what);
			}

			past.claims.add(next.claim);
			past.claimedAt = this.#options.now();
			past.reservedAt.set(next.pod.split(' ')[0]!, past.claimedAt);
		}
	}

	#checkChange({key, old, next, was, what, past}: {key: string; old: LedgerEntry | undefined; next: LedgerEntry | undefined; was: string | undefined; what: string; past: EntryPast}): void {
		if (was !== undefined && !old) {
			this.violated('manual edits are kept', what);
			return;
		}

		if (next && dryRunName.test(next.pod)) {
			this.violated('no trace of a dry run', what);
		}

		if (next?.uid && next.uid !== old?.uid && !this.#uidsByKey.get(key)?.has(next.uid)) {
			this.violated('bound to a Pod with the port', what);
		}

		if (!old) {
			return;
		}

		if (!next) {
			const heldMs = this.#options.now() - Math.max(past.claimedAt, old.state === 'released' ? past.releasedAt : -Infinity);
			if (old.claim !== undefined && heldMs < this.#options.holdMs) {
				this.violated('held for the hold time', `${what} after ${Math.round(heldMs)} ms`);
			}

			if (old.state === 'bound' || (old.state === 'foreign' && old.claim !== undefined)) {
				this.violated('states move forward', what);
			}
		} else if ((next.state === 'released' && old.state === 'pending') || (next.state === 'pending' && old.state !== 'pending' && next.claim === old.claim)) {
			this.violated('states move forward', what);
		} else if (next.claim !== old.claim && old.claim !== undefined) {
			const isSuccessor = next.state === 'pending' && next.pod === old.pod && !next.pod.includes(' ') && old.state !== 'foreign';
			if (!isSuccessor) {
				this.violated('only a successor takes over', what);
			}
		}
	}

	/** Only for Pods whose unique name identifies the request, and only if one replica received it. */
	#checkNoDouble(key: string, next: LedgerEntry, before: Stored | undefined, what: string): void {
		const request = next.pod.includes(' ') ? this.#requestsByPod.get(next.pod.split(' ')[0]!) : undefined;
		if (request?.deliveries !== 1 || !before) {
			return;
		}

		const {protocol} = parseEntryKey(key)!;
		const data = dataOf(before);
		for (const other of Object.keys(data)) {
			const entry = other !== key && data[other]!.includes(next.pod) ? decodedEntry(data[other]) : undefined;
			if (entry?.state === 'pending' && entry.pod === next.pod && entry.port === next.port && parseEntryKey(other)!.protocol === protocol) {
				this.violated('no double reservation', `${what}, although the page has ${other} for the same port of the Pod`);
			}
		}
	}

	#checkSameName(key: string, next: LedgerEntry, what: string): void {
		const {isPunctual, now} = this.#options;
		const overlooked = isPunctual && !next.pod.includes(' ') ? this.#history.overlooked(key, next, now()) : undefined;
		if (overlooked !== undefined) {
			this.violated('same name, same ports', `${what}, although ${overlooked} belonged to ${next.pod}`);
		}
	}

	#pageOf(key: string): Stored | undefined {
		const port = Number.parseInt(key, 10);
		const owners = [...this.#pages].filter(([first, {last}]) => port >= first && port <= last).map(([, {page}]) => page);
		return owners.find(page => !isMarked(page)) ?? owners[0];
	}
}
