/**
 * How an index or a page proves that it is the object that replicas opened, in a version that a replica wrote. An object that
 * was put back from a copy has lost what was committed since, and live Pods may have these ports (docs/adr/0002-quarantine.md).
 * Pure.
 *
 * - Whoever lifts the quarantine of an object writes the object's UID into it. A copy that is created has another UID.
 * - Every commit changes an annotation, and the API server notes in `metadata.managedFields` who changed it last. After a copy
 *   was put over the object, that is the writer of the copy.
 */
import type {ManagedFields, ObjectMetadata} from '../kubernetes/object.ts';
import {ledgerAnnotations} from './ledger-metadata.ts';

/** The operator's user agent, by which the API server names the owner of the fields that the operator changes. */
export const fieldManager = 'hostport-operator';

/** `opened`: it has both proofs. `copied`: it has those of another object or version. `unknown`: it lacks one; an earlier release opened it. */
export type Origin = 'opened' | 'copied' | 'unknown';

/** One version of an object of the ledger. */
export type LedgerVersion = Pick<ObjectMetadata, 'uid' | 'resourceVersion'> & {
	/** The resourceVersion that the last commit replaced; undefined for an object that an earlier release has written. */
	readonly previousVersion: string | undefined;
	readonly origin: Origin;
};

export const versionOf = ({uid, resourceVersion, annotations, managedFields}: ObjectMetadata): LedgerVersion => {
	const {[ledgerAnnotations.openedAs]: openedAs, [ledgerAnnotations.previousVersion]: previousVersion} = annotations ?? {};
	return {uid, resourceVersion, previousVersion, origin: originOf(uid, openedAs, previousVersion, managedFields ?? [])};
};

const originOf = (uid: string, openedAs: string | undefined, previousVersion: string | undefined, managedFields: readonly ManagedFields[]): Origin => {
	const isCopied = (openedAs !== undefined && openedAs !== uid) || (previousVersion !== undefined && !managedFields.some(fields => isOfCommit(fields)));
	return isCopied ? 'copied' : openedAs === undefined || previousVersion === undefined ? 'unknown' : 'opened';
};

/** Whether these are fields that the operator changed last, and the annotation of commits is one of them. */
const isOfCommit = ({manager, fieldsV1}: ManagedFields): boolean =>
	manager === fieldManager && fieldsV1?.['f:metadata']?.['f:annotations']?.[`f:${ledgerAnnotations.previousVersion}`] !== undefined;

/**
 * The metadata of a patch by which the next version proves that a replica wrote it. It makes the patch a compare-and-swap on
 * this version.
 *
 * The API server adds the fields that the patch changes to `managedFields`. If that is empty, it tracks nothing, and if it is
 * never shortened, the API server stores every key of a page a second time (docs/adr/0008-writes.md).
 */
export const commitMetadata = ({resourceVersion}: Pick<LedgerVersion, 'resourceVersion'>, annotations: Readonly<Record<string, string | null>> = {}) => ({
	resourceVersion,
	annotations: {...annotations, [ledgerAnnotations.previousVersion]: resourceVersion},
	managedFields: [{
		manager: fieldManager, operation: 'Update', apiVersion: 'v1', fieldsType: 'FieldsV1',
		fieldsV1: {'f:metadata': {'f:annotations': {[`f:${ledgerAnnotations.previousVersion}`]: {}}}},
	}],
});

/** The annotations by which an object proves, from the next version on, that it was opened. */
export const openingAnnotations = ({uid}: Pick<LedgerVersion, 'uid'>): Record<string, string | null> =>
	({[ledgerAnnotations.mark]: null, [ledgerAnnotations.openedAs]: uid});

/** The annotations by which a copy is marked. Without the UID of another object it is no copy any more, but in quarantine. */
export const quarantineAnnotations = {[ledgerAnnotations.mark]: 'quarantine', [ledgerAnnotations.openedAs]: null} as const;

/**
 * Tells one quarantine of an object from another. An object that gave ports in between has had a commit, and then the hold time
 * starts again; so it does with every change of a copy that is not marked yet.
 */
export const quarantineOf = ({uid, resourceVersion, previousVersion = '', origin}: LedgerVersion): string =>
	`${uid} ${origin === 'copied' ? resourceVersion : previousVersion}`;
