/** What we read of the metadata that every object has once the API server has stored it. */
export type ObjectMetadata = {
	readonly name: string;
	readonly uid: string;
	readonly resourceVersion: string;
	readonly labels?: Readonly<Record<string, string>>;
	readonly annotations?: Readonly<Record<string, string>>;
};
