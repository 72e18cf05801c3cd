/** The ledger's ConfigMaps: the members that the operator reads, and the labels and annotations that people see with `kubectl`. */
import type {ObjectMetadata} from '../kubernetes/object.ts';

/** The part of a ConfigMap that the ledger reads. */
export type ConfigMap = {
	readonly metadata: ObjectMetadata;
	readonly data?: Readonly<Record<string, string>>;
};

/** The label by which `kubectl get configmaps -l hostport.io/ledger` finds index and pages. */
export const ledgerLabel = 'hostport.io/ledger';

export const ledgerAnnotations = {
	schemaVersion: 'hostport.io/schema-version',
	/** `quarantine`: nothing is allocated from this ConfigMap. Absent: it gives ports. */
	mark: 'hostport.io/mark',
	/** `30500-30999`: the block of port numbers that a page owns. */
	block: 'hostport.io/ports',
	/** The UID of the object whose quarantine was lifted: a copy of it has another UID. */
	openedAs: 'hostport.io/opened-as',
	/** The resourceVersion that the last commit replaced. Each commit changes it, so that its owner in `managedFields` has written the object. */
	previousVersion: 'hostport.io/previous-version',
	/** A sentence for a person who finds the object. */
	about: 'hostport.io/about',
} as const;

/** The schema that this version writes, and the only one that it allocates from. */
export const schemaVersion = '1';

/**
 * Port numbers in a page. It is part of the schema version: replicas with different sizes would find different pages for one
 * number and give it twice. The cost of a commit grows with the page (about 6 ms at 100 entries, 12 ms at 500), while a
 * burst should touch few pages (docs/adr/0008-writes.md).
 */
export const schemaBlockSize = 500;

/** Labels and annotations of a new index, or of a new page that owns `block`. Both start in quarantine. */
export const ledgerMetadata = (kind: 'index' | 'page', about: string, block?: string) => ({
	labels: {[ledgerLabel]: kind, 'app.kubernetes.io/managed-by': 'hostport-operator'},
	annotations: {
		[ledgerAnnotations.schemaVersion]: schemaVersion,
		[ledgerAnnotations.mark]: 'quarantine',
		[ledgerAnnotations.previousVersion]: 'none',
		...(block && {[ledgerAnnotations.block]: block}),
		[ledgerAnnotations.about]: about,
	},
});
