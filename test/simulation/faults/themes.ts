/**
 * Worlds in which those faults meet that must meet for a rule of the design to matter, and the others stay away. Half of
 * the seeds have none of them and get their faults by chance, see `someFaults`.
 */
import type {FaultRates} from './fault-rates.ts';

export type Theme = {
	readonly name: string;
	/** What may go wrong, and nothing else does. */
	readonly faults: Partial<FaultRates>;
	/** Numbers in a page, where a ledger is there already. */
	readonly blockSize?: number;
	/** How many numbers all Pods fight for. */
	readonly ports?: number;
	/** How many of the Pods have a name that comes again, as those of a StatefulSet have. */
	readonly fixedNames?: number;
	/** How many Pods take host ports without asking. */
	readonly foreignPods?: number;
	/** For how long Pods are asked for; about 90 s unless told otherwise. */
	readonly spanMs?: number;
	/** How long every replica's Lease lasts, seconds. */
	readonly leaseDuration?: number;
	/** How many of the replicas are of the version before. */
	readonly shareBefore?: number;
	/** How long a Pod lives, at most. */
	readonly longestLifeMs?: number;
	/** How many of the Pods come together with others. */
	readonly inWaves?: number;
};

export const themes = [
	{
		// An entry may go only when its Pod can not come any more, and these come at the last moment at which they can.
		name: 'late Pods',
		faults: {lateStorage: 1, answerLost: 0.01, rejected: 0.1},
	},
	{
		// A pass reads the ledger for seconds, while Pods come that its list would have shown had it been taken later.
		name: 'long passes',
		faults: {lateStorage: 1, slowReads: 0.15},
		blockSize: 500,
		ports: 400,
		spanMs: 300_000,
	},
	{
		// Names come again as soon as they are free, here and there at once, while answers are lost and passes judge for seconds.
		name: 'successors',
		faults: {slowLists: 0.4, requestLost: 0.05, answerLost: 0.05, errorAfterCommit: 0.1, resent: 0.5, leaseVanishes: 0.05, slowStorage: 0.2},
		blockSize: 100,
		ports: 90,
		fixedNames: 0.9,
		longestLifeMs: 20_000,
	},
	{
		// Hardly a Pod finds all its ports on one page: some are committed, and then another write fails.
		name: 'narrow pages',
		faults: {conflict: 0.3},
		blockSize: 2,
		ports: 120,
		fixedNames: 0,
	},
	{
		// Who makes a page dies in the middle of it.
		name: 'makers die',
		faults: {makerDies: 0.5, pageVanishes: 0.1, slowStorage: 0.5, lateStorage: 0.5},
		blockSize: 50,
		ports: 200,
	},
	{
		// Pages go while Pods are on their way, and are made again by replicas that know little of one another.
		name: 'vanishing pages',
		faults: {pageVanishes: 0.1, lateStorage: 0.5, slowStorage: 0.5, slowLists: 0.3},
		blockSize: 16,
		ports: 400,
		fixedNames: 0,
	},
	{
		// People delete the whole ledger, while Pods are on their way, and replicas come and go.
		name: 'deleted ledgers',
		faults: {ledgerDeletions: 6, indexDeletions: 3, lateStorage: 0.5, slowStorage: 0.5, restarts: 6, crashes: 4},
		spanMs: 200_000,
	},
	{
		// The ledger is begun anew, again and again, by replicas of two versions that make blocks of different size.
		name: 'two block sizes',
		faults: {ledgerDeletions: 4, indexDeletions: 12, lateStorage: 0.5, slowStorage: 0.5, slowLists: 0.1, restarts: 50, crashes: 4},
		shareBefore: 0.5,
		spanMs: 250_000,
	},
	{
		// Pods that ask nobody take ports that were given, before, while and after their owners come.
		name: 'strangers',
		faults: {lateStorage: 0.5, slowStorage: 0.3},
		foreignPods: 80,
		ports: 300,
	},
	{
		// Lists of Pods come in pages of a few, for longer than the API server remembers.
		name: 'broken lists',
		faults: {shortPages: 1, compactions: 60, slowLists: 0.1, lateStorage: 0.7},
	},
	{
		// People write into pages while replicas do.
		name: 'edited pages',
		faults: {pageEdits: 60, slowReads: 0.1, slowLists: 0.2, conflict: 0.05},
		ports: 60,
	},
	{
		// More Pods than ports: whether one is refused or served hangs on the latest write of somebody else.
		name: 'crowds',
		faults: {answerLost: 0.01, rejected: 0.1, restarts: 2},
		ports: 60,
		blockSize: 16,
		longestLifeMs: 20_000,
	},
	{
		// Pods come alone to a range that is full, or has their predecessor's ports: what has just been freed, or given, somewhere
		// must be known, and no write shows whether it was.
		name: 'full ranges',
		faults: {rejected: 0.1},
		ports: 40,
		blockSize: 8,
		fixedNames: 0.7,
		spanMs: 200_000,
		longestLifeMs: 20_000,
		inWaves: 0,
	},
	{
		// PortHolders of the Lease stop in the middle of their work, wake, and write; or it is taken from them.
		name: 'sleepers',
		faults: {pauses: 40, leaseDeletions: 10, leaseVanishes: 0.05, leaseEdits: 10, answerLost: 0.05, slow: 0.03},
		leaseDuration: 5,
	},
	{
		// Writes end without an answer, and the Lease is nobody's while they are sent again: others write in between.
		name: 'unknown outcomes',
		faults: {internalError: 0.2, errorAfterCommit: 0.2, leaseVanishes: 0.5, slow: 0.05},
		ports: 90,
		blockSize: 100,
		longestLifeMs: 20_000,
	},
] as const satisfies readonly Theme[];

export type ThemeName = typeof themes[number]['name'];

export const themeNamed = (name: string | undefined): Theme | undefined => themes.find(theme => theme.name === name);

/** Every second seed has one, each in turn. */
export const themeOf = (seed: number): Theme | undefined => (seed % 2 === 0 ? themes[(seed / 2) % themes.length] : undefined);
