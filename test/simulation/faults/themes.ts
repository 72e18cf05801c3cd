/**
 * Each theme combines the few faults that must coincide for one rule of the design to matter, and has no others. Every
 * second seed has a theme; the others have random faults, see `someFaults`.
 */
import type {FaultRates} from './fault-rates.ts';

export type Theme = {
	readonly name: string;
	/** All faults that occur. */
	readonly faults: Partial<FaultRates>;
	/** Port numbers in a page. */
	readonly blockSize?: number;
	/** How many numbers the Pods compete for. */
	readonly ports?: number;
	/** The share of Pods with a fixed name that later Pods have too, as in a StatefulSet. */
	readonly fixedNames?: number;
	/** The share of Pods that have a port with a fixed number, which the operator does not manage; default 0.15. */
	readonly ownPorts?: number;
	/** How many Pods take host ports without the operator. */
	readonly foreignPods?: number;
	/** How many Pods another namespace sends that are always rejected after their admission. Then the contested numbers are a range of their own. */
	readonly rejectedPods?: number;
	/** How long Pods are created, milliseconds; default about 90 s. */
	readonly spanMs?: number;
	/** Every replica's Lease duration, seconds. */
	readonly leaseDuration?: number;
	/** How many of the replicas run the previous release. */
	readonly shareBefore?: number;
	/** The longest life of a Pod, milliseconds. */
	readonly longestLifeMs?: number;
	/** The share of Pods that are created in waves. */
	readonly inWaves?: number;
};

export const themes = [
	{
		// An entry may be removed only when its Pod can no longer be stored; these Pods are stored at the last possible moment.
		name: 'late Pods',
		faults: {lateStorage: 1, answerLost: 0.01, rejected: 0.1},
	},
	{
		// A pass reads the ledger for seconds. Pods stored meanwhile would be missed by a list taken too early.
		name: 'long passes',
		faults: {lateStorage: 1, slowReads: 0.15},
		blockSize: 500,
		ports: 400,
		spanMs: 300_000,
	},
	{
		// A fixed name is used again at once, on several replicas, while answers are lost and passes take seconds.
		name: 'successors',
		faults: {slowLists: 0.4, requestLost: 0.05, answerLost: 0.05, errorAfterCommit: 0.1, resent: 0.5, leaseVanishes: 0.05, slowStorage: 0.2},
		blockSize: 100,
		ports: 90,
		fixedNames: 0.9,
		longestLifeMs: 20_000,
	},
	{
		// Pages of two numbers: most Pods need several pages, and a write may fail after others have succeeded.
		name: 'narrow pages',
		faults: {conflict: 0.3},
		blockSize: 2,
		ports: 120,
		fixedNames: 0,
	},
	{
		// A replica crashes just after it has created or opened a page.
		name: 'makers die',
		faults: {makerDies: 0.5, pageVanishes: 0.1, slowStorage: 0.5, lateStorage: 0.5},
		blockSize: 50,
		ports: 200,
	},
	{
		// Pages are deleted between a Pod's admission and its storage, and other replicas create them again.
		name: 'vanishing pages',
		faults: {pageVanishes: 0.1, lateStorage: 0.5, slowStorage: 0.5, slowLists: 0.3},
		blockSize: 16,
		ports: 400,
		fixedNames: 0,
	},
	{
		// A person deletes the whole ledger while admitted Pods are not stored yet and replicas restart.
		name: 'deleted ledgers',
		faults: {ledgerDeletions: 6, indexDeletions: 3, lateStorage: 0.5, slowStorage: 0.5, restarts: 6, crashes: 4},
		spanMs: 200_000,
	},
	{
		// One page after the other can't be read or written for a while.
		name: 'failing pages',
		faults: {failingPages: 20, rejected: 0.1},
		blockSize: 50,
		ports: 400,
		spanMs: 200_000,
	},
	{
		// A person puts copies of the ledger, or of one object of it, back: over it, or after deleting it.
		name: 'copies',
		faults: {ledgerCopies: 8, lateStorage: 0.3, slowStorage: 0.3, restarts: 4},
		ports: 120,
		spanMs: 200_000,
	},
	{
		// Copies are put back while no replica runs, so nobody knows what they lack.
		name: 'copies without replicas',
		faults: {coldCopies: 4, slowStorage: 0.3},
		ports: 120,
		spanMs: 200_000,
	},
	{
		// Index and ledger are deleted again and again while replicas of two releases run and restart.
		name: 'two releases',
		faults: {ledgerDeletions: 4, indexDeletions: 12, lateStorage: 0.5, slowStorage: 0.5, slowLists: 0.1, restarts: 50, crashes: 4},
		shareBefore: 0.5,
		spanMs: 250_000,
	},
	{
		// Pods that do not use the operator take ports that were given to others: before, while and after these are stored.
		name: 'strangers',
		faults: {lateStorage: 0.5, slowStorage: 0.3},
		foreignPods: 80,
		ports: 300,
	},
	{
		// Lists of Pods come in short pages, and the API server often forgets the rest of a list.
		name: 'broken lists',
		faults: {shortPages: 1, compactions: 60, slowLists: 0.1, lateStorage: 0.7},
	},
	{
		// A person edits pages that replicas write.
		name: 'edited pages',
		faults: {pageEdits: 60, slowReads: 0.1, slowLists: 0.2, conflict: 0.05},
		ports: 60,
	},
	{
		// More Pods than ports: another replica's latest write decides whether a Pod gets a port or is denied.
		name: 'crowds',
		faults: {answerLost: 0.01, rejected: 0.1, restarts: 2},
		ports: 60,
		blockSize: 16,
		longestLifeMs: 20_000,
	},
	{
		// Pods come one at a time to a range that is full, or that has their predecessor's ports. The replica must have read what
		// others have just freed or reserved, and no rejected write tells it when it has not.
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
		// Most Pods have a port with a fixed number. Pods come one at a time, so that it is known what the ledger had.
		name: 'fixed numbers',
		faults: {rejected: 0.1},
		ports: 80,
		blockSize: 16,
		fixedNames: 0.5,
		ownPorts: 0.8,
		spanMs: 200_000,
		longestLifeMs: 20_000,
		inWaves: 0,
	},
	{
		// A namespace sends Pods that a quota always rejects, and each holds its numbers for the hold time.
		name: 'rejected tenants',
		faults: {},
		ports: 200,
		blockSize: 50,
		ownPorts: 0,
		rejectedPods: 700,
		spanMs: 100_000,
	},
	{
		// Holders of the Lease are paused at work and then go on to write, or lose the Lease while they work.
		name: 'sleepers',
		faults: {pauses: 40, leaseDeletions: 10, leaseVanishes: 0.05, leaseEdits: 10, answerLost: 0.05, slow: 0.03},
		leaseDuration: 5,
	},
	{
		// Writes fail with an unknown outcome while the Lease vanishes, so that other replicas write before the retry.
		name: 'unknown outcomes',
		faults: {internalError: 0.2, errorAfterCommit: 0.2, leaseVanishes: 0.5, slow: 0.05},
		ports: 90,
		blockSize: 100,
		longestLifeMs: 20_000,
	},
] as const satisfies readonly Theme[];

export type ThemeName = typeof themes[number]['name'];

export const themeNamed = (name: string | undefined): Theme | undefined => themes.find(theme => theme.name === name);

/** Even seeds have a theme, each in turn. */
export const themeOf = (seed: number): Theme | undefined => (seed % 2 === 0 ? themes[(seed / 2) % themes.length] : undefined);
