/** The ledger's ConfigMaps: the members that we read, and the words on them that people see with `kubectl`. */
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
	/** `quarantine`: nothing is allocated from here until it is lifted. Absent: open. */
	mark: 'hostport.io/mark',
	/** `30500-30999`: the block that a page owns, so that nobody ever reads it as a block of another size. */
	ports: 'hostport.io/ports',
	/** A sentence for whoever finds the object. */
	about: 'hostport.io/about',
} as const;

/** What this version writes, and the only version that it allocates from. */
export const schemaVersion = '1';

/** Labels and annotations of a new index, or of a new page that owns `ports`. Both begin in quarantine. */
export const ledgerMetadata = (kind: 'index' | 'page', about: string, ports?: string) => ({
	labels: {[ledgerLabel]: kind, 'app.kubernetes.io/managed-by': 'hostport-operator'},
	annotations: {
		[ledgerAnnotations.schemaVersion]: schemaVersion,
		[ledgerAnnotations.mark]: 'quarantine',
		...(ports && {[ledgerAnnotations.ports]: ports}),
		[ledgerAnnotations.about]: about,
	},
});
