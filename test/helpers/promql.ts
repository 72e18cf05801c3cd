/** What queries of Prometheus name, and the queries of the rules and of the dashboard in deploy/. */
import {readFileSync} from 'node:fs';
import {parser} from '@prometheus-io/lezer-promql';
import {readAlerts} from '../../scripts/docs/runbooks-page.ts';

type Matcher = {readonly label: string; readonly operator: string; readonly value: string};

/** A series with the conditions on its labels, such as `up{job="x"}`. */
export type Selector = {readonly name: string; readonly matchers: readonly Matcher[]};

export type Query = {
	readonly names: readonly string[];
	readonly labels: readonly string[];
	readonly selectors: readonly Selector[];
	/** It is no PromQL. */
	readonly broken: boolean;
};

export const parseQuery = (query: string): Query => {
	// Grafana puts a duration there.
	const text = query.replaceAll('$__rate_interval', '5m');
	const labels: string[] = [];
	const selectors: Array<{name: string; matchers: Matcher[]}> = [];
	let broken = false;
	parser.parse(text).iterate({
		enter({name, from, to, type, node}) {
			const part = text.slice(from, to);
			broken ||= type.isError;
			if (name === 'Identifier') {
				selectors.push({name: part, matchers: []});
			} else if (name === 'LabelName') {
				labels.push(part);
			} else if (name === 'UnquotedLabelMatcher') {
				const [label = '', operator = '', value = ''] = ['LabelName', 'MatchOp', 'StringLiteral'].map(child => {
					const found = node.getChild(child);
					return found ? text.slice(found.from, found.to) : '';
				});
				selectors.at(-1)?.matchers.push({label, operator, value: value.slice(1, -1)});
			}
		},
	});
	return {names: selectors.map(selector => selector.name), labels, selectors, broken};
};

export type Panel = {
	readonly id: number;
	readonly type: string;
	readonly title: string;
	readonly description?: string;
	readonly gridPos: {readonly x: number; readonly y: number; readonly w: number; readonly h: number};
	/** Absent for a row, which is the heading of other panels. */
	readonly targets?: ReadonlyArray<{readonly expr: string; readonly legendFormat?: string}>;
};

export type Dashboard = {
	readonly panels: readonly Panel[];
	readonly templating: {readonly list: ReadonlyArray<{readonly name: string; readonly type: string; readonly definition?: string}>};
};

export const dashboard = JSON.parse(readFileSync(new URL('../../deploy/components/prometheus/dashboard.json', import.meta.url), 'utf8')) as Dashboard;

export const alerts = await readAlerts();

/** Each query with the place that it is for, and the texts in which labels of its result are shown. */
export const queries = [
	...alerts.map(({alert, expr, annotations: {summary, description}}) => ({where: alert, query: expr, text: `${summary} ${description}`})),
	...dashboard.panels.flatMap(({title, targets = []}) => targets.map(({expr, legendFormat = ''}) => ({where: title, query: expr, text: legendFormat}))),
];

/** Series of the API server that the queries use, and their labels. A test compares them with a real API server. */
export const apiServerSeries = new Map([
	['apiserver_admission_webhook_rejection_count', ['name', 'type', 'operation', 'error_type', 'rejection_code']],
	['apiserver_admission_webhook_admission_duration_seconds_bucket', ['name', 'type', 'operation', 'rejected', 'le']],
]);
