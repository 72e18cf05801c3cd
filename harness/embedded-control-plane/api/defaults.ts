/** What the API server adds to an object before it is stored: only what clients and controllers of the demo read. */
import type {Kind, Stored} from '../../in-memory-api/kinds.ts';
import {defaultedPodSpec} from '../../in-memory-api/pod-spec.ts';
import type {PodSpec} from '../../in-memory-api/pod-spec.ts';

/** Returns a new object. May be applied again. */
export const withDefaults = (kind: Kind, namespace: string | undefined, body: Stored): Stored => {
	const {metadata} = body;
	const {creationTimestamp} = metadata as {readonly creationTimestamp?: string};
	const object = {
		...body,
		apiVersion: kind.apiVersion,
		kind: kind.kind,
		// Kubernetes' times have no fractions of seconds.
		metadata: {...metadata, ...(namespace !== undefined && {namespace}), creationTimestamp: creationTimestamp ?? now()},
	};
	switch (kind.kind) {
		case 'Pod': {
			return withPodDefaults(object);
		}

		case 'Namespace': {
			return {...object, metadata: {...object.metadata, labels: {...metadata.labels, 'kubernetes.io/metadata.name': metadata.name}}, status: {phase: 'Active'}};
		}

		default: {
			return object;
		}
	}
};

/** The present time as Kubernetes writes it. */
export const now = (): string => `${new Date().toISOString().slice(0, 19)}Z`;

const withPodDefaults = (pod: Stored): Stored => {
	const spec = pod['spec'] as PodSpec | undefined;
	if (!Array.isArray(spec?.containers)) {
		return pod;
	}

	return {
		...pod,
		spec: {restartPolicy: 'Always', terminationGracePeriodSeconds: 30, schedulerName: 'default-scheduler', serviceAccountName: 'default', ...defaultedPodSpec(spec)},
		status: {phase: 'Pending', qosClass: 'BestEffort'},
	};
};
