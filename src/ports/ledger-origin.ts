/**
 * How an index or a page proves that it is the object that replicas opened. An object that was put back from a copy has lost
 * what was committed since, and live Pods may have these ports (docs/adr/0002-quarantine.md). Pure.
 *
 * - Whoever lifts the quarantine of an object writes the object's UID into it. A copy that is created has another UID.
 * - Every commit raises a counter in the object. A copy that replaces the object has a lower count than replicas have seen.
 */
import type {ObjectMetadata} from '../kubernetes/object.ts';
import {ledgerAnnotations} from './ledger-metadata.ts';

/** `opened`: it has its own UID. `copied`: it has that of another object. `unknown`: it has none; it is new, or an earlier release opened it. */
export type Origin = 'opened' | 'copied' | 'unknown';

/** One version of an object of the ledger, as far as it tells whether a copy was put over it. */
export type LedgerVersion = Pick<ObjectMetadata, 'uid' | 'resourceVersion'> & {
	/** How often the object has been written since it was created; 0 if it does not say. */
	readonly commits: number;
};

export const originOf = ({uid, annotations}: Pick<ObjectMetadata, 'uid' | 'annotations'>): Origin => {
	const openedAs = annotations?.[ledgerAnnotations.openedAs];
	return openedAs === undefined ? 'unknown' : openedAs === uid ? 'opened' : 'copied';
};

/** Where the count ends: a person may write any number, and one that JavaScript can't hold exactly must not look like an earlier one. */
const maximumCommits = Number.MAX_SAFE_INTEGER;

export const versionOf = ({uid, resourceVersion, annotations}: ObjectMetadata): LedgerVersion => {
	const text = annotations?.[ledgerAnnotations.commits] ?? '';
	return {uid, resourceVersion, commits: /^\d+$/.test(text) ? Math.min(Number(text), maximumCommits) : 0};
};

/** How many commits the version has that follows after one with that many. */
export const countAfter = (commits: number): number => Math.min(commits + 1, maximumCommits);

/** The annotation of the version that follows after one with that many commits. */
export const nextCommit = (commits: number): Record<string, string> => ({[ledgerAnnotations.commits]: String(countAfter(commits))});

/** The annotations by which an object of this version proves, from the next version on, that it was opened. */
export const openingProof = ({uid, commits}: LedgerVersion): Record<string, string | null> =>
	({[ledgerAnnotations.mark]: null, [ledgerAnnotations.openedAs]: uid, ...nextCommit(commits)});

/**
 * Whether `version` is an earlier state of an object of which `latest` was seen: a copy was put over it.
 *
 * @param isConsistent whether `version` was read from etcd after `latest` was seen. Otherwise it may only be old.
 */
export const isRolledBack = (version: LedgerVersion, latest: LedgerVersion | undefined, isConsistent: boolean): boolean =>
	latest?.uid === version.uid && version.commits < latest.commits
	&& (isConsistent || isLater(version, latest));

/** Whether the API server has stored `version` after `other`. */
export const isLater = (version: LedgerVersion, other: LedgerVersion): boolean => BigInt(version.resourceVersion) > BigInt(other.resourceVersion);
