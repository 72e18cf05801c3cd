/** The alerts in deploy/ as a page of runbooks: `docs/runbooks.md`. */
import {readManifests} from '../../harness/manifests.ts';

export type Alert = {
	readonly alert: string;
	/** PromQL. */
	readonly expr: string;
	readonly for: string;
	readonly labels: {readonly severity: string};
	readonly annotations: {readonly summary: string; readonly description: string; readonly runbook: string; readonly runbook_url: string};
};

const ruleFile = new URL('../../deploy/components/prometheus/prometheus-rule.yaml', import.meta.url);

type Rule = {readonly spec: {readonly groups: ReadonlyArray<{readonly rules: readonly Alert[]}>}};

export const readAlerts = async (): Promise<Alert[]> => {
	const [rule] = await readManifests(ruleFile) as unknown as Rule[];
	return (rule?.spec.groups ?? []).flatMap(({rules}) => rules);
};

/** `docs/runbooks.md`. */
export const renderRunbooksPage = (alerts: readonly Alert[]): string => `# Runbooks

What to do when an alert of \`deploy/components/prometheus\` fires.

${alerts.map(({alert, expr, for: duration, labels: {severity}, annotations: {summary, runbook}}) => `## ${alert}

**${severity}.** ${summary.replaceAll(/\{\{ \$labels\.(\w+) \}\}/g, '*$1*')}

${runbook.trim()}

Fires when this holds for ${duration}:

\`\`\`
${expr}
\`\`\``).join('\n\n')}

This page is made from \`deploy/components/prometheus/prometheus-rule.yaml\`, by \`npm run docs\`.
`;
