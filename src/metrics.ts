/** All metrics, with help texts and labels, named by Prometheus' conventions. Passed in wherever something is counted. */
import {Counter, Gauge, Histogram, Registry, collectDefaultMetrics} from 'prom-client';
import {denialReasons} from './errors.ts';
import {duplicateKinds} from './ports/repair.ts';
import {version} from './version.ts';

export type Metrics = ReturnType<typeof createMetrics>;

/** From a millisecond, which is less than any commit takes, to ten seconds, the longest admission. */
const secondsBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Up to the largest batch (`maximumBatch` in ledger/batch-committer.ts). */
const batchBuckets = [1, 2, 4, 8, 16, 32, 64, 128, 256];

/** Each operator has its own registry, so that two in one process don't share counts. */
export const createMetrics = () => {
	const registry = new Registry();
	const registers = [registry];
	// Read when Prometheus asks, so that a change costs nothing.
	const leases = new Map<string, () => boolean>();
	let queueLength: (() => number) | undefined;
	const metrics = {
		admissionDuration: new Histogram({
			name: 'hostport_admission_duration_seconds',
			help: 'Duration of admission requests, by outcome: allowed (the Pod asks for no ports), patched (the Pod got ports), denied, errored. Its count is the number of requests.',
			labelNames: ['outcome'],
			buckets: secondsBuckets,
			registers,
		}),
		inFlight: new Gauge({
			name: 'hostport_admission_requests_in_flight',
			help: 'Admission requests that this replica has read and not answered yet.',
			registers,
		}),
		denials: new Counter({
			name: 'hostport_admission_denials_total',
			help: 'Denied Pods by reason: invalid (the Pod or its annotations must change), forbidden (outside the administrator\'s ranges), too_many_ports (--max-ports-per-pod), pod_security (--pod-security-check), exhausted (too few free numbers), held_limit (--max-held-ports-per-namespace), port_taken (an unmanaged host port of another Pod), unavailable (the ledger can\'t be read or written), timeout (not reserved in time).',
			labelNames: ['reason'],
			registers,
		}),
		queueLength: new Gauge({
			name: 'hostport_ledger_queue_length',
			help: 'Requests (Pods, and repairs of the reconciler) that wait for a commit to the ledger or are part of the one that runs.',
			registers,
			collect() {
				this.set(queueLength?.() ?? 0);
			},
		}),
		batchSize: new Histogram({
			name: 'hostport_ledger_batch_size',
			help: 'Number of requests in each batch, counted when its commit begins.',
			buckets: batchBuckets,
			registers,
		}),
		commits: new Counter({
			name: 'hostport_ledger_commits_total',
			help: 'Writes to pages of the ledger, by result: ok, conflict (another write came first), failed.',
			labelNames: ['result'],
			registers,
		}),
		commitDuration: new Histogram({
			name: 'hostport_ledger_commit_duration_seconds',
			help: 'Duration of writes to pages of the ledger, with any result.',
			buckets: secondsBuckets,
			registers,
		}),
		leaseWrites: new Counter({
			name: 'hostport_lease_writes_total',
			help: 'Writes of this replica to a Lease, by change: create, take, take_over (from a holder that did not renew it), hand_over (to the first replica in line), clear, renew, join (the line), leave (the line).',
			labelNames: ['lease', 'change'],
			registers,
		}),
		leaseWait: new Histogram({
			name: 'hostport_lease_wait_seconds',
			help: 'How long this replica waited for the Lease before it could write to the ledger.',
			buckets: secondsBuckets,
			registers,
		}),
		leaderStatus: new Gauge({
			name: 'leader_election_master_status',
			help: 'Whether this replica holds a Lease (1) or not (0), by name: hostport-ledger changes hands all the time, hostport-reconciler only when its holder stops.',
			labelNames: ['name'],
			registers,
			collect() {
				for (const [name, isHeld] of leases) {
					this.set({name}, Number(isHeld()));
				}
			},
		}),
		apiRequests: new Counter({
			name: 'rest_client_requests_total',
			help: 'Requests to the API server by status code (<error> if no answer came), HTTP method and host. A watch counts once, when it begins.',
			labelNames: ['code', 'method', 'host'],
			registers,
		}),
		repairs: new Counter({
			name: 'hostport_ledger_repairs_total',
			help: 'Ledger entries that the reconciler changed, by reason: bind, release, expire, adopt, foreign, gone.',
			labelNames: ['reason'],
			registers,
		}),
		entries: new Gauge({
			name: 'hostport_ledger_entries',
			help: 'Ledger entries by state (pending, bound, released, foreign) and configured range (other: outside all ranges), as of the last reconciliation. Absent on replicas that do not reconcile.',
			labelNames: ['state', 'range'],
			registers,
		}),
		freePorts: new Gauge({
			name: 'hostport_free_ports',
			help: 'Numbers of a configured range that Pods may get and that are free for every protocol, as of the last reconciliation. Absent on replicas that do not reconcile.',
			labelNames: ['range'],
			registers,
		}),
		rangePorts: new Gauge({
			name: 'hostport_range_ports',
			help: 'Numbers of a configured range that Pods may get, free or not: all but those of --exclude-ports. Absent on replicas that do not reconcile.',
			labelNames: ['range'],
			registers,
		}),
		duplicates: new Gauge({
			name: 'hostport_duplicate_ports',
			help: 'Host ports that the operator gave to a Pod and that another live Pod (kind Pod) or a Service (kind NodePort) has too. Should always be 0; is 0 on replicas that do not reconcile.',
			labelNames: ['kind'],
			registers,
		}),
		podsWithoutPorts: new Gauge({
			name: 'hostport_pods_without_ports',
			help: 'Live Pods that ask for host ports and have none, because they were created without the webhook. Should always be 0; is 0 on replicas that do not reconcile.',
			registers,
		}),
		pageFailures: new Counter({
			name: 'hostport_reconciler_page_failures_total',
			help: 'Reconciliations in which a page of the ledger (a ConfigMap) could not be read or written. The other pages were reconciled.',
			labelNames: ['page'],
			registers,
		}),
		lastPass: new Gauge({
			name: 'hostport_reconciler_last_success_timestamp_seconds',
			help: 'When the ledger was last reconciled with the cluster, as Unix time. 0 on replicas that do not reconcile.',
			registers,
		}),
		certificateExpiry: new Gauge({
			name: 'hostport_certificate_expiration_timestamp_seconds',
			help: 'When the webhook\'s serving certificate expires, as Unix time.',
			registers,
		}),
		clockSkew: new Gauge({
			name: 'hostport_clock_skew_seconds',
			help: 'How far the replica\'s clock is ahead of an API server\'s (negative: behind), as far as answers prove it. Beyond 300, the replica makes no certificates. 0 if the certificate comes from files.',
			registers,
		}),
		buildInfo: new Gauge({
			name: 'hostport_build_info',
			help: 'Always 1. Its label is the version.',
			labelNames: ['version'],
			registers,
		}),
	};
	metrics.buildInfo.set({version}, 1);
	// Series that alerts look at start at 0: `rate` ignores the first value of a new series.
	for (const outcome of ['allowed', 'patched', 'denied', 'errored']) {
		metrics.admissionDuration.zero({outcome});
	}

	for (const reason of denialReasons) {
		metrics.denials.inc({reason}, 0);
	}

	for (const result of ['ok', 'conflict', 'failed']) {
		metrics.commits.inc({result}, 0);
	}

	for (const kind of duplicateKinds) {
		metrics.duplicates.set({kind}, 0);
	}

	for (const lease of ['hostport-ledger', 'hostport-reconciler']) {
		metrics.leaseWrites.inc({lease, change: 'take_over'}, 0);
	}

	return {
		registry,
		...metrics,
		/** Shows whether the replica holds this Lease. */
		showLease(name: string, isHeld: () => boolean): void {
			leases.set(name, isHeld);
		},
		/** Shows how many requests wait. */
		showQueue(length: () => number): void {
			queueLength = length;
		},
	};
};

/** Adds metrics of the process: CPU, memory, event loop, garbage collection. */
export const addProcessMetrics = ({registry}: Pick<Metrics, 'registry'>): void => {
	collectDefaultMetrics({register: registry});
};
