/** A Pod as a client sends it. */
import type {PodSpec} from '../../../harness/in-memory-api/pod-spec.ts';

export type PodManifest = {
	readonly metadata: {
		readonly name?: string;
		readonly generateName?: string;
		readonly namespace: string;
		readonly labels?: Readonly<Record<string, string>>;
		readonly annotations?: Readonly<Record<string, string>>;
		readonly ownerReferences?: ReadonlyArray<{kind: string; name: string; controller: boolean}>;
	};
	readonly spec: PodSpec;
};
