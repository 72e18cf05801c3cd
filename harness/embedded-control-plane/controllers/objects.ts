/** The objects of the controllers, as far as they read them. */
import type {Stored} from '../../in-memory-api/kinds.ts';
import type {PodSpec} from '../../in-memory-api/pod-spec.ts';

export type PodTemplate = {
	readonly metadata?: {readonly labels?: Readonly<Record<string, string>>; readonly annotations?: Readonly<Record<string, string>>};
	readonly spec: PodSpec;
};

export type Workload = Stored & {
	readonly spec: {
		readonly replicas?: number;
		readonly selector?: {readonly matchLabels?: Readonly<Record<string, string>>};
		readonly template: PodTemplate;
		readonly serviceName?: string;
		readonly podManagementPolicy?: string;
	};
};

export type Pod = Stored & {
	readonly metadata: {readonly ownerReferences?: readonly OwnerReference[]};
	readonly spec: PodSpec & {readonly schedulerName?: string; readonly nodeSelector?: Readonly<Record<string, string>>};
	readonly status?: {readonly phase?: string};
};

export type OwnerReference = {readonly uid: string; readonly controller?: boolean};

/** Marks an object as one that another object controls. */
export const ownedBy = ({apiVersion, kind, metadata: {name, uid}}: Stored) =>
	({ownerReferences: [{apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true}]});

export const isOwnedBy = ({metadata}: Stored, {uid}: {readonly uid: string}): boolean =>
	((metadata as Pod['metadata']).ownerReferences ?? []).some(reference => reference.uid === uid);

/** As a queue's key. */
export const keyOf = ({namespace = '', name}: Stored['metadata']): string => `${namespace}/${name}`;

export const isActive = ({status}: Pod): boolean => status?.phase !== 'Succeeded' && status?.phase !== 'Failed';

export const isRunning = ({status}: Pod): boolean => status?.phase === 'Running';
