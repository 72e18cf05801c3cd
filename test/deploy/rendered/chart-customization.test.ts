/** The values by which a platform team adapts the chart to its cluster and its rules. */
import {execFile} from 'node:child_process';
import {mkdir, writeFile} from 'node:fs/promises';
import path from 'node:path';
import {promisify} from 'node:util';
import test from 'ava';
import type {ExecutionContext} from 'ava';
import {stringify} from 'yaml';
import {obtainBinaries} from '../../../harness/control-plane/obtain.ts';
import {parseManifests} from '../../../harness/manifests.ts';
import type {Manifest} from '../../../harness/manifests.ts';
import {deployFolder, helmTemplate} from '../../../harness/rendering.ts';
import {temporaryFolder} from '../../helpers/temporary-folder.ts';
import {identityOf} from './comparable.ts';

const objectsOf = (text: string): Record<string, Manifest> => Object.fromEntries(parseManifests(text).map(manifest => [identityOf(manifest), manifest] as const));

/** The objects of the release in `operators`, by kind and name. */
const render = async (t: ExecutionContext, values: object, ...args: readonly string[]): Promise<Record<string, Manifest>> => {
	const file = path.join(await temporaryFolder(t), 'values.yaml');
	await writeFile(file, stringify(values));
	return objectsOf(await helmTemplate('operators', '--values', file, ...args));
};

type PodSpec = Readonly<Record<string, unknown>> & {readonly securityContext: object; readonly containers: ReadonlyArray<Record<string, unknown>>};
const podOf = (objects: Record<string, Manifest>) => (objects['Deployment operators/hostport-operator'] as unknown as {spec: {template: {metadata: object; spec: PodSpec}}}).spec.template;
const webhookOf = (objects: Record<string, Manifest>) => objects['MutatingWebhookConfiguration /hostport-operator-hostport-mutating-webhook-configuration'] as Manifest & {webhooks: [object]};

test('labels and annotations reach every object, and leave the selectors alone', async t => {
	const objects = await render(t, {
		commonLabels: {team: 'games', 'app.kubernetes.io/name': 'ignored'},
		commonAnnotations: {cost: '7'},
		deploymentAnnotations: {of: 'deployment'},
		serviceAnnotations: {of: 'service'},
		podLabels: {of: 'pod', 'app.kubernetes.io/name': 'ignored'},
		podAnnotations: {of: 'pod'},
		serviceAccount: {annotations: {of: 'account'}},
		webhook: {labels: {of: 'webhook'}, annotations: {'admissions.enforcer/disabled': 'true'}},
		certificate: {source: 'cert-manager'},
		prometheus: {enabled: true, podMonitor: {enabled: true}},
		networkPolicy: {enabled: true},
		rbac: {aggregateToView: true, ledgerReaders: [{kind: 'Group', name: 'developers'}]},
	});
	for (const [identity, {metadata}] of Object.entries(objects)) {
		t.like(metadata, {labels: {team: 'games', 'app.kubernetes.io/name': 'hostport-operator'}, annotations: {cost: '7'}}, identity);
	}

	t.like(objects['Deployment operators/hostport-operator'], {metadata: {annotations: {of: 'deployment'}}, spec: {selector: {matchLabels: {'app.kubernetes.io/name': 'hostport-operator'}}}});
	t.deepEqual(podOf(objects).metadata, {
		labels: {team: 'games', of: 'pod', 'app.kubernetes.io/name': 'hostport-operator'},
		annotations: {cost: '7', of: 'pod'},
	});
	t.like(objects['Service operators/hostport-operator-webhook-service'], {metadata: {annotations: {of: 'service'}}});
	t.like(objects['ServiceAccount operators/hostport-operator'], {metadata: {annotations: {of: 'account'}}});
	t.like(webhookOf(objects), {metadata: {labels: {of: 'webhook'}, annotations: {'admissions.enforcer/disabled': 'true', 'cert-manager.io/inject-ca-from': 'operators/hostport-operator-webhook'}}});
});

test('arguments, variables, volumes, probes and strategy are the user\'s', async t => {
	const objects = await render(t, {
		extraArgs: ['--log-format', 'json'],
		extraEnv: [{name: 'HTTPS_PROXY', value: 'http://proxy:3128'}],
		extraVolumes: [{name: 'ca', configMap: {name: 'ca'}}],
		extraVolumeMounts: [{name: 'ca', mountPath: '/ca'}],
		extraObjects: [{apiVersion: 'v1', kind: 'ConfigMap', metadata: {name: 'ca', namespace: '{{ .Release.Namespace }}'}}],
		livenessProbe: {failureThreshold: 7},
		readinessProbe: {periodSeconds: 9},
		strategy: {type: 'Recreate'},
		revisionHistoryLimit: 2,
		webhook: {dnsPolicy: 'Default'},
		healthPort: 8181,
		metricsPort: 8180,
		prometheus: {enabled: true},
	});
	t.like(objects['Deployment operators/hostport-operator'], {spec: {strategy: {type: 'Recreate'}, revisionHistoryLimit: 2}});
	const {dnsPolicy, volumes, containers: [container]} = podOf(objects).spec;
	t.is(dnsPolicy, 'Default');
	t.deepEqual(volumes, [{name: 'ca', configMap: {name: 'ca'}}]);
	t.like(container, {
		args: ['serve', '--log-format', 'json'],
		volumeMounts: [{name: 'ca', mountPath: '/ca'}],
		livenessProbe: {failureThreshold: 7, httpGet: {path: '/livez', port: 'health'}},
		readinessProbe: {periodSeconds: 9, httpGet: {path: '/readyz', port: 'health'}},
		ports: [{name: 'webhook', containerPort: 9443}, {name: 'health', containerPort: 8181}, {name: 'metrics', containerPort: 8180}],
	});
	t.deepEqual((container!['env'] as object[]).slice(2), [{name: 'HOSTPORT_HEALTH_PORT', value: '8181'}, {name: 'HOSTPORT_METRICS_PORT', value: '8180'}, {name: 'HTTPS_PROXY', value: 'http://proxy:3128'}]);
	t.like(objects['Service operators/hostport-operator-metrics'], {spec: {ports: [{port: 8180}]}});
	t.true('ConfigMap operators/ca' in objects);
});

test('the selectors of the user are required in addition to those of the chart, by the webhook and by the policy for Pods', async t => {
	for (const [optIn, matchLabels] of [['annotation', {tier: 'game'}], ['label', {'hostport.io/enabled': 'true', tier: 'game'}]] as const) {
		const objects = await render(t, {
			optIn,
			webhook: {
				namespaceSelector: {matchLabels: {games: 'allowed'}, matchExpressions: [{key: 'control-plane', operator: 'DoesNotExist'}]},
				objectSelector: {matchLabels: {tier: 'game', 'hostport.io/enabled': 'ignored'}},
			},
		});
		const selectors = {
			namespaceSelector: {
				matchLabels: {games: 'allowed'},
				matchExpressions: [
					{key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['operators', 'kube-system', 'kube-public', 'kube-node-lease']},
					{key: 'control-plane', operator: 'DoesNotExist'},
				],
			},
			objectSelector: {matchLabels: optIn === 'label' ? matchLabels : {...matchLabels, 'hostport.io/enabled': 'ignored'}},
		};
		t.like(webhookOf(objects).webhooks[0], selectors);
		t.like(objects['ValidatingAdmissionPolicy /hostport-operator-pods'], {spec: {matchConstraints: selectors}});
	}
});

test('a ServiceAccount of another name has the rights, and the policies know it', async t => {
	const objects = await render(t, {serviceAccount: {create: false, name: 'ports.v2'}});
	t.false('ServiceAccount operators/ports.v2' in objects);
	t.is(podOf(objects).spec['serviceAccountName'], 'ports.v2');
	const bindings = Object.values(objects).filter(({kind}) => kind.endsWith('RoleBinding'));
	t.is(bindings.length, 4);
	for (const {subjects} of bindings) {
		t.deepEqual(subjects, [{kind: 'ServiceAccount', name: 'ports.v2', namespace: 'operators'}]);
	}

	t.like(objects['FlowSchema /hostport-operator'], {spec: {rules: [{subjects: [{serviceAccount: {name: 'ports.v2', namespace: 'operators'}}]}]}});
	const policies = (['ledger', 'own-writes', 'own-webhook'] as const).map(name => JSON.stringify((objects[`ValidatingAdmissionPolicy /hostport-operator-${name}`] as unknown as {spec: {matchConditions: object}}).spec.matchConditions));
	t.true(policies[0]?.includes('+ \':ports.v2\''));
	t.true(policies[1]?.includes('+ \':ports.v2\''));
	t.true(policies[2]?.includes('[^:]+:ports[.]v2$'));
});

test('without rbac.create there are no rights, with readers a role for them', async t => {
	t.deepEqual(Object.keys(await render(t, {rbac: {create: false}})).filter(identity => /Role/.test(identity)), []);
	const readers = [{kind: 'Group', name: 'developers', apiGroup: 'rbac.authorization.k8s.io'}];
	const objects = await render(t, {rbac: {ledgerReaders: readers, aggregateToView: true}});
	t.deepEqual(objects['RoleBinding operators/hostport-operator-ledger-reader']?.['subjects'], readers);
	t.like(objects['ClusterRole /hostport-operator-view'], {metadata: {labels: {'rbac.authorization.k8s.io/aggregate-to-view': 'true'}}});
});

test('the platform chooses the user on OpenShift, or where the user of the chart is null', async t => {
	const expected = {runAsNonRoot: true, seccompProfile: {type: 'RuntimeDefault'}};
	for (const objects of [
		await render(t, {}, '--api-versions', 'security.openshift.io/v1'),
		await render(t, {podSecurityContext: {runAsUser: null, runAsGroup: null}}),
	]) {
		t.deepEqual(podOf(objects).spec.securityContext, expected);
	}

	const chosen = await render(t, {podSecurityContext: {runAsUser: 1000, runAsGroup: 1000}}, '--api-versions', 'security.openshift.io/v1');
	t.like(podOf(chosen).spec.securityContext, {runAsUser: 1000, runAsGroup: 1000});
});

const elsewhere = (name: string) => ({namespace: 'monitoring', labels: {of: name}});

test('each object for Prometheus and Grafana has a switch, a namespace and labels', async t => {
	const names = async (prometheus: object) => Object.keys(await render(t, {prometheus: {enabled: true, ...prometheus}}))
		.filter(identity => /^(?:PodMonitor|ServiceMonitor|PrometheusRule|ConfigMap) |metrics/.test(identity)).toSorted();
	const off = {enabled: false};
	t.deepEqual(await names({serviceMonitor: off, rules: off, dashboard: off}), ['Service operators/hostport-operator-metrics']);
	t.deepEqual(await names({metricsService: off, rules: off, dashboard: off}), ['Service operators/hostport-operator-metrics', 'ServiceMonitor operators/hostport-operator']);
	t.deepEqual(await names({metricsService: off, serviceMonitor: off, podMonitor: {enabled: true}, rules: off, dashboard: off}), ['PodMonitor operators/hostport-operator']);

	const objects = await render(t, {prometheus: {
		enabled: true,
		labels: {release: 'stack'},
		serviceMonitor: {...elsewhere('service'), interval: '10s', relabelings: [{action: 'labeldrop', regex: 'pod'}]},
		podMonitor: {enabled: true, ...elsewhere('pod'), metricRelabelings: [{action: 'drop', regex: 'nodejs_.*', sourceLabels: ['__name__']}]},
		rules: elsewhere('rules'),
		dashboard: {namespace: 'monitoring', labels: {dashboards: 'ours', grafana_dashboard: null}, annotations: {grafana_folder: 'Platform'}},
	}});
	for (const [kind, of] of [['ServiceMonitor', 'service'], ['PodMonitor', 'pod'], ['PrometheusRule', 'rules']] as const) {
		t.like(objects[`${kind} monitoring/hostport-operator`], {metadata: {labels: {release: 'stack', of}}});
	}

	t.like(objects['ServiceMonitor monitoring/hostport-operator'], {spec: {namespaceSelector: {matchNames: ['operators']}, endpoints: [{port: 'metrics', interval: '10s', relabelings: [{action: 'labeldrop'}]}]}});
	t.like(objects['PodMonitor monitoring/hostport-operator'], {spec: {namespaceSelector: {matchNames: ['operators']}, podMetricsEndpoints: [{port: 'metrics', interval: '30s', metricRelabelings: [{action: 'drop'}]}]}});
	const {labels} = objects['ConfigMap monitoring/hostport-operator-dashboard']!.metadata as unknown as {labels: object};
	t.like(labels, {dashboards: 'ours'});
	t.false('grafana_dashboard' in labels);
});

test('the host network takes no port of the kubelet, and lets an old replica free its ports first', async t => {
	const error = await t.throwsAsync<Error & {stderr: string}>(helmTemplate('operators', '--set', 'webhook.hostNetwork=true,webhook.port=10250'));
	t.regex(error.stderr, /the webhook port is 10250, on which the kubelet listens.*choose another one together with webhook\.hostNetwork/);
	const objects = await render(t, {webhook: {hostNetwork: true, port: 10_260}});
	t.like(objects['Deployment operators/hostport-operator'], {spec: {strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 1}}}});
	t.like(podOf(objects).spec, {hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet'});
});

test('as a conditional dependency, the chart installs all or nothing', async t => {
	const parent = path.join(await temporaryFolder(t), 'platform');
	await mkdir(parent);
	await writeFile(path.join(parent, 'Chart.yaml'), stringify({
		apiVersion: 'v2', name: 'platform', version: '1.0.0',
		dependencies: [{name: 'hostport-operator', version: '*', repository: `file://${path.join(deployFolder, 'chart')}`, condition: 'hostport-operator.enabled'}],
	}));
	const {helm} = await obtainBinaries(['helm']);
	const run = promisify(execFile);
	await run(helm, ['dependency', 'build', '--skip-refresh', parent]);
	const rendered = async (...args: readonly string[]) => objectsOf((await run(helm, ['template', 'platform', parent, '--namespace', 'ports', '--skip-tests', ...args])).stdout);
	const alone = objectsOf(await helmTemplate('ports'));
	t.deepEqual(Object.keys(await rendered()), Object.keys(alone));
	t.deepEqual(Object.keys(await rendered('--set', 'hostport-operator.enabled=true')), Object.keys(alone));
	t.deepEqual(await rendered('--set', 'hostport-operator.enabled=false'), {});
	t.like((await rendered('--set', 'hostport-operator.replicas=5,global.registry=ours'))['Deployment ports/hostport-operator'], {spec: {replicas: 5}});
});
