/** The chart's values as a page: `deploy/chart/README.md`. */
import {readFile} from 'node:fs/promises';
import path from 'node:path';
import {parse} from 'yaml';
import {deployFolder} from '../../harness/rendering.ts';
import {flagOf} from '../../src/config/options.ts';

/** A value's description in `values.schema.json`. */
export type ValueSchema = {
	readonly description?: string;
	readonly type?: string | readonly string[];
	readonly enum?: readonly string[];
	readonly properties?: Readonly<Record<string, ValueSchema>>;
};

export type Chart = {
	readonly schema: ValueSchema;
	/** `values.yaml`. */
	readonly defaults: Readonly<Record<string, unknown>>;
};

/** Reads what the page is made from. */
export const readChart = async (): Promise<Chart> => ({
	schema: JSON.parse(await readChartFile('values.schema.json')) as ValueSchema,
	defaults: parse(await readChartFile('values.yaml')) as Chart['defaults'],
});

const readChartFile = async (name: string): Promise<string> => readFile(path.join(deployFolder, 'chart', name), 'utf8');

/** `deploy/chart/README.md`. Pure. */
export const renderChartPage = ({schema, defaults}: Chart): string => `# hostport-operator

Gives annotated Pods host ports, and never the same one twice: [what it does](../../README.md), [how to install, upgrade and remove it](../../docs/install.md).

\`\`\`
helm install hostport-operator hostport-operator-0.1.0.tgz --namespace operators --create-namespace
helm test hostport-operator --namespace operators
\`\`\`

With its default values, the chart installs what \`deploy/overlays/default\` installs. It has no CustomResourceDefinitions, so an upgrade needs no step by hand. Names of objects are fixed, because there must be only one operator in a cluster. The schema refuses values that it does not know.

**There is no value for \`failurePolicy\`.** It is \`Fail\`: while no replica can answer, the API server rejects Pods that ask for ports, and only those, and their controllers try again. With \`Ignore\`, such a Pod would be created without its ports. It would keep running without them, because a Pod's ports can't be changed later; or it would use the numbers of its template, which another Pod may have.

\`helm test\` creates a Pod that asks for a port, and succeeds if its program can listen on that port. \`helm template\` renders this Pod too; \`--skip-tests\` leaves it out.

As a dependency, the chart can be switched off by a condition:

\`\`\`yaml
dependencies:
  - name: hostport-operator
    version: 0.1.0
    repository: file://../hostport-operator
    condition: hostport-operator.enabled
\`\`\`

## Values

| value | default | meaning |
|---|---|---|
${rowsOf('', schema, defaults).join('\n')}

The members of \`config\` are ${Object.keys(schema.properties?.['config']?.properties ?? {}).map(name => `\`${name}\` (\`--${flagOf(name)}\`)`).join(', ')}.

This page is made from \`values.schema.json\` and \`values.yaml\`, by \`npm run docs\`.
`;

/** A row for each value. Those that are up to the user as a whole have one, whatever their members. */
const rowsOf = (prefix: string, {properties = {}}: ValueSchema, defaults: Readonly<Record<string, unknown>>): string[] => {
	const rows: string[] = [];
	for (const [name, schema] of Object.entries(properties)) {
		const value = defaults[name];
		if (schema.properties && isTable(value)) {
			rows.push(`| **\`${prefix}${name}\`** | | ${meaningOf(schema)} |`, ...rowsOf(`${prefix}${name}.`, schema, value));
		} else {
			rows.push(`| \`${prefix}${name}\` | ${value === undefined ? '–' : `\`${JSON.stringify(value)}\``} | ${meaningOf(schema)} |`);
		}
	}

	return rows;
};

const meaningOf = ({description = '', enum: choices}: ValueSchema): string =>
	choices && !choices.every(choice => description.includes(`\`${choice}\``)) ? `${description} One of ${choices.map(choice => `\`${JSON.stringify(choice)}\``).join(', ')}.` : description;

const isTable = (value: unknown): value is Readonly<Record<string, unknown>> =>
	typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0;
