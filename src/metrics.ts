/** Every metric, its help and its labels; named by Prometheus' conventions. Passed in wherever something is counted. */
import {Counter, Gauge, Histogram, Registry, collectDefaultMetrics} from 'prom-client';
import {version} from './version.ts';

export type Metrics = ReturnType<typeof createMetrics>;

/**
 * From a millisecond, which is less than any commit takes, to the ten seconds after which an admission is given up; the API
 * server's own admission histograms end there too.
 */
const secondsBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Up to the largest batch (ledger/reservations.ts). */
const batchBuckets = [1, 2, 4, 8, 16, 32, 64, 128, 256];

/** A set of its own for each operator, so that two in one process do not meet. */
export const createMetrics = () => {
	const registry = new Registry();
	const registers = [registry];
	const metrics = {
		admissionDuration: new Histogram({
			name: 'hostport_admission_duration_seconds',
			help: 'How long Pods took at the webhook, by what became of them: allowed (none of our business), patched, denied, errored. Its count is that of the requests.',
			labelNames: ['outcome'],
			buckets: secondsBuckets,
			registers,
		}),
		batchSize: new Histogram({
			name: 'hostport_ledger_batch_size',
			help: 'How many waiting requests went into the ledger in one turn.',
			buckets: batchBuckets,
			registers,
		}),
		commits: new Counter({
			name: 'hostport_ledger_commits_total',
			help: 'Writes to pages of the ledger, by result: ok, conflict (somebody was faster), failed.',
			labelNames: ['result'],
			registers,
		}),
		commitDuration: new Histogram({
			name: 'hostport_ledger_commit_duration_seconds',
			help: 'How long writes to pages of the ledger took, whatever their result.',
			buckets: secondsBuckets,
			registers,
		}),
		leaseWrites: new Counter({
			name: 'hostport_lease_writes_total',
			help: 'Writes of this replica to a Lease, by what they did: create, take, take_over (from one that gave no sign of life), hand_over (to the first in line), clear, renew, join (the line), leave.',
			labelNames: ['lease', 'change'],
			registers,
		}),
		leaseWait: new Histogram({
			name: 'hostport_lease_wait_seconds',
			help: 'How long this replica waited for its turn to write to the ledger.',
			buckets: secondsBuckets,
			registers,
		}),
		repairs: new Counter({
			name: 'hostport_ledger_repairs_total',
			help: 'Entries of the ledger that the reconciler has changed, by reason: bind, release, expire, adopt, foreign, gone.',
			labelNames: ['reason'],
			registers,
		}),
		entries: new Gauge({
			name: 'hostport_ledger_entries',
			help: 'Entries of the ledger by state (pending, bound, released, foreign) and configured range (other: outside of all), as the reconciler last saw them. Absent on replicas that do not reconcile.',
			labelNames: ['state', 'range'],
			registers,
		}),
		freePorts: new Gauge({
			name: 'hostport_free_ports',
			help: 'Numbers of a configured range that no protocol has, as the reconciler last saw them. Absent on replicas that do not reconcile.',
			labelNames: ['range'],
			registers,
		}),
		rangePorts: new Gauge({
			name: 'hostport_range_ports',
			help: 'Numbers of a configured range, free or not. Absent on replicas that do not reconcile.',
			labelNames: ['range'],
			registers,
		}),
		duplicates: new Gauge({
			name: 'hostport_duplicate_ports',
			help: 'Ports that several live Pods have, one of them at least by us. Should always be 0; is 0 on replicas that do not reconcile.',
			registers,
		}),
		lastPass: new Gauge({
			name: 'hostport_reconciler_last_success_timestamp_seconds',
			help: 'When ledger and cluster were last compared, Unix time; 0 on replicas that do not reconcile.',
			registers,
		}),
		certificateExpiry: new Gauge({
			name: 'hostport_certificate_expiration_timestamp_seconds',
			help: 'When the certificate that the webhook serves with expires, Unix time.',
			registers,
		}),
		buildInfo: new Gauge({
			name: 'hostport_build_info',
			help: 'Always 1; its label tells the version.',
			labelNames: ['version'],
			registers,
		}),
	};
	metrics.buildInfo.set({version}, 1);
	// What an alert looks for must be there before it happens: a rate does not see a series begin.
	for (const outcome of ['allowed', 'patched', 'denied', 'errored']) {
		metrics.admissionDuration.zero({outcome});
	}

	for (const result of ['ok', 'conflict', 'failed']) {
		metrics.commits.inc({result}, 0);
	}

	for (const lease of ['hostport-ledger', 'hostport-reconciler']) {
		metrics.leaseWrites.inc({lease, change: 'take_over'}, 0);
	}

	return {registry, ...metrics};
};

/** Adds those of the process: CPU, memory, event loop, garbage collection. */
export const addProcessMetrics = ({registry}: Pick<Metrics, 'registry'>): void => {
	collectDefaultMetrics({register: registry});
};
