/** The metrics as a page: `docs/metrics.md`. Pure. */
import type {Metrics} from '../../src/metrics.ts';

type Metric = {readonly name: string; readonly help: string; readonly type: string; readonly labels: readonly string[]};

/** The registered metrics, in the order of the code. prom-client returns the label names too, but its types don't say so. */
export const metricsOf = (metrics: Metrics): Metric[] =>
	metrics.registry.getMetricsAsArray().map(metric => {
		const {name, help, type, labelNames = []} = metric as typeof metric & {readonly type?: string; readonly labelNames?: readonly string[]};
		return {name, help, type: String(type), labels: labelNames};
	});

/** `docs/metrics.md`. */
export const renderMetricsPage = (metrics: Metrics): string => `# Metrics

Each replica serves these metrics on port 8080 at \`/metrics\`. Metrics of the ledger's state come only from the replica that reconciles, so take the sum or the maximum over all replicas. Metrics of the process (\`process_…\`, \`nodejs_…\`) are prom-client's defaults.

| metric | type | labels | meaning |
|---|---|---|---|
${metricsOf(metrics).map(({name, help, type, labels}) =>
	`| \`${name}\` | ${type} | ${labels.map(label => `\`${label}\``).join(', ') || '–'} | ${help.replaceAll('<', '&lt;')} |`).join('\n')}

\`deploy/components/prometheus\` has a ServiceMonitor, alerts and a Grafana dashboard for them. Two of the alerts and the first row of the dashboard use metrics of the API server (\`apiserver_admission_webhook_…\`), which see an outage that no replica sees. [runbooks.md](runbooks.md) says what to do when an alert fires.

This page is made from \`src/metrics.ts\`, by \`npm run docs\`.
`;
