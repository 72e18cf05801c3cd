/** The metadata of an object that the API server has stored, as far as the operator reads it. */
export type ObjectMetadata = {
	readonly name: string;
	readonly namespace?: string;
	readonly uid: string;
	readonly resourceVersion: string;
	readonly labels?: Readonly<Record<string, string>>;
	readonly annotations?: Readonly<Record<string, string>>;
	/** Who changed which fields last. Empty: the API server does not track that for this object. */
	readonly managedFields?: readonly ManagedFields[];
	readonly ownerReferences?: ReadonlyArray<{readonly kind: string; readonly uid: string; readonly controller?: boolean}>;
};

/** The fields of an object that one client changed last, as far as the operator reads them. */
export type ManagedFields = {
	readonly manager?: string;
	readonly fieldsV1?: {readonly 'f:metadata'?: {readonly 'f:annotations'?: Readonly<Record<string, object>>}};
};

/** An object that the API server has stored. */
export type KubernetesObject = {
	readonly metadata: ObjectMetadata;
};

/**
 * A Kubernetes client type, as the API server's JSON has it once the object is stored. The client's own metadata type makes
 * every field optional, and calls dates `Date` that are strings in JSON.
 */
export type Stored<T extends {metadata?: unknown}> = Readonly<Omit<T, 'metadata'>> & KubernetesObject;
