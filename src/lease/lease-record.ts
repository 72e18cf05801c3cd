/** The Lease object, decoded for decisions, and the patches that change it. Pure. */
import type {CompareAndSwap} from '../kubernetes/api-client.ts';
import type {KubernetesObject} from '../kubernetes/object.ts';

/** The queue: identities, the next holder first, separated by commas. `kubectl get lease -o yaml` shows it. */
export const waitersAnnotation = 'hostport.io/waiters';

export type Lease = KubernetesObject & {
	readonly spec?: {
		readonly holderIdentity?: string;
		readonly leaseDurationSeconds?: number;
		readonly acquireTime?: string;
		readonly renewTime?: string;
		readonly leaseTransitions?: number;
	};
};

/** One version of the Lease. */
export type LeaseRecord = {
	/** A Lease that was deleted and created again has another uid, and counts its transitions from the start. */
	readonly uid: string;
	readonly resourceVersion: string;
	/** Undefined while no replica holds it. */
	readonly holder: string | undefined;
	readonly waiters: readonly string[];
	/** A change shows that the holder is alive. Never compared with a clock: it comes from the holder's. */
	readonly renewTime: string | undefined;
	readonly durationMs: number;
	readonly transitions: number;
};

export const decodeLease = ({metadata, spec}: Lease): LeaseRecord => ({
	uid: metadata.uid,
	resourceVersion: metadata.resourceVersion,
	holder: spec?.holderIdentity || undefined,
	waiters: (metadata.annotations?.[waitersAnnotation] ?? '').split(',').map(waiter => waiter.trim()).filter(Boolean),
	renewTime: spec?.renewTime,
	// The API server rejects less than a second, so only a Lease made by hand lacks a duration.
	durationMs: Math.max(spec?.leaseDurationSeconds ?? 0, 1) * 1000,
	transitions: spec?.leaseTransitions ?? 0,
});

/** The Lease after a write. */
export type LeaseChange = {
	readonly holder: string | undefined;
	readonly waiters: readonly string[];
	/** The wall clock, only for people who read the Lease. */
	readonly time: Date;
	readonly durationSeconds: number;
};

/** The patch that sets holder, queue and times. */
export const leasePatch = (record: LeaseRecord, change: LeaseChange): CompareAndSwap => {
	const isNewHolder = change.holder !== record.holder;
	const transitions = record.transitions + (isNewHolder && change.holder !== undefined ? 1 : 0);
	return {...waitersPatch(record, change.waiters), spec: leaseSpec(change, transitions, isNewHolder)};
};

/** The patch that sets the queue alone: with a new renewTime, joining would look like a sign of life from the holder. */
export const waitersPatch = ({resourceVersion}: LeaseRecord, waiters: readonly string[]): CompareAndSwap => ({
	metadata: {resourceVersion, annotations: {[waitersAnnotation]: waiters.length > 0 ? waiters.join(',') : null}},
});

/** The Lease to create, held by `change.holder`. */
export const newLease = (name: string, change: Omit<LeaseChange, 'waiters'>) => ({
	apiVersion: 'coordination.k8s.io/v1',
	kind: 'Lease',
	metadata: {name, labels: {'app.kubernetes.io/managed-by': 'hostport-operator'}},
	spec: leaseSpec(change, 0, true),
});

const leaseSpec = ({holder, time, durationSeconds}: Omit<LeaseChange, 'waiters'>, transitions: number, isNewHolder: boolean) => ({
	holderIdentity: holder ?? null,
	leaseDurationSeconds: durationSeconds,
	renewTime: microTime(time),
	...(isNewHolder && {acquireTime: holder === undefined ? null : microTime(time)}),
	leaseTransitions: transitions,
});

/** Kubernetes' MicroTime has exactly six fractional digits. */
const microTime = (time: Date): string => time.toISOString().replace('Z', '000Z');
