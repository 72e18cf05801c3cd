/** The values of the Helm chart: where they go, and which the chart refuses. */
import {writeFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {stringify} from 'yaml';
import {helmTemplate} from '../../../harness/rendering.ts';
import {temporaryFolder} from '../../helpers/temporary-folder.ts';
import {comparable} from './comparable.ts';

test('each value ends up in its field', async t => {
	const file = path.join(await temporaryFolder(t), 'values.yaml');
	await writeFile(file, stringify({
		replicas: 5,
		image: {repository: 'registry.example.com/hostport', digest: `sha256:${'a'.repeat(64)}`},
		imagePullSecrets: [{name: 'registry'}],
		config: {portRange: '30000-32767', excludePorts: '22, 30000-30085', maxPortsPerPod: 2000, logLevel: 'debug'},
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
				{name: 'HOSTPORT_EXCLUDE_PORTS', value: '22, 30000-30085'},
				{name: 'HOSTPORT_IDENTITY'},
				{name: 'HOSTPORT_LOG_LEVEL', value: 'debug'},
				{name: 'HOSTPORT_MAX_PORTS_PER_POD', value: '2000'},
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
	t.false('Role operators/hostport-operator-certificate' in objects, 'The operator has no right to a certificate that it does not make.');
});

test('Deployment and webhook configuration have the same path', async t => {
	const objects = comparable(await helmTemplate('operators', '--set', 'webhookPath=/hooks/k3'));
	t.like(objects['MutatingWebhookConfiguration /hostport-operator-hostport-mutating-webhook-configuration'], {webhooks: [{clientConfig: {service: {path: '/hooks/k3'}}}]});
	t.like(objects['Deployment operators/hostport-operator'], {spec: {template: {spec: {containers: [{
		env: [{name: 'HOSTPORT_IDENTITY'}, {name: 'HOSTPORT_NAMESPACE'}, {name: 'HOSTPORT_WEBHOOK_PATH', value: '/hooks/k3'}],
	}]}}}});
});

/** Which objects of API Priority and Fairness the chart renders. */
const flowControl = async (...args: readonly string[]) => Object.keys(comparable(await helmTemplate('games', ...args)))
	.filter(identity => /^(?:FlowSchema|PriorityLevelConfiguration) /.test(identity)).toSorted();

test('the operator\'s requests have a priority level where Kubernetes has the API, unless it is switched off', async t => {
	t.deepEqual(await flowControl('--kube-version', '1.29.0'), ['FlowSchema /hostport-operator', 'PriorityLevelConfiguration /hostport-operator']);
	t.deepEqual(await flowControl('--kube-version', '1.28.15'), []);
	t.deepEqual(await flowControl('--set', 'flowControl.enabled=false'), []);
});

for (const [values, message] of [
	['replicas=none', /replicas.*got string, want integer/s],
	['replicas=0', /replicas.*minimum/s],
	['optIn=yes', /optIn.*'annotation', 'label'/s],
	['config.logLevl=debug', /config.*additional properties 'logLevl' not allowed/s],
	['config.holdTime=two minutes', /holdTime.*does not match pattern/s],
	['config.maxPortsPerPod=0', /maxPortsPerPod.*minimum/s],
	['config.excludePorts=ssh', /excludePorts.*does not match pattern/s],
	['image.digest=sha256:abc', /digest.*does not match pattern/s],
	['webhookPath=mutate-pods', /webhookPath.*does not match pattern/s],
	['config.webhookPath=/a', /config.*additional properties 'webhookPath' not allowed/s],
	['timeoutSeconds=31', /timeoutSeconds.*maximum/s],
	['replica=3', /additional properties 'replica' not allowed/],
	['certificate.source=secret,certificate.caBundle=QUJD', /certificate\.secretName is empty: name the Secret/],
	['certificate.source=secret,certificate.secretName=ours', /certificate\.caBundle is empty/],
	['priorityClass.name=', /priorityClass.*name.*minLength/s],
] as const) {
	test(`the chart refuses ${values} with a reason`, async t => {
		const error = await t.throwsAsync<Error & {stderr: string}>(helmTemplate('operators', '--set', values));
		t.regex(error.stderr, message);
	});
}

test('the chart refuses Kubernetes 1.27 and proposes opt-in by label', async t => {
	const error = await t.throwsAsync<Error & {stderr: string}>(helmTemplate('operators', '--kube-version', '1.27.3'));
	t.regex(error.stderr, /1\.27\.3 may not support matchConditions.*optIn=label/);
});
