/**
 * The life of a ledger entry: every state and every change from one to another. No other file decides a state. Pure.
 *
 * - `pending`: an admission has reserved the port. Its Pod is not stored yet, or was rejected after the admission.
 * - `bound`: a live Pod has the port, and annotations on it say that we gave it this port or others.
 * - `released`: no live Pod has the port any more. It is held back a while, because of late connections and slow kubelets.
 * - `foreign`: a live Pod that was given no port by us has it, or a Service has it as NodePort.
 *
 * An admission makes entries `pending` (`reserve`): on a free port, or in place of an entry that names the same Pod, unless
 * that entry is `foreign` (`canBeReservedAgain`). When a page leaves quarantine, its ports that are in use get entries
 * (`adopt`). All else follows from what a pass of the reconciler observes (`observe`). After each arrow stands the new
 * state, and in brackets the reason that the log and the metrics name:
 *
 * | entry               | a Pod that we gave ports has it    | only others have it         | none has it                         |
 * |---------------------|------------------------------------|-----------------------------|-------------------------------------|
 * | none                | → `bound`, new claim (adopt)       | → `foreign` (foreign)       | –                                   |
 * | `pending`           | → `bound` (bind)                   | → `foreign` (foreign)       | after the hold time → free (expire) |
 * | `bound`             | stays, or follows the Pod (bind)   | → `foreign` (foreign)       | → `released` (release)              |
 * | `released`          | → `bound` (bind)                   | → `foreign` (foreign)       | after the hold time → free (expire) |
 * | `foreign`, claim    | → `bound` (bind)                   | stays, or follows (foreign) | → `released` (release)              |
 * | `foreign`, no claim | → `bound`, new claim (bind)        | stays, or follows (foreign) | → free (gone)                       |
 *
 * Of several uses of one port, one decides (`preferredUse`). A change is dropped if the entry has changed again before the
 * commit (batch-plan.ts).
 *
 * An entry keeps its claim in every state: the port was given to a Pod, which may still be on its way to storage, so only
 * the hold time may free it. Better to leak a port for two minutes than to give it twice.
 */
import type {HostPortUse} from './host-port-use.ts';
import type {LedgerEntry} from './ledger-entry.ts';

export type Transition = {
	/** See the table. */
	readonly reason: 'adopt' | 'bind' | 'foreign' | 'release' | 'expire' | 'gone';
	/** Undefined: the port becomes free. */
	readonly next: LedgerEntry | undefined;
};

/** What new entries and states are made with. */
export type TransitionInput = {
	/** When the new state begins, RFC 3339, for people. */
	readonly since: string;
	/** Called for each entry that needs a claim and has none. */
	readonly mintClaim: () => string;
};

/** The entry of a port that an admission reserves. */
export const reserve = (pod: string, portName: string, claim: string, since: string): LedgerEntry =>
	({pod, portName, state: 'pending', claim, since});

/** Whether an admission may reserve the port of an entry that names the same Pod and the same port of it. */
export const canBeReservedAgain = ({state}: LedgerEntry): boolean => state !== 'foreign';

/** Characters of a node's name, which is for people. Most have less than 64; any Pod may name one of 253, and an entry must be small. */
const maximumNodeLength = 100;

/** The entry of a port that is in use and has no entry. */
export const adopt = (use: HostPortUse, claim: string, since: string): LedgerEntry => ({
	pod: use.pod,
	portName: use.portName,
	state: use.managed ? 'bound' : 'foreign',
	uid: use.uid,
	...(use.node && {node: use.node.slice(0, maximumNodeLength)}),
	...(use.managed && {claim}),
	since,
});

/**
 * What becomes of a port, given all live uses of it.
 *
 * @param entry undefined: the port has none.
 * @param isHoldOver whether this process has seen the entry as it is for the whole hold time.
 * @returns undefined where nothing changes.
 */
export const observe = (
	entry: LedgerEntry | undefined,
	uses: readonly HostPortUse[],
	isHoldOver: boolean,
	input: TransitionInput,
): Transition | undefined => {
	if (uses.length === 0) {
		return entry && withoutUse(entry, isHoldOver, input);
	}

	const use = preferredUse(uses, entry);
	return entry ? follow(entry, use, input) : appear(use, input);
};

const withoutUse = (entry: LedgerEntry, isHoldOver: boolean, {since}: TransitionInput): Transition | undefined => {
	if (entry.state === 'bound' || (entry.state === 'foreign' && entry.claim !== undefined)) {
		return {reason: 'release', next: {...entry, state: 'released', since}};
	}

	if (entry.state === 'foreign') {
		return {reason: 'gone', next: undefined};
	}

	return isHoldOver ? {reason: 'expire', next: undefined} : undefined;
};

/** Makes the entry name the Pod that has the port now. If the Pod is the same, the entry keeps its port name. */
const follow = (entry: LedgerEntry, use: HostPortUse, {since, mintClaim}: TransitionInput): Transition | undefined => {
	const adopted = adopt(use, entry.claim ?? mintClaim(), since);
	const next = {
		...adopted,
		...(entry.pod === adopted.pod && {portName: entry.portName}),
		...(entry.claim !== undefined && {claim: entry.claim}),
	};
	const isSame = (['pod', 'portName', 'state', 'uid', 'node'] as const).every(member => entry[member] === next[member]);
	return isSame ? undefined : {reason: next.state === 'foreign' ? 'foreign' : 'bind', next};
};

const appear = (use: HostPortUse, {since, mintClaim}: TransitionInput): Transition => {
	const next = adopt(use, mintClaim(), since);
	return {reason: next.state === 'foreign' ? 'foreign' : 'adopt', next};
};

/** Chooses among several uses: first the Pod that the entry names, then a managed Pod, then the first by name, so that all passes agree. */
const preferredUse = (uses: readonly HostPortUse[], entry: LedgerEntry | undefined): HostPortUse => {
	const rank = (use: HostPortUse) => (use.uid === entry?.uid ? 0 : use.managed ? 1 : 2);
	// Linear, without sorting: a DaemonSet may use one port on thousands of nodes.
	return uses.reduce((best, use) => (rank(use) - rank(best) || (use.pod < best.pod ? -1 : 1)) < 0 ? use : best);
};
