/**
 * Checks the invariants at every change and every answer. The checks don't trust the product: they look at stored objects
 * and at what replicas answer.
 */
import {EntryPast, rulesBroken} from './entry-changes.ts';
import type {Invariant, Violation} from './invariants.ts';
import {parseEntryKey} from '../../../src/ports/ledger-entry.ts';
import type {LedgerEntry} from '../../../src/ports/ledger-entry.ts';
import type {Stored} from '../../../harness/in-memory-api/kinds.ts';
import type {Change} from '../../../harness/in-memory-api/object-store.ts';
import type {PodSpec} from '../../../harness/in-memory-api/pod-spec.ts';
import {hostPortKeys} from '../world/pod-requests.ts';
import type {PodRequest} from '../world/pod-requests.ts';
import {manualEditor} from '../faults/manual-edits.ts';
import {LedgerHistory, maxNumbersPerPod} from './ledger-history.ts';
import {HeldNumbers} from './held-numbers.ts';
import {PortHolders} from './port-holders.ts';
import {changedKeys, hasAnotherCommit, dataOf, decodedEntry, firstPortOf, isMarked, lastPortOf} from './stored-ledger.ts';

export type InvariantChecksOptions = {
	readonly now: () => number;
	/** Port numbers in a page. */
	readonly blockSize: number;
	/** The shortest time for which an entry must be held, milliseconds of true time: replicas' clocks may run a little fast. */
	readonly holdMs: number;
	/** The range of which the numbers held by each namespace are counted; absent means none. */
	readonly heldRange?: {readonly first: number; readonly last: number};
	/** Whether no write is delayed for long, so that the time of a write tells when it was planned. */
	readonly isPunctual: boolean;
	/** Whether answers are quick too. Otherwise a number that is free when the denial arrives may have been taken when it was decided. */
	readonly isQuick: boolean;
	/** First ports of the pages that can't be read or written, or could not a moment ago. */
	readonly failingPages: () => ReadonlySet<number>;
	readonly onViolation: (violation: Violation) => void;
};

export class InvariantChecks {
	readonly holders = new PortHolders();
	readonly #options: InvariantChecksOptions;
	readonly #pastByKey = new Map<string, EntryPast>();
	/** UIDs of Pods and Services that have ever had a port, by its key. */
	readonly #uidsByKey = new Map<string, Set<string>>();
	readonly #requestsByPod = new Map<string, PodRequest>();
	readonly #history: LedgerHistory;
	/** First ports of pages that a person has replaced by an earlier copy, until a replica marks or opens them. */
	readonly #rolledBack = new Set<number>();
	readonly #heldNumbers: HeldNumbers | undefined;
	/** By first port. */
	readonly #pages = new Map<number, {readonly page: Stored; readonly last: number}>();

	constructor(options: InvariantChecksOptions) {
		this.#options = options;
		this.#history = new LedgerHistory(options.blockSize);
		this.#heldNumbers = options.heldRange && new HeldNumbers(options.heldRange);
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
		this.#checkTaken(request, message, by);
		const [, wanted] = /^(\d+) host ports? (?:is|are) needed and /.exec(message) ?? [];
		const {isQuick, failingPages} = this.#options;
		const free = isQuick ? this.#history.freeFor(request, failingPages()) : 0;
		if (/configmaps\/hostport-ledger-\d+: 422/.test(message) && !message.includes('are free') && !message.includes('stays as written') && free >= maxNumbersPerPod) {
			this.violated('a failing page concerns nobody else', `${by} told ${request.pod}: ${message}; but ${free} numbers are free on other pages`);
		}

		if (wanted !== undefined && free >= Number(wanted)) {
			this.violated('a denial is true', `${by} told ${request.pod}: ${message}; but ${free} numbers are free beyond those that others may need`);
		}
	}

	#checkTaken(request: PodRequest, message: string, by: string): void {
		const [, number, protocol = ''] = /stays as written, (\d+)\/(\w+), and that number /.exec(message) ?? [];
		if (number !== undefined && this.#options.isQuick && this.#history.wasFree(`${number}.${protocol.toLowerCase()}`, request)) {
			this.violated('a denial is true', `${by} told ${request.pod}: ${message}; but nothing has had that number for a while`);
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

		const wasOpen = before !== undefined && this.#isOpen(first, before);
		if (by === manualEditor && before && after && hasAnotherCommit(before, after)) {
			this.#rolledBack.add(first);
		} else if (!after || isMarked(after)) {
			this.#rolledBack.delete(first);
		}

		const [was, is] = [dataOf(before), dataOf(after)];
		this.#history.pageChanged(first, after, after !== undefined && this.#isOpen(first, after), at);
		const changed = changedKeys(was, is);
		for (const key of after ? changed : []) {
			this.#entryChanged({key, before, after: after!, was: was[key], is: is[key], by});
		}

		if (by !== manualEditor) {
			// It has gone on from the copy, which is right only if it has compared the page with the live Pods.
			this.#rolledBack.delete(first);
		}

		for (const key of changed) {
			const problem = this.#heldNumbers?.changed(key, decodedEntry(was[key]), decodedEntry(is[key]));
			if (problem) {
				this.violated('held numbers are bounded', `${by} reserved ${key}: ${problem}`);
			}

			this.#history.entryChanged(key, decodedEntry(is[key]) ?? is[key], at);
		}

		const opens = after && this.#isOpen(first, after) && !wasOpen;
		// Entries of a page that was open before have been checked above, change by change.
		for (const [key] of opens ? this.holders : []) {
			if (this.#pageOf(key) === after) {
				this.#checkReserved(key, `after a write of ${by}`);
			}
		}
	}

	/** Whether ports may be reserved on this page. */
	#isOpen(first: number, page: Stored): boolean {
		return !isMarked(page) && !this.#rolledBack.has(first);
	}

	#checkReserved(key: string, when: string): void {
		const page = this.#pageOf(key);
		if (page && this.#isOpen(firstPortOf(page)!, page) && !(key in dataOf(page))) {
			const [holder] = this.holders.of(key);
			this.violated('every used port is reserved', `${key} of ${holder?.pod} (${holder?.state}) has no entry ${when}`);
		}
	}

	#entryChanged({key, before, after, was, is, by}: {key: string; before: Stored | undefined; after: Stored; was: string | undefined; is: string | undefined; by: string}): void {
		const next = decodedEntry(is);
		const past = this.#pastByKey.get(key) ?? new EntryPast();
		this.#pastByKey.set(key, past);
		const what = `${by} changed ${key} from ${was ?? 'nothing'} to ${is ?? 'nothing'}`;
		if (by !== manualEditor) {
			const {holdMs, now} = this.#options;
			for (const rule of rulesBroken({was, is, past, usedBy: this.#uidsByKey.get(key), holdMs, now: now()})) {
				this.violated(rule, what);
			}

			if (before && ((isMarked(before) && isMarked(after)) || (next?.state === 'pending' && this.#rolledBack.has(firstPortOf(after)!)))) {
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

		if (past.record(decodedEntry(was), next, this.#options.now()) === 'old claim' && by !== manualEditor) {
			this.violated('a claim is written once', what);
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
			if (entry?.state === 'pending' && entry.pod === next.pod && entry.portName === next.portName && parseEntryKey(other)!.protocol === protocol) {
				this.violated('no double reservation', `${what}, although the page has ${other} for the same port of the Pod`);
			}
		}
	}

	#checkSameName(key: string, next: LedgerEntry, what: string): void {
		const {isPunctual, now} = this.#options;
		const overlooked = isPunctual && !next.pod.includes(' ') ? this.#history.overlooked(key, next, now(), this.#options.failingPages()) : undefined;
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
