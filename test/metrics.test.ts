/** Metrics, their page, and the rules and the dashboard that rest on them. */
import {globSync, readFileSync} from 'node:fs';
import test from 'ava';
import {parser} from '@prometheus-io/lezer-promql';
import {readAlerts, renderRunbooksPage} from '../scripts/docs/runbooks-page.ts';
import {metricsOf, renderMetricsPage} from '../scripts/docs/metrics-page.ts';
import {addProcessMetrics, createMetrics} from '../src/metrics.ts';

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');

const metrics = createMetrics();
addProcessMetrics(metrics);

/** Every series that `/metrics` may tell, with its labels; `instance` and `job` are added by Prometheus. */
const series = new Map(metricsOf(metrics).flatMap(({name, type, labels}): Array<[string, string[]]> => {
	const all = [...labels, 'instance', 'job'];
	return type === 'histogram'
		? [[`${name}_bucket`, [...all, 'le']], [`${name}_sum`, all], [`${name}_count`, all]]
		: [[name, all]];
}));

type Query = {readonly names: readonly string[]; readonly labels: readonly string[]; readonly broken: boolean};

/** What a query names, and whether it is PromQL at all. */
const parse = (query: string): Query => {
	// Grafana puts a duration there.
	const text = query.replaceAll('$__rate_interval', '5m');
	const names: string[] = [];
	const labels: string[] = [];
	let broken = false;
	parser.parse(text).iterate({
		enter({name, from, to, type}) {
			broken ||= type.isError;
			if (name === 'Identifier') {
				names.push(text.slice(from, to));
			} else if (name === 'LabelName') {
				labels.push(text.slice(from, to));
			}
		},
	});
	return {names, labels, broken};
};

type Dashboard = {readonly panels: ReadonlyArray<{readonly title: string; readonly targets: ReadonlyArray<{readonly expr: string; readonly legendFormat?: string}>}>};

const dashboard = JSON.parse(read('deploy/components/prometheus/dashboard.json')) as Dashboard;
const alerts = await readAlerts();
const queries = [
	...alerts.map(({alert, expr, annotations: {summary}}) => [alert, expr, summary] as const),
	...dashboard.panels.flatMap(({title, targets}) => targets.map(({expr, legendFormat = ''}) => [title, expr, legendFormat] as const)),
];

test('the check of queries finds what it is for', t => {
	t.deepEqual(parse('sum by (outcome) (rate(hostport_nothing_total{colour="red"}[5m])) > 0'), {names: ['hostport_nothing_total'], labels: ['outcome', 'colour'], broken: false});
	t.true(parse('sum by (outcome (rate(x[5m]))').broken);
	t.true(parse('rate(x{a=})').broken);
	t.false(series.has('hostport_nothing_total'));
	t.true(series.has('hostport_admission_duration_seconds_bucket'));
});

for (const [where, query, text] of queries) {
	test(`${where}: ${query}`, t => {
		const {names, labels, broken} = parse(query);
		t.false(broken, 'It is PromQL.');
		t.true(names.length > 0);
		const known = new Set(names.flatMap(name => series.get(name) ?? []));
		t.deepEqual(names.filter(name => !series.has(name)), [], 'All series exist.');
		t.deepEqual(labels.filter(label => !known.has(label)), [], 'So do their labels.');
		const shown = [...text.matchAll(/\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}/g)].map(([, label]) => label!);
		t.deepEqual(shown.filter(label => !labels.includes(label) && label !== 'instance'), [], 'What is shown is grouped by.');
	});
}

test('every metric of ours is in a rule or on the dashboard', t => {
	const used = new Set(queries.flatMap(([, query]) => parse(query).names));
	const unused = metricsOf(createMetrics()).filter(({name}) => ![name, `${name}_bucket`, `${name}_sum`, `${name}_count`].some(one => used.has(one)));
	t.deepEqual(unused.map(({name}) => name), []);
});

test('values of labels in rules are ones that the code has', async t => {
	const text = await metrics.registry.metrics();
	for (const {expr} of alerts) {
		for (const [, label, value] of expr.matchAll(/(\w+)=~?"([^"]+)"/g)) {
			for (const one of value!.split('|')) {
				t.true(text.includes(`${label}="${one}"`), `${label}="${one}"`);
			}
		}
	}
});

test('every alert says what it is and what to do', t => {
	t.is(new Set(alerts.map(({alert}) => alert)).size, alerts.length);
	for (const {alert, for: duration, labels: {severity}, annotations: {summary, runbook}} of alerts) {
		t.regex(alert, /^HostPort[A-Z]/);
		t.regex(duration, /^\d+[mh]$/);
		t.true(['warning', 'critical'].includes(severity));
		t.regex(summary, /\.$/);
		t.true(runbook.length > 100);
	}
});

test('runbooks quote log lines that src has', t => {
	const source = globSync('src/**/*.ts', {cwd: new URL('..', import.meta.url)}).map(file => read(file)).join('\n');
	const quotes = alerts.flatMap(({annotations: {runbook}}) => [...runbook.replaceAll(/`[^`]+`/g, '').matchAll(/"([^"…]+)…?"/g)].map(([, quote]) => quote!));
	t.true(quotes.length > 0);
	t.deepEqual(quotes.filter(quote => !source.includes(quote)), []);
});

test('names keep to Prometheus\' conventions', t => {
	for (const {name, type, help} of metricsOf(createMetrics())) {
		t.regex(name, /^hostport_[a-z_]+$/);
		t.is(name.endsWith('_total'), type === 'counter', name);
		t.false(/_(?:ms|milliseconds|minutes)$/.test(name), name);
		t.regex(help, /\.$/);
	}
});

test('docs/metrics.md and docs/runbooks.md say what code and rules do', t => {
	t.is(read('docs/metrics.md'), renderMetricsPage(createMetrics()), 'Run `npm run docs`, and commit what it has changed.');
	t.is(read('docs/runbooks.md'), renderRunbooksPage(alerts), 'Run `npm run docs`, and commit what it has changed.');
	t.true(read('docs/metrics.md').split('\n').filter(line => line.startsWith('|')).every(row => row.split('|').length === 6));
});
