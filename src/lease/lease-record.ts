/** The Lease as a mutex with a line of waiters: the object ⇄ what the lock decides on. Pure. */
import type {CompareAndSwap} from '../kubernetes/api-client.ts';
import type {KubernetesObject} from '../kubernetes/object.ts';

/** Who waits, in order: comma-separated identities. Anyone can read it with `kubectl get lease -o yaml`. */
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
	/** Of the object: one that was deleted and made again counts its transitions anew. */
	readonly uid: string;
	readonly resourceVersion: string;
	/** Undefined while nobody holds it. */
	readonly holder: string | undefined;
	readonly waiters: readonly string[];
	/** Compared only with itself: a change shows that the holder lives. Never with a clock. */
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
	// At least a second: the API server refuses less, so anything else was written by hand.
	durationMs: Math.max(spec?.leaseDurationSeconds ?? 0, 1) * 1000,
	transitions: spec?.leaseTransitions ?? 0,
});

/** What a write makes of the Lease. */
export type LeaseChange = {
	readonly holder: string | undefined;
	readonly waiters: readonly string[];
	/** The wall clock, for people. MicroTime wants exactly six fractional digits. */
	readonly time: Date;
	readonly durationSeconds: number;
};

/**
 * The patch that turns `record` into what `change` says. A new line of waiters alone leaves holder and times as
 * they are: joining must not look like a sign of life of the holder.
 */
export const leasePatch = (record: LeaseRecord, change: LeaseChange): CompareAndSwap => ({
	metadata: {
		resourceVersion: record.resourceVersion,
		annotations: {[waitersAnnotation]: change.waiters.length > 0 ? change.waiters.join(',') : null},
	},
	spec: leaseSpec(change, record.transitions + (change.holder !== undefined && change.holder !== record.holder ? 1 : 0), change.holder !== record.holder),
});

/** The patch that changes the line of waiters and nothing else. */
export const waitersPatch = ({resourceVersion}: LeaseRecord, waiters: readonly string[]): CompareAndSwap => ({
	metadata: {resourceVersion, annotations: {[waitersAnnotation]: waiters.length > 0 ? waiters.join(',') : null}},
});

/** A Lease that nobody has made yet, held by `change.holder`. */
export const newLease = (name: string, change: Omit<LeaseChange, 'waiters'>) => ({
	apiVersion: 'coordination.k8s.io/v1',
	kind: 'Lease',
	metadata: {name, labels: {'app.kubernetes.io/managed-by': 'hostport-operator'}},
	spec: leaseSpec(change, 0, true),
});

const leaseSpec = ({holder, time, durationSeconds}: Omit<LeaseChange, 'waiters'>, transitions: number, acquired: boolean) => ({
	holderIdentity: holder ?? null,
	leaseDurationSeconds: durationSeconds,
	renewTime: microTime(time),
	...(acquired && {acquireTime: holder === undefined ? null : microTime(time)}),
	leaseTransitions: transitions,
});

const microTime = (time: Date): string => time.toISOString().replace('Z', '000Z');
