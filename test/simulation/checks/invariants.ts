/**
 * What must hold at every moment of every run, whatever goes wrong. Each has a name; a violation says when, what was seen,
 * and who did it. Nothing here asks the product: it looks at what is stored, and at what Pods were told.
 */
import {parseEntry, parseEntryKey} from '../../../src/ports/ledger-entry.ts';
import type {LedgerEntry} from '../../../src/ports/ledger-entry.ts';
import type {Stored} from '../../../harness/in-memory-api/api-objects.ts';
import type {PodSpec} from '../../../harness/in-memory-api/api-objects.ts';
import type {Change} from '../../../harness/in-memory-api/api-server.ts';
import {Holders, hostPortKeys} from './requested-pods.ts';
import type {Attempt} from './requested-pods.ts';
import {Knowable} from './required-knowledge.ts';

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
	/** Port numbers in a page. */
	readonly blockSize: number;
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
	readonly holders = new Holders();
	readonly #options: InvariantOptions;
	readonly #pastByKey = new Map<string, Past>();
	/** UIDs of Pods that have ever had a port, by its key. */
	readonly #uidsByKey = new Map<string, Set<string>>();
	readonly #attemptsByPod = new Map<string, Attempt>();
	readonly #knowable: Knowable;
	/** By first port, with the last one. */
	readonly #pages = new Map<number, {readonly page: Stored; readonly last: number}>();

	constructor(options: InvariantOptions) {
		this.#options = options;
		this.#knowable = new Knowable(options.blockSize);
	}

	violated(invariant: Invariant, detail: string): void {
		this.#options.onViolation({invariant, atMs: this.#options.now(), detail});
	}

	asked(attempt: Attempt): void {
		this.#attemptsByPod.set(attempt.pod, attempt);
		this.#knowable.asked(attempt);
	}

	/** A replica has answered with these ports. */
	answered(attempt: Attempt, keys: readonly string[], by: string): void {
		for (const key of attempt.dryRun ? [] : keys) {
			const reservedAt = this.#pastByKey.get(key)?.reservedAt.get(attempt.pod) ?? -Infinity;
			if (reservedAt < attempt.arrivedAt) {
				this.violated('answer after commit', `${by} told ${attempt.pod} that it has ${key}, for which the ledger has ${dataOf(this.#pageOf(key))[key] ?? 'nothing'}`);
			}
		}
	}

	/** A replica has refused it, for this reason. */
	refused(attempt: Attempt, message: string, by: string): void {
		const [, wanted] = /^(\d+) host ports? (?:is|are) needed and /.exec(message) ?? [];
		const free = wanted !== undefined && this.#options.isQuick ? this.#knowable.freeFor(attempt) : 0;
		if (free >= Number(wanted)) {
			this.violated('a refusal is true', `${by} told ${attempt.pod}: ${message}; and ${free} more are free than others want`);
		}
	}

	/** The API server has the answer: from now on the Pod may come. */
	told(attempt: Attempt): void {
		this.holders.add(attempt);
		for (const key of attempt.keys) {
			this.#checkCovered(key, 'when a Pod was told');
		}
	}

	/** Its Pod has been stored. */
	stored(attempt: Attempt): void {
		for (const key of attempt.keys) {
			const others = [...this.holders.of(key)].filter(other => other !== attempt && other.state === 'live');
			if (others.length > 0) {
				this.violated('one Pod for each port', `${key} is that of ${[attempt, ...others].map(({pod, uid}) => `${pod} (${uid})`).join(' and ')}`);
			}
		}
	}

	changed(change: Change): void {
		if (change.type === 'ADDED' && (change.kind === 'Pod' || change.kind === 'Service')) {
			const {spec, metadata: {uid}} = change.after as Stored & {readonly spec: PodSpec & {readonly ports: ReadonlyArray<{nodePort: number}>}};
			for (const key of change.kind === 'Pod' ? hostPortKeys(spec) : spec.ports.map(({nodePort}) => `${nodePort}.tcp`)) {
				this.#uidsByKey.set(key, (this.#uidsByKey.get(key) ?? new Set<string>()).add(uid));
			}
		} else if (change.kind === 'ConfigMap') {
			this.#changedLedger(change);
		}
	}

	#changedLedger(change: Change): void {
		const {before, after, by, at} = change;
		const {metadata: {name}} = after ?? before!;
		const first = firstPortOf(after ?? before!);
		if (first === undefined) {
			if (name === 'hostport-ledger') {
				this.#knowable.indexChanged(change);
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
		this.#knowable.pageChanged(first, after, after !== undefined && !isMarked(after), at);
		const changed = changedKeys(was, is);
		for (const key of after ? changed : []) {
			this.#changedEntry({key, before, after: after!, was: was[key], is: is[key], by, isByHand});
		}

		for (const key of changed) {
			this.#knowable.entryChanged(key, decoded(is[key]) ?? is[key], at);
		}

		const opens = after && !isMarked(after) && (!before || isMarked(before));
		// An open page loses an entry only by a change of that entry, which was looked at.
		for (const [key] of opens ? this.holders : []) {
			if (this.#pageOf(key) === after) {
				this.#checkCovered(key, `after a write of ${by}`);
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

	#changedEntry({key, before, after, was, is, by, isByHand}: {key: string; before: Stored | undefined; after: Stored; was: string | undefined; is: string | undefined; by: string; isByHand: boolean}): void {
		const [old, next] = [decoded(was), decoded(is)];
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
		const attempt = next.pod.includes(' ') ? this.#attemptsByPod.get(next.pod.split(' ')[0]!) : undefined;
		if (attempt?.deliveries !== 1 || !before) {
			return;
		}

		const {protocol} = parseEntryKey(key)!;
		const data = dataOf(before);
		for (const other of Object.keys(data)) {
			const entry = other !== key && data[other]!.includes(next.pod) ? decoded(data[other]) : undefined;
			if (entry?.state === 'pending' && entry.pod === next.pod && entry.portName === next.portName && parseEntryKey(other)!.protocol === protocol) {
				this.violated('nothing twice', `${what}, where it has ${other} already`);
			}
		}
	}

	#checkSameName(key: string, next: LedgerEntry, what: string): void {
		const {isPunctual, now} = this.#options;
		const overlooked = isPunctual && !next.pod.includes(' ') ? this.#knowable.overlooked(key, next, now()) : undefined;
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

const changedKeys = (was: Readonly<Record<string, string>>, is: Readonly<Record<string, string>>): string[] => {
	if (was === is) {
		return [];
	}

	const changed = Object.keys(was).filter(key => was[key] !== is[key]);
	return [...changed, ...Object.keys(is).filter(key => was[key] === undefined)];
};

/** Whether it is a page of the ledger. */
export const isPage = (object: Stored): boolean => firstPortOf(object) !== undefined;

const firstPortOf = ({metadata: {name}}: Stored): number | undefined => {
	const first = /^hostport-ledger-(\d+)$/.exec(name)?.[1];
	return first === undefined ? undefined : Number(first);
};

const lastPortOf = ({metadata: {annotations}}: Stored): number => {
	const range = annotations?.['hostport.io/ports'] ?? '';
	return Number(range.slice(range.indexOf('-') + 1));
};

export const isMarked = ({metadata: {annotations = {}}}: Stored): boolean => annotations['hostport.io/mark'] !== undefined;

export const dataOf = (object: Stored | undefined): Readonly<Record<string, string>> => (object?.['data'] ?? {}) as Readonly<Record<string, string>>;

const decoded = (text: string | undefined): LedgerEntry | undefined => {
	const entry = text === undefined ? undefined : parseEntry(text);
	return typeof entry === 'object' ? entry : undefined;
};
