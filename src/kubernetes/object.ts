/** What every object has once the API server has stored it, as far as the operator reads it. */
export type ObjectMetadata = {
	readonly name: string;
	readonly namespace?: string;
	readonly uid: string;
	readonly resourceVersion: string;
	readonly labels?: Readonly<Record<string, string>>;
	readonly annotations?: Readonly<Record<string, string>>;
};

/** An object that the API server has stored. */
export type KubernetesObject = {
	readonly metadata: ObjectMetadata;
};
