/** The files in deploy/: what is rendered is what is committed, and kustomize and Helm install the same. */
import {execFile} from 'node:child_process';
import {existsSync} from 'node:fs';
import {readdir, readFile, writeFile} from 'node:fs/promises';
import path from 'node:path';
import {promisify} from 'node:util';
import test from 'ava';
import type {ExecutionContext} from 'ava';
import {stringify} from 'yaml';
import {obtainBinaries} from '../../harness/control-plane/obtain.ts';
import {parseManifests} from '../../harness/manifests.ts';
import type {Manifest} from '../../harness/manifests.ts';
import {chartFiles, deployFolder, helmTemplate, installFile, kustomize, renderInstallFile} from '../../harness/rendering.ts';
import {options} from '../../src/config/options.ts';
import {temporaryFolder} from '../harness/temporary-folder.ts';
import {inOrder, writeOverlay} from './helpers/overlay.ts';

const overlay = (name: string) => path.join(deployFolder, 'overlays', name);
const chart = path.join(deployFolder, 'chart');

test('install.yaml is what overlays/default renders to: else run npm run render', async t => {
	t.deepEqual(parseManifests(await readFile(installFile, 'utf8')), parseManifests(await renderInstallFile()));
});

test('the chart\'s copies of files are what they are copied from: else run npm run render', async t => {
	for (const {source, copy} of chartFiles) {
		t.is(await readFile(copy, 'utf8'), await readFile(source, 'utf8'));
	}
});

const composed = async (t: ExecutionContext, base: string, components: readonly string[]): Promise<string> =>
	kustomize(await writeOverlay(await temporaryFolder(t), base, components));

test('every component goes with the base, and all go together', async t => {
	const all = inOrder(await readdir(path.join(deployFolder, 'components')));
	for (const components of [...all.map(name => [name]), all]) {
		const objects = parseManifests(await composed(t, path.join(deployFolder, 'base'), components));
		const identities = objects.map(identityOf);
		t.is(new Set(identities).size, identities.length, components.join(', '));
	}
});

test('no overlay calls for Pods that do not ask, for the cluster\'s own, or for anything but their creation', async t => {
	for (const name of await readdir(path.join(deployFolder, 'overlays'))) {
		const objects = parseManifests(await kustomize(overlay(name)));
		const configuration = objects.find(({kind}) => kind === 'MutatingWebhookConfiguration') as unknown as {webhooks: Array<Record<string, unknown>>};
		t.is(configuration.webhooks.length, 1);
		for (const {rules, matchConditions, objectSelector, namespaceSelector, failurePolicy} of configuration.webhooks) {
			t.deepEqual(rules, [{apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'], scope: 'Namespaced'}]);
			t.is(failurePolicy, 'Fail');
			t.true(Boolean(matchConditions) !== Boolean(objectSelector), name);
			t.deepEqual(namespaceSelector, {matchExpressions: [{
				key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['operators', 'kube-system', 'kube-public', 'kube-node-lease'],
			}]});
		}
	}
});

test('helm lint has nothing to say', async t => {
	const {helm} = await obtainBinaries(['helm']);
	const {stdout} = await promisify(execFile)(helm, ['lint', '--strict', chart]);
	t.notRegex(stdout, /WARNING|ERROR/);
	t.regex(stdout, /1 chart\(s\) linted, 0 chart\(s\) failed/);
});

/** What Helm adds to each object. That the chart has no Namespace, which `--create-namespace` makes, is the one other difference. */
const helmLabels = new Set(['app.kubernetes.io/instance', 'app.kubernetes.io/version', 'app.kubernetes.io/managed-by', 'helm.sh/chart']);

const withoutHelmLabels = (manifest: Manifest): Manifest => {
	const {labels = {}} = manifest.metadata as {labels?: Record<string, string>};
	return {...manifest, metadata: {...manifest.metadata, labels: Object.fromEntries(Object.entries(labels).filter(([name]) => !helmLabels.has(name)))} as Manifest['metadata']};
};

/** By kind and name, without what is known to differ, and in the form in which the API server sees it. */
const comparable = (text: string): Record<string, Manifest> =>
	Object.fromEntries(parseManifests(text)
		.filter(({kind}) => kind !== 'Namespace')
		.map(manifest => [identityOf(manifest), withDefaults(withoutHelmLabels(manifest))] as const));

const identityOf = ({kind, metadata}: Manifest): string => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`;

type Named = {readonly name: string};
const byName = (a: Named, b: Named) => a.name.localeCompare(b.name);

/** With what the API server would put there itself, which the chart says because a user may want something else; and environment and volumes, whose order means nothing here, in order. */
const withDefaults = (manifest: Manifest): Manifest => {
	if (manifest.kind !== 'Deployment') {
		return manifest;
	}

	const copy = structuredClone(manifest) as Manifest & {spec: {template: {spec: {volumes?: Named[]; containers: Array<{imagePullPolicy?: string; env: Named[]; volumeMounts?: Named[]}>}}}};
	const {volumes, containers} = copy.spec.template.spec;
	for (const container of containers) {
		container.imagePullPolicy ??= 'IfNotPresent';
		container.env.sort(byName);
		container.volumeMounts?.sort(byName);
	}

	volumes?.sort(byName);

	return copy;
};

for (const [what, args, kustomized] of [
	['without values, what overlays/default is', [], async () => kustomize(overlay('default'))],
	['with certificate.source=cert-manager, what overlays/cert-manager is', ['--set', 'certificate.source=cert-manager'], async () => kustomize(overlay('cert-manager'))],
	['with optIn=label, what overlays/opt-in-by-label is', ['--set', 'optIn=label', '--kube-version', '1.24.0'], async () => kustomize(overlay('opt-in-by-label'))],
	['with networkPolicy.enabled, that component', ['--set', 'networkPolicy.enabled=true'], async (t: ExecutionContext) => composed(t, overlay('default'), ['network-policy'])],
	['with clientCaConfigMap, what the component client-certificate does', ['--set', 'clientCaConfigMap=hostport-operator-client-ca'], async (t: ExecutionContext) => composed(t, overlay('default'), ['client-certificate'])],
	['with prometheus.enabled, that component', ['--set', 'prometheus.enabled=true'], async (t: ExecutionContext) => composed(t, overlay('default'), ['prometheus'])],
	[
		'with all of that, all components',
		['--set', 'certificate.source=cert-manager,optIn=label,networkPolicy.enabled=true,prometheus.enabled=true,clientCaConfigMap=hostport-operator-client-ca'],
		async (t: ExecutionContext) => composed(t, path.join(deployFolder, 'base'), inOrder(await readdir(path.join(deployFolder, 'components')))),
	],
	['with one replica and nothing around it, what the base is', ['--set', 'replicas=1,podDisruptionBudget.enabled=false,priorityClass.create=false,priorityClass.name='], async (t: ExecutionContext) => withSpread(await composed(t, path.join(deployFolder, 'base'), []))],
] as const) {
	test(`the chart is, ${what}`, async t => {
		t.deepEqual(comparable(await helmTemplate('operators', ...args)), comparable(await kustomized(t)));
	});
}

/** The chart always spreads: a single replica is nowhere else for that. */
const withSpread = (text: string): string => parseManifests(text).map(manifest => {
	if (manifest.kind !== 'Deployment') {
		return stringify(manifest);
	}

	const copy = structuredClone(manifest) as Manifest & {spec: {template: {spec: Record<string, unknown>}}};
	copy.spec.template.spec['topologySpreadConstraints'] = ['kubernetes.io/hostname', 'topology.kubernetes.io/zone'].map(topologyKey => ({
		topologyKey, maxSkew: 1, whenUnsatisfiable: 'ScheduleAnyway', labelSelector: {matchLabels: {'app.kubernetes.io/name': 'hostport-operator'}},
	}));
	return stringify(copy);
}).join('---\n');

test('in another namespace, nothing of the chart is in "operators"', async t => {
	for (const source of ['operator', 'cert-manager']) {
		const text = await helmTemplate('games', '--set', `certificate.source=${source},prometheus.enabled=true`);
		t.notRegex(text, /\boperators\b/);
		t.regex(text, /values:\n\s+- games\n/);
	}
});

test('the values that a user sets are where they belong', async t => {
	const file = path.join(await temporaryFolder(t), 'values.yaml');
	await writeFile(file, stringify({
		replicas: 5,
		image: {repository: 'registry.example.com/hostport', digest: `sha256:${'a'.repeat(64)}`},
		imagePullSecrets: [{name: 'registry'}],
		config: {portRange: '30000-32767', logLevel: 'debug'},
		certificate: {source: 'secret', secretName: 'ours', caBundle: 'QUJD'},
		excludedNamespaces: ['kube-system', 'storage'],
		priorityClass: {create: false, name: 'critical'},
		topologySpreadConstraints: [{topologyKey: 'rack', maxSkew: 1, whenUnsatisfiable: 'DoNotSchedule'}],
		prometheus: {enabled: true, labels: {release: 'stack'}},
	}));

	const objects = comparable(await helmTemplate('operators', '--values', file));

	t.like(objects['Deployment operators/hostport-operator'], {spec: {replicas: 5, template: {spec: {
		priorityClassName: 'critical',
		imagePullSecrets: [{name: 'registry'}],
		topologySpreadConstraints: [{topologyKey: 'rack', maxSkew: 1, whenUnsatisfiable: 'DoNotSchedule'}],
		volumes: [{name: 'certificate', secret: {secretName: 'ours'}}],
		containers: [{
			image: `registry.example.com/hostport@sha256:${'a'.repeat(64)}`,
			env: [
				{name: 'HOSTPORT_IDENTITY'},
				{name: 'HOSTPORT_LOG_LEVEL', value: 'debug'},
				{name: 'HOSTPORT_NAMESPACE'},
				{name: 'HOSTPORT_PORT_RANGE', value: '30000-32767'},
				{name: 'HOSTPORT_TLS_CERT_FILE', value: '/certificate/tls.crt'},
				{name: 'HOSTPORT_TLS_PRIVATE_KEY_FILE', value: '/certificate/tls.key'},
			],
		}],
	}}}});
	t.like(objects['MutatingWebhookConfiguration /hostport-operator-hostport-mutating-webhook-configuration'], {webhooks: [{
		clientConfig: {caBundle: 'QUJD'},
		namespaceSelector: {matchExpressions: [{values: ['operators', 'kube-system', 'kube-public', 'kube-node-lease', 'storage']}]},
	}]});
	for (const kind of ['ServiceMonitor', 'PrometheusRule']) {
		t.like(objects[`${kind} operators/hostport-operator`], {metadata: {labels: {release: 'stack'}}});
	}

	t.false('PriorityClass /hostport-operator' in objects);
	t.false('Role operators/hostport-operator-certificate' in objects, 'The operator has no right to a certificate that another makes.');
});

for (const [values, message] of [
	['replicas=none', /replicas.*got string, want integer/s],
	['replicas=0', /replicas.*minimum/s],
	['optIn=yes', /optIn.*'annotation', 'label'/s],
	['config.logLevl=debug', /config.*additional properties 'logLevl' not allowed/s],
	['config.holdTime=two minutes', /holdTime.*does not match pattern/s],
	['image.digest=sha256:abc', /digest.*does not match pattern/s],
	['timeoutSeconds=31', /timeoutSeconds.*maximum/s],
	['replica=3', /additional properties 'replica' not allowed/],
	['certificate.source=secret,certificate.caBundle=QUJD', /certificate\.secretName is empty: name the Secret/],
	['certificate.source=secret,certificate.secretName=ours', /certificate\.caBundle is empty/],
	['priorityClass.name=', /priorityClass.*name.*minLength/s],
] as const) {
	test(`the chart refuses ${values}, and says why`, async t => {
		const error = await t.throwsAsync<Error & {stderr: string}>(helmTemplate('operators', '--set', values));
		t.regex(error.stderr, message);
	});
}

test('the chart refuses Kubernetes 1.27, which might call for every Pod, unless Pods opt in by label', async t => {
	const error = await t.throwsAsync<Error & {stderr: string}>(helmTemplate('operators', '--kube-version', '1.27.3'));
	t.regex(error.stderr, /1\.27\.3 does not know matchConditions for sure.*optIn=label/);
});

type Schema = {readonly properties?: Readonly<Record<string, Schema>>};

/** A table that is empty is a value: what goes into it is up to the user. */
const isTable = (value: unknown): value is Readonly<Record<string, unknown>> =>
	typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0;

/** What the chart gives by itself, or must not be changed because other objects name it. */
const notConfigurable = new Set([
	'kubeconfig', 'namespace', 'identity', 'bindAddress', 'webhookPort', 'healthPort', 'metricsPort', 'tlsCertFile', 'tlsPrivateKeyFile',
	'clientCaFile', 'webhookServiceName', 'webhookConfigurationName',
]);

test('the chart knows the operator\'s flags', async t => {
	const schema = JSON.parse(await readFile(path.join(chart, 'values.schema.json'), 'utf8')) as {properties: {config: {properties: Record<string, unknown>}}};
	t.deepEqual(
		Object.keys(schema.properties.config.properties).toSorted(),
		Object.keys(options).filter(name => !notConfigurable.has(name)).toSorted(),
	);
});

test('every value has a default and a type', async t => {
	const [values] = parseManifests(await readFile(path.join(chart, 'values.yaml'), 'utf8')) as unknown as [Record<string, unknown>];
	const {properties} = JSON.parse(await readFile(path.join(chart, 'values.schema.json'), 'utf8')) as Schema;
	// Its flags have theirs in the program.
	const {global: _, config: __, ...described} = properties!;
	const {config: ___, ...defaults} = values;
	const names = (value: unknown): unknown => isTable(value) ? Object.fromEntries(Object.entries(value).map(([name, member]) => [name, names(member)] as const)) : true;
	const namesInSchema = ({properties: members}: Schema): unknown => members ? Object.fromEntries(Object.entries(members).map(([name, member]) => [name, namesInSchema(member)] as const)) : true;
	t.deepEqual(names({...defaults, resources: true}), namesInSchema({properties: described}));
});

test('the chart\'s version is the program\'s', async t => {
	const {version} = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as {version: string};
	const [metadata] = parseManifests(await readFile(path.join(chart, 'Chart.yaml'), 'utf8')) as unknown as [{version: string; appVersion: string}];
	t.like(metadata, {version, appVersion: version});
	t.true(existsSync(path.join(chart, 'templates', 'NOTES.txt')));
	t.regex(await readFile(installFile, 'utf8'), new RegExp(String.raw`image: hostport-operator:${version}$`, 'm'));
});
