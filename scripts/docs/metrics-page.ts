/** The metrics as people read them: `docs/metrics.md`. Pure. */
import type {Metrics} from '../../src/metrics.ts';

type Metric = {readonly name: string; readonly help: string; readonly type: string; readonly labels: readonly string[]};

/** What the code has, in its order: prom-client tells names, helps and types, and keeps label names to itself. */
export const metricsOf = (metrics: Metrics): Metric[] =>
	metrics.registry.getMetricsAsArray().map(metric => {
		const {name, help, type, labelNames = []} = metric as typeof metric & {readonly type?: string; readonly labelNames?: readonly string[]};
		return {name, help, type: String(type), labels: labelNames};
	});

/** `docs/metrics.md`. */
export const renderMetricsPage = (metrics: Metrics): string => `# Metrics

Each replica tells these on \`/metrics\`, port 8080. Those of the ledger's state come from the one replica that reconciles: sum or take the maximum over all. Those of the process (\`process_…\`, \`nodejs_…\`) are prom-client's.

| metric | kind | labels | meaning |
|---|---|---|---|
${metricsOf(metrics).map(({name, help, type, labels}) =>
	`| \`${name}\` | ${type} | ${labels.map(label => `\`${label}\``).join(', ') || '–'} | ${help} |`).join('\n')}

\`deploy/components/prometheus\` has a ServiceMonitor, alerts and a Grafana dashboard for them; [runbooks.md](runbooks.md) says what to do when an alert fires.

This page is made from \`src/metrics.ts\`, by \`npm run docs\`.
`;
