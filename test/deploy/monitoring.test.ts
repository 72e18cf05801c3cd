/** The rules and the dashboard: their queries name series and labels that exist, and each says what it shows and what to do. */
import {globSync, readFileSync} from 'node:fs';
import test from 'ava';
import {renderRunbooksPage} from '../../scripts/docs/runbooks-page.ts';
import {metricsOf} from '../../scripts/docs/metrics-page.ts';
import {addProcessMetrics, createMetrics} from '../../src/metrics.ts';
import {alerts, apiServerSeries, dashboard, parseQuery, queries} from '../helpers/promql.ts';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

const metrics = createMetrics();
addProcessMetrics(metrics);

/** Labels that Prometheus adds to what it scrapes, and `cluster`, by which a Prometheus of several clusters tells them apart. */
const targetLabels = ['instance', 'job', 'namespace', 'cluster'];

/** Every series that `/metrics` may have, and those of the API server, with their labels. */
const series = new Map([
	...metricsOf(metrics).flatMap(({name, type, labels}): Array<[string, string[]]> =>
		type === 'histogram'
			? [[`${name}_bucket`, [...labels, 'le']], [`${name}_sum`, [...labels]], [`${name}_count`, [...labels]]]
			: [[name, [...labels]]]),
	...apiServerSeries,
].map(([name, labels]) => [name, [...labels, ...targetLabels]]));

test('the check of queries finds what it is for', t => {
	t.like(parseQuery('sum by (outcome) (rate(hostport_nothing_total{colour="red"}[5m])) > 0'), {names: ['hostport_nothing_total'], labels: ['outcome', 'colour'], broken: false});
	t.deepEqual(parseQuery('a{b="c", d=~"e|f"} / g').selectors, [{name: 'a', matchers: [{label: 'b', operator: '=', value: 'c'}, {label: 'd', operator: '=~', value: 'e|f'}]}, {name: 'g', matchers: []}]);
	t.true(parseQuery('sum by (outcome (rate(x[5m]))').broken);
	t.true(parseQuery('rate(x{a=})').broken);
	t.false(series.has('hostport_nothing_total'));
	t.true(series.has('hostport_admission_duration_seconds_bucket'));
});

for (const {where, query, text} of queries) {
	test(`${where}: ${query}`, t => {
		const {names, labels, broken} = parseQuery(query);
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
	const used = new Set(queries.flatMap(({query}) => parseQuery(query).names));
	const unused = metricsOf(createMetrics()).filter(({name}) => ![name, `${name}_bucket`, `${name}_sum`, `${name}_count`].some(one => used.has(one)));
	t.deepEqual(unused.map(({name}) => name), []);
});

test('values of labels in rules are ones that the code has', async t => {
	const text = await metrics.registry.metrics();
	for (const {name, matchers} of alerts.flatMap(({expr}) => parseQuery(expr).selectors).filter(selector => !apiServerSeries.has(selector.name))) {
		for (const {label, value} of matchers) {
			for (const one of value.split('|')) {
				t.true(text.includes(`${label}="${one}"`), `${name}{${label}="${one}"}`);
			}
		}
	}
});

test('every alert says what it is, what was seen and what to do', t => {
	t.is(new Set(alerts.map(({alert}) => alert)).size, alerts.length);
	for (const {alert, for: duration, labels: {severity}, annotations: {summary, description, runbook, runbook_url: url}} of alerts) {
		t.regex(alert, /^HostPort[A-Z]/);
		t.regex(duration, /^\d+[mh]$/);
		t.true(['warning', 'critical'].includes(severity));
		t.regex(summary, /\.$/);
		t.regex(description, /\.$/);
		t.true(runbook.length > 100);
		t.is(url, `https://github.com/OWNER/REPOSITORY/blob/main/docs/runbooks.md#${alert.toLowerCase()}`);
	}
});

test('every alert but that of missing replicas describes the value that it has seen', t => {
	const silent = alerts.filter(({annotations: {description}}) => !/\{\{ \$value(?: \| humanize(?:Percentage|Duration)?)? \}\}/.test(description));
	t.deepEqual(silent.map(({alert}) => alert), ['HostPortOperatorDown']);
});

test('alerts tell clusters of one Prometheus apart', t => {
	t.deepEqual(alerts.filter(({expr}) => !parseQuery(expr).labels.includes('cluster')).map(({alert}) => alert), []);
});

test('runbooks quote log lines that src has', t => {
	const source = globSync('src/**/*.ts', {cwd: new URL('../..', import.meta.url)}).map(file => read(file)).join('\n');
	const quotes = alerts.flatMap(({annotations: {runbook}}) => [...runbook.replaceAll(/`[^`]+`/g, '').matchAll(/"([^"…]+)…?"/g)].map(([, quote]) => quote!));
	t.true(quotes.length > 0);
	t.deepEqual(quotes.filter(quote => !source.includes(quote)), []);
});

test('docs/runbooks.md says what the rules do', t => {
	t.is(read('docs/runbooks.md'), renderRunbooksPage(alerts), 'Run `npm run docs`, and commit what it has changed.');
});

test('every query of the dashboard is limited by its variables', t => {
	t.deepEqual(dashboard.templating.list.map(({name}) => name), ['datasource', 'cluster', 'namespace', 'job']);
	const selectors = dashboard.panels.flatMap(({targets = []}) => targets).flatMap(({expr}) => parseQuery(expr).selectors);
	for (const {name, matchers} of selectors) {
		const variables = matchers.filter(({value}) => value.startsWith('$')).map(({label, operator, value}) => `${label}${operator}${value}`);
		// The API server is another job, in another namespace.
		t.deepEqual(variables, apiServerSeries.has(name) ? ['cluster=~$cluster'] : ['cluster=~$cluster', 'namespace=~$namespace', 'job=~$job'], name);
	}
});

test('the variables of the dashboard are read from a series that every replica has', t => {
	for (const {definition, name} of dashboard.templating.list.filter(({type}) => type === 'query')) {
		const [, selector = '', label] = /^label_values\((.+), (\w+)\)$/.exec(definition ?? '') ?? [];
		t.is(label, name);
		t.like(parseQuery(selector), {names: ['hostport_build_info'], broken: false});
	}
});

test('every panel of the dashboard says what it shows, and has a place of its own', t => {
	const {panels} = dashboard;
	t.deepEqual(panels.filter(({type, description}) => type !== 'row' && !description?.endsWith('.')).map(({title}) => title), []);
	t.is(new Set(panels.map(({id}) => id)).size, panels.length);
	const cells = panels.flatMap(({gridPos: {x, y, w, h}}) => Array.from({length: w * h}, (_, index) => `${x + index % w} ${y + Math.floor(index / w)}`));
	t.is(new Set(cells).size, cells.length, 'No two panels overlap.');
	t.true(panels.every(({gridPos: {x, w}}) => x + w <= 24));
});
