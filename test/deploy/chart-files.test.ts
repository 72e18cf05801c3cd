/** The chart's files agree with the program and with the rest of deploy/. Nothing is rendered, so helm is not needed. */
import {existsSync} from 'node:fs';
import {readFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {parseManifests} from '../../harness/manifests.ts';
import {chartFiles, deployFolder, installFile} from '../../harness/rendering.ts';
import {readChart, renderChartPage} from '../../scripts/docs/chart-page.ts';
import {options} from '../../src/config/options.ts';

const chart = path.join(deployFolder, 'chart');

test('the chart\'s copies of files are up to date (npm run render)', async t => {
	for (const {source, copy} of chartFiles) {
		t.is(await readFile(copy, 'utf8'), await readFile(source, 'utf8'));
	}
});

type Schema = {readonly description?: string; readonly properties?: Readonly<Record<string, Schema>>};

/** An empty table is a value, whose members are up to the user. */
const isTable = (value: unknown): value is Readonly<Record<string, unknown>> =>
	typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0;

/** The paths of all values that the schema and the defaults know, each by what it lacks. */
const lacks = (path: string, schema: Schema | undefined, value: unknown): string[] => {
	const problems = [
		...(schema ? [] : [`${path} has no schema`]),
		...(schema && !schema.description ? [`${path} has no description`] : []),
		...(value === undefined ? [`${path} has no default`] : []),
	];
	if (!schema?.properties || !isTable(value)) {
		return problems;
	}

	const {properties} = schema;
	return [...problems, ...[...new Set([...Object.keys(properties), ...Object.keys(value)])].flatMap(name => lacks(`${path}.${name}`, properties[name], value[name]))];
};

/** Options that the chart sets itself, or that other objects of the chart depend on. */
const notConfigurable = new Set([
	'kubeconfig', 'namespace', 'identity', 'bindAddress', 'webhookPort', 'webhookPath', 'healthPort', 'metricsPort', 'tlsCertFile', 'tlsPrivateKeyFile',
	'clientCaFile', 'webhookServiceName', 'webhookConfigurationName',
]);

test('the chart has a value for each configurable flag', async t => {
	const schema = JSON.parse(await readFile(path.join(chart, 'values.schema.json'), 'utf8')) as {properties: {config: {properties: Record<string, unknown>}}};
	t.deepEqual(
		Object.keys(schema.properties.config.properties).toSorted(),
		Object.keys(options).filter(name => !notConfigurable.has(name)).toSorted(),
	);
});

test('every value has a default, a type and a description', async t => {
	const [values] = parseManifests(await readFile(path.join(chart, 'values.yaml'), 'utf8')) as unknown as [Record<string, unknown>];
	const schema = JSON.parse(await readFile(path.join(chart, 'values.schema.json'), 'utf8')) as Schema;
	// Helm makes `global` itself.
	t.deepEqual(lacks('values', {description: 'all', ...schema}, {...values, global: {}}), []);
});

test('the page of the chart is up to date', async t => {
	t.is(await readFile(path.join(chart, 'README.md'), 'utf8'), renderChartPage(await readChart()), 'Run `npm run docs`, and commit what it has changed.');
});

test('chart, image and program have the same version', async t => {
	const {version} = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as {version: string};
	const [metadata] = parseManifests(await readFile(path.join(chart, 'Chart.yaml'), 'utf8')) as unknown as [{version: string; appVersion: string}];
	t.like(metadata, {version, appVersion: version});
	t.true(existsSync(path.join(chart, 'templates', 'NOTES.txt')));
	t.regex(await readFile(path.join(deployFolder, 'components', 'release', 'kustomization.yaml'), 'utf8'), new RegExp(String.raw`newTag: ${version}$[^]*app\.kubernetes\.io/version: ${version}$`, 'm'));
	t.regex(await readFile(installFile, 'utf8'), new RegExp(String.raw`image: hostport-operator:${version}$`, 'm'));
});
