/** Metrics, their names and their page. Rules and dashboard: test/deploy/monitoring.test.ts. */
import {readFileSync} from 'node:fs';
import test from 'ava';
import {metricsOf, renderMetricsPage} from '../scripts/docs/metrics-page.ts';
import {createMetrics} from '../src/metrics.ts';

test('Leases and queue are read when the metrics are served', async t => {
	const metrics = createMetrics();
	let [isHeld, length] = [true, 3];
	metrics.showLease('hostport-ledger', () => isHeld);
	metrics.showQueue(() => length);
	const lines = async () => (await metrics.registry.metrics()).split('\n').filter(line => /^(?:leader_election|hostport_ledger_queue)/.test(line));
	t.deepEqual(await lines(), ['hostport_ledger_queue_length 3', 'leader_election_master_status{name="hostport-ledger"} 1']);
	[isHeld, length] = [false, 0];
	t.deepEqual(await lines(), ['hostport_ledger_queue_length 0', 'leader_election_master_status{name="hostport-ledger"} 0']);
});

/** Metrics that every Kubernetes client has under these names. */
const standardNames = new Set(['leader_election_master_status', 'rest_client_requests_total']);

test('names keep to Prometheus\' conventions', t => {
	for (const {name, type, help} of metricsOf(createMetrics())) {
		t.true(standardNames.has(name) || /^hostport_[a-z_]+$/.test(name), name);
		t.is(name.endsWith('_total'), type === 'counter', name);
		t.false(/_(?:ms|milliseconds|minutes)$/.test(name), name);
		t.regex(help, /\.$/);
	}
});

test('docs/metrics.md says what the code does', t => {
	const page = readFileSync(new URL('../docs/metrics.md', import.meta.url), 'utf8');
	t.is(page, renderMetricsPage(createMetrics()), 'Run `npm run docs`, and commit what it has changed.');
	t.true(page.split('\n').filter(line => line.startsWith('|')).every(row => row.split('|').length === 6));
});
