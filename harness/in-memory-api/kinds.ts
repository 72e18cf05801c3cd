/** The kinds of object that the in-memory API server stores: their paths, and what makes one invalid. */
import {podProblem} from './pod-spec.ts';
import type {PodSpec} from './pod-spec.ts';

/** A stored object. It is never changed: a write stores a new one. */
export type Stored = {
	readonly apiVersion: string;
	readonly kind: string;
	readonly metadata: {
		readonly name: string;
		readonly namespace?: string;
		readonly uid: string;
		readonly resourceVersion: string;
		readonly generateName?: string;
		readonly labels?: Readonly<Record<string, string>>;
		readonly annotations?: Readonly<Record<string, string>>;
		readonly deletionTimestamp?: string;
		readonly managedFields?: readonly object[];
	};
	readonly [member: string]: unknown;
};

/** Why a request fails, as the API server reports it in a `Status` object. */
export type Refusal = {
	readonly status: number;
	readonly reason: string;
	readonly message: string;
	/** How long the client should wait before its next request. */
	readonly retryAfterSeconds?: number;
};

export type Kind = {
	readonly apiVersion: string;
	readonly kind: string;
	readonly resource: string;
	readonly isNamespaced: boolean;
	/** Whether a PUT without resourceVersion overwrites the stored object (`AllowUnconditionalUpdate` of the kind's strategy). */
	readonly allowsUnconditionalUpdate: boolean;
	/** Whether this server tracks the owners of fields. A real one does it for all kinds. */
	readonly hasManagedFields?: true;
	/** Why the API server refuses to store an object; undefined for a valid one. */
	readonly problem?: (object: {readonly spec?: unknown; readonly data?: unknown; readonly type?: unknown}) => Refusal | undefined;
};

const invalid = (message: string): Refusal => ({status: 422, reason: 'Invalid', message});

const invalidIf = (message: string | undefined): Refusal | undefined => (message === undefined ? undefined : invalid(message));

/** `metav1.MicroTime` has exactly six fractional digits. The API server answers 400, not 422, because decoding fails. */
const microTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(?:Z|[-+]\d\d:\d\d)$/;

const leaseProblem = (lease: {readonly spec?: unknown}): Refusal | undefined => {
	const spec = (lease.spec ?? {}) as Readonly<Record<string, unknown>>;
	for (const member of ['acquireTime', 'renewTime']) {
		const time = spec[member];
		if (time !== undefined && !(typeof time === 'string' && microTime.test(time))) {
			return {status: 400, reason: 'BadRequest', message: `Lease in version "v1" cannot be handled as a Lease: spec.${member}: it is no MicroTime`};
		}
	}

	const {leaseDurationSeconds: seconds, leaseTransitions: transitions} = spec;
	if (seconds !== undefined && (typeof seconds !== 'number' || seconds <= 0)) {
		return invalid('spec.leaseDurationSeconds: must be greater than 0');
	}

	return typeof transitions === 'number' && transitions < 0 ? invalid('spec.leaseTransitions: must be greater than or equal to 0') : undefined;
};

const secretProblem = ({type, data}: {readonly data?: unknown; readonly type?: unknown}): Refusal | undefined => {
	const missing = type === 'kubernetes.io/tls' ? ['tls.crt', 'tls.key'].find(member => !Object.hasOwn(data ?? {}, member)) : undefined;
	return invalidIf(missing && `data[${missing}]: Required value`);
};

export const kinds: readonly Kind[] = [
	{apiVersion: 'v1', kind: 'ConfigMap', resource: 'configmaps', isNamespaced: true, allowsUnconditionalUpdate: true, hasManagedFields: true},
	{apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', resource: 'leases', isNamespaced: true, allowsUnconditionalUpdate: false, problem: leaseProblem},
	{apiVersion: 'v1', kind: 'Pod', resource: 'pods', isNamespaced: true, allowsUnconditionalUpdate: true, problem: ({spec}) => invalidIf(podProblem(spec as PodSpec))},
	{apiVersion: 'v1', kind: 'Service', resource: 'services', isNamespaced: true, allowsUnconditionalUpdate: true},
	{apiVersion: 'v1', kind: 'Secret', resource: 'secrets', isNamespaced: true, allowsUnconditionalUpdate: true, problem: secretProblem},
	{apiVersion: 'admissionregistration.k8s.io/v1', kind: 'MutatingWebhookConfiguration', resource: 'mutatingwebhookconfigurations', isNamespaced: false, allowsUnconditionalUpdate: false},
	{apiVersion: 'v1', kind: 'Event', resource: 'events', isNamespaced: true, allowsUnconditionalUpdate: true},
	{apiVersion: 'v1', kind: 'Namespace', resource: 'namespaces', isNamespaced: false, allowsUnconditionalUpdate: true},
	// Those below are stored as they are sent: the embedded control plane needs them, and the simulation does not.
	{apiVersion: 'v1', kind: 'Node', resource: 'nodes', isNamespaced: false, allowsUnconditionalUpdate: true},
	{apiVersion: 'v1', kind: 'ServiceAccount', resource: 'serviceaccounts', isNamespaced: true, allowsUnconditionalUpdate: true},
	{apiVersion: 'apps/v1', kind: 'Deployment', resource: 'deployments', isNamespaced: true, allowsUnconditionalUpdate: true},
	{apiVersion: 'apps/v1', kind: 'ReplicaSet', resource: 'replicasets', isNamespaced: true, allowsUnconditionalUpdate: true},
	{apiVersion: 'apps/v1', kind: 'StatefulSet', resource: 'statefulsets', isNamespaced: true, allowsUnconditionalUpdate: true},
	...['Role', 'RoleBinding'].map(kind => ({apiVersion: 'rbac.authorization.k8s.io/v1', kind, resource: `${kind.toLowerCase()}s`, isNamespaced: true, allowsUnconditionalUpdate: true})),
	...['ClusterRole', 'ClusterRoleBinding'].map(kind => ({apiVersion: 'rbac.authorization.k8s.io/v1', kind, resource: `${kind.toLowerCase()}s`, isNamespaced: false, allowsUnconditionalUpdate: true})),
];
