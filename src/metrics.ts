/** Every metric, its help and its labels; named by Prometheus' conventions. Passed in wherever something is counted. */
import {Counter, Gauge, Registry} from 'prom-client';

export type Metrics = ReturnType<typeof createMetrics>;

/** A set of its own for each operator, so that two in one process do not meet. */
export const createMetrics = () => {
	const registry = new Registry();
	const registers = [registry];
	return {
		registry,
		admissions: new Counter({
			name: 'hostport_admissions_total',
			help: 'Pods that came to the webhook, by what became of them: allowed (none of our business), patched, denied, errored.',
			labelNames: ['outcome'],
			registers,
		}),
		commits: new Counter({
			name: 'hostport_ledger_commits_total',
			help: 'Writes to pages of the ledger, by result: ok, conflict (somebody was faster), failed.',
			labelNames: ['result'],
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
			help: 'Entries of the ledger by state, as the reconciler last saw them. Absent on replicas that do not reconcile.',
			labelNames: ['state'],
			registers,
		}),
		duplicates: new Gauge({
			name: 'hostport_duplicate_ports',
			help: 'Ports that several live Pods have, one of them at least by us. Should always be 0; is 0 on replicas that do not reconcile.',
			registers,
		}),
		certificateExpiry: new Gauge({
			name: 'hostport_certificate_expiration_timestamp_seconds',
			help: 'When the certificate that the webhook serves with expires, Unix time.',
			registers,
		}),
		lastPass: new Gauge({
			name: 'hostport_reconciler_last_success_timestamp_seconds',
			help: 'When ledger and cluster were last compared, Unix time; 0 on replicas that do not reconcile.',
			registers,
		}),
	};
};
