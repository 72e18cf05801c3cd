/** Which faults a run has, and how often each occurs. */
import type {Random} from '../world/random.ts';

/** Probabilities for each request to the API server, unless a comment says otherwise. */
export type FaultRates = {
	/** The request never arrives. The client sees a reset connection or no answer. */
	readonly requestLost: number;
	/** The request is carried out, but the answer is lost. The client sees a reset connection or no answer. */
	readonly answerLost: number;
	/** One direction takes up to a minute. */
	readonly slow: number;
	/** The answer to a list of Pods takes seconds, as in a large cluster. */
	readonly slowLists: number;
	/** The answer to a read of a page takes seconds. */
	readonly slowReads: number;
	/** These four are answered without being carried out. */
	readonly conflict: number;
	readonly tooManyRequests: number;
	readonly internalError: number;
	readonly unavailable: number;
	/** The request is carried out, and the answer is a 500, as when etcd answers too late. */
	readonly errorAfterCommit: number;
	/** For each event of a watch: no more events arrive, but the connection stays open. */
	readonly watchStall: number;
	/** For each event of a watch: it arrives twice. */
	readonly watchDuplicate: number;
	/** For each event of a watch: it is lost. */
	readonly watchGap: number;
	/** For each event of a watch: an older one arrives again. */
	readonly watchRewind: number;
	/** For each event of a watch: the connection breaks. */
	readonly watchReset: number;
	/** For the whole run: lists come in pages of a few objects. */
	readonly shortPages: number;
	/** For each admission: the same request is sent to two replicas. */
	readonly resent: number;
	/** For each admission: the request has the UID of an earlier one. */
	readonly sameUid: number;
	/** For each Pod: storing it takes seconds. */
	readonly slowStorage: number;
	/** For each Pod: it is stored at the last moment that the request timeout allows. */
	readonly lateStorage: number;
	/** For each admitted Pod: a quota rejects it. */
	readonly rejected: number;
	/** From here on, unless a comment says otherwise: the mean number in a run. */
	readonly crashes: number;
	readonly pauses: number;
	readonly restarts: number;
	readonly compactions: number;
	readonly leaseDeletions: number;
	/** For each write of the ledger's Lease: a person deletes the Lease a moment later. */
	readonly leaseVanishes: number;
	readonly leaseEdits: number;
	readonly indexDeletions: number;
	readonly pageDeletions: number;
	/** For each write of a page: a person deletes the page a moment later. */
	readonly pageVanishes: number;
	/** For each page that is created or opened: the replica that did it crashes a moment later. */
	readonly makerDies: number;
	readonly pageEdits: number;
	readonly ledgerDeletions: number;
	/** A person puts the ledger, or one object of it, back from a copy that is up to a minute old. */
	readonly ledgerCopies: number;
	/** The same while no replica runs. */
	readonly coldCopies: number;
	/** One page can't be written, or can't be read, for a while. */
	readonly failingPages: number;
};

/** Chosen so that a run with some of these still stores Pods. */
const maxRates = {
	requestLost: 0.1,
	answerLost: 0.15,
	slow: 0.1,
	slowLists: 0.5,
	slowReads: 0.2,
	conflict: 0.1,
	tooManyRequests: 0.1,
	internalError: 0.1,
	unavailable: 0.1,
	errorAfterCommit: 0.1,
	watchStall: 0.2,
	watchDuplicate: 0.3,
	watchGap: 0.3,
	watchRewind: 0.3,
	watchReset: 0.1,
	shortPages: 1,
	resent: 0.05,
	sameUid: 0.02,
	slowStorage: 0.3,
	lateStorage: 0.2,
	rejected: 0.3,
	crashes: 8,
	pauses: 10,
	restarts: 4,
	compactions: 4,
	leaseDeletions: 20,
	leaseVanishes: 0.5,
	leaseEdits: 8,
	indexDeletions: 3,
	pageDeletions: 6,
	pageVanishes: 0.02,
	makerDies: 0.3,
	pageEdits: 10,
	ledgerDeletions: 6,
	ledgerCopies: 4,
	coldCopies: 2,
	failingPages: 6,
} as const satisfies Record<keyof FaultRates, number>;

const names = Object.keys(maxRates) as Array<keyof FaultRates>;

const rates = (of: (name: keyof FaultRates) => number): FaultRates =>
	Object.fromEntries(names.map(name => [name, of(name)])) as Record<keyof FaultRates, number>;

export const noFaults: FaultRates = rates(() => 0);

/**
 * A random half of the faults, each with a rate between a twentieth of its maximum and the maximum. Runs with different
 * subsets find more than runs with all faults (Groce et al., "Swarm Testing", 2012).
 */
export const someFaults = (random: Random): FaultRates =>
	rates(name => (random.chance(0.5) ? random.logarithmic(maxRates[name] / 20, maxRates[name]) : 0));
