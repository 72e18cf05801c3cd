/** What may go wrong in a run, and how often. Each run has some of it, each fault with a probability of its own. */
import type {Random} from '../world/random.ts';

/** Probabilities for each request, unless told otherwise. */
export type FaultRates = {
	/** Never arrives; the client hears nothing, or that the connection is gone. */
	readonly requestLost: number;
	/** It happens, but the client hears nothing, or that the connection is gone. */
	readonly answerLost: number;
	/** Either way takes up to a minute. */
	readonly slow: number;
	/** The answer to a list of Pods takes seconds, as that of a large cluster does. */
	readonly slowLists: number;
	/** The answer to a read of a page takes seconds. */
	readonly slowReads: number;
	/** Answered without being looked at. */
	readonly conflict: number;
	readonly tooManyRequests: number;
	readonly internalError: number;
	readonly unavailable: number;
	/** It happens, and the answer is a 500: etcd's own answer came too late. */
	readonly errorAfterCommit: number;
	/** For each event of a watch: it is the last one, and the connection stays. */
	readonly watchStall: number;
	readonly watchDuplicate: number;
	readonly watchGap: number;
	/** An older event comes again. */
	readonly watchRewind: number;
	readonly watchReset: number;
	/** Lists come in pages of a few objects. */
	readonly shortPages: number;
	/** For each admission: the same body is sent to two replicas. */
	readonly resent: number;
	/** For each admission: the request has the UID of an earlier one. */
	readonly sameUid: number;
	/** For each Pod: it takes seconds to be stored. */
	readonly slowStorage: number;
	/** For each Pod: it is stored at the last moment. */
	readonly lateStorage: number;
	/** For each Pod that was admitted: another webhook, a quota or storage refuses it. */
	readonly rejected: number;
	/** Each for the whole run: about how many times. */
	readonly crashes: number;
	readonly pauses: number;
	readonly restarts: number;
	readonly compactions: number;
	readonly leaseDeletions: number;
	/** For each write of the ledger's Lease: somebody deletes it a moment later. */
	readonly leaseVanishes: number;
	readonly leaseEdits: number;
	readonly indexDeletions: number;
	readonly pageDeletions: number;
	/** For each write of a page: somebody deletes it a moment later. */
	readonly pageVanishes: number;
	/** For each page that is made, or opened: who did it dies a moment later. */
	readonly makerDies: number;
	readonly pageEdits: number;
	readonly ledgerDeletions: number;
};

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
} as const satisfies Record<keyof FaultRates, number>;

const names = Object.keys(maxRates) as Array<keyof FaultRates>;

const rates = (of: (name: keyof FaultRates) => number): FaultRates =>
	Object.fromEntries(names.map(name => [name, of(name)])) as Record<keyof FaultRates, number>;

export const noFaults: FaultRates = rates(() => 0);

/**
 * Half of the faults, some often and some seldom: a run that has them all is mostly busy with surviving, and shows less
 * (Groce et al., "Swarm Testing", 2012).
 */
export const someFaults = (random: Random): FaultRates =>
	rates(name => (random.chance(0.5) ? random.logarithmic(maxRates[name] / 20, maxRates[name]) : 0));
