/** The chart's files agree with the program and with the rest of deploy/. Nothing is rendered, so helm is not needed. */
import {existsSync} from 'node:fs';
import {readFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {parseManifests} from '../../harness/manifests.ts';
import {chartFiles, deployFolder, installFile} from '../../harness/rendering.ts';
import {options} from '../../src/config/options.ts';

const chart = path.join(deployFolder, 'chart');

test('the chart\'s copies of files are up to date (npm run render)', async t => {
	for (const {source, copy} of chartFiles) {
		t.is(await readFile(copy, 'utf8'), await readFile(source, 'utf8'));
	}
});

type Schema = {readonly properties?: Readonly<Record<string, Schema>>};

/** An empty table is a value, whose members are up to the user. */
const isTable = (value: unknown): value is Readonly<Record<string, unknown>> =>
	typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0;

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

test('every value has a default and a type', async t => {
	const [values] = parseManifests(await readFile(path.join(chart, 'values.yaml'), 'utf8')) as unknown as [Record<string, unknown>];
	const {properties} = JSON.parse(await readFile(path.join(chart, 'values.schema.json'), 'utf8')) as Schema;
	// `config` has its defaults and types in the program.
	const {global: _, config: __, ...described} = properties!;
	const {config: ___, ...defaults} = values;
	const names = (value: unknown): unknown => isTable(value) ? Object.fromEntries(Object.entries(value).map(([name, member]) => [name, names(member)] as const)) : true;
	const namesInSchema = ({properties: members}: Schema): unknown => members ? Object.fromEntries(Object.entries(members).map(([name, member]) => [name, namesInSchema(member)] as const)) : true;
	t.deepEqual(names({...defaults, resources: true}), namesInSchema({properties: described}));
});

test('chart, image and program have the same version', async t => {
	const {version} = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as {version: string};
	const [metadata] = parseManifests(await readFile(path.join(chart, 'Chart.yaml'), 'utf8')) as unknown as [{version: string; appVersion: string}];
	t.like(metadata, {version, appVersion: version});
	t.true(existsSync(path.join(chart, 'templates', 'NOTES.txt')));
	t.regex(await readFile(installFile, 'utf8'), new RegExp(String.raw`image: hostport-operator:${version}$`, 'm'));
});
