/** The API server itself refuses what would break the promises, on an installation by `kubectl apply -k deploy/overlays/default`. */
import test from 'ava';
import type {ExecutionContext} from 'ava';
import {createKubeClient} from '../../harness/kube-client.ts';
import type {Answer, KubeClient} from '../../harness/kube-client.ts';
import {serviceAccount, webhookConfiguration} from '../../harness/product-objects.ts';
import {enabled, podsPath} from './helpers/pods.ts';
import {untilFound, untilTrue} from './helpers/until.ts';
import {createPod, leftovers, quiet, useUserCluster} from './helpers/user-cluster.ts';

const cluster = useUserCluster(test, {workloads: true});

const configMaps = '/api/v1/namespaces/operators/configmaps';
const page = `${configMaps}/hostport-ledger-30500`;
const mergePatch = 'application/merge-patch+json';
const jsonPatch = 'application/json-patch+json';

type Status = {readonly message?: string};

/** Expects that a policy refuses a request, and that the answer contains `reason`. */
const assertRefused = async (t: ExecutionContext, request: Promise<Answer<Status>>, policy: string, reason: string): Promise<void> => {
	const {status, body} = await request;
	t.is(status, 403, JSON.stringify(body));
	t.true(body.message?.includes(`ValidatingAdmissionPolicy 'hostport-operator-${policy}'`), body.message);
	t.true(body.message?.includes(reason), body.message);
};

const changePage = async (client: KubeClient, change: object) => client.send<Status>('PATCH', page, change, mergePatch);

/** What a backup tool creates again. */
type Copy = {readonly metadata: {readonly name: string; readonly labels?: object; readonly annotations?: object}; readonly data: Readonly<Record<string, string>>};
const copyOf = async (client: KubeClient) => {
	const {metadata: {name, labels, annotations}, data} = await client.request<Copy>('GET', page);
	return {apiVersion: 'v1', kind: 'ConfigMap', metadata: {name, labels, annotations}, data};
};

test.serial('the operator works under the policies: it makes its certificate and its ledger', async t => {
	const {run, client, standIn} = cluster();
	await quiet(t, run('kubectl', 'apply', '-k', 'deploy/overlays/default', '--validate=strict'));
	const checked = await untilFound(async () => {
		const {items} = await client.request<{items: Array<{metadata: {name: string}; status?: {typeChecking?: object}}>}>('GET', '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies');
		return items.every(({status}) => status?.typeChecking) && items.map(({metadata: {name}, status}) => [name, status?.typeChecking]);
	}, 'the expressions to be checked');
	t.deepEqual(checked, ['ledger', 'own-webhook', 'own-writes', 'pods'].map(name => [`hostport-operator-${name}`, {}]), 'No expression has a warning.');
	// A policy takes effect a moment after it was created.
	await untilTrue(async () => (await client.send('POST', `${configMaps}?dryRun=All`, {metadata: {name: 'hostport-ledger-0'}})).status === 403, 'the policies to be effective');

	const installation = await standIn();
	try {
		t.is(await createPod(client, 'first'), '30558');
	} finally {
		await installation.stop();
	}
});

test.serial('only the operator writes the ledger; a person may reserve numbers by hand', async t => {
	const {client} = cluster();
	const copy = await copyOf(client);
	t.true('30558.tcp' in copy.data);

	const changesNoEntry = 'Only the HostPort Operator changes entries';
	await assertRefused(t, client.send('PUT', page, {...copy, data: {}}), 'ledger', changesNoEntry);
	for (const data of [{'30558.tcp': null}, {'30558.tcp': 'ours'}, {'30559.tcp': '{"pod":"game/b"}'}, {pages: '0'}]) {
		await assertRefused(t, changePage(client, {data}), 'ledger', changesNoEntry);
	}

	await assertRefused(t, client.send('PATCH', `${configMaps}/hostport-ledger`, {data: {pages: ''}}, mergePatch), 'ledger', changesNoEntry);
	for (const change of [{immutable: true}, {binaryData: {x: ''}}, {metadata: {labels: {'hostport.io/ledger': null}}}, {metadata: {annotations: {'hostport.io/mark': 'quarantine'}}}]) {
		await assertRefused(t, changePage(client, change), 'ledger', 'changes labels, annotations and other fields');
	}

	for (const data of [{'30600.tcp': 'reserved for the printer'}, {'30600.tcp': 'reserved for us'}, {'30600.tcp': null}]) {
		t.is((await changePage(client, {data})).status, 200);
	}
});

test.serial('a page can be deleted, also with finalizers, and not put back from a copy', async t => {
	const {client} = cluster();
	const copy = await copyOf(client);
	t.is((await changePage(client, {metadata: {finalizers: ['example.com/kept']}})).status, 200);
	// The garbage collector removes the finalizer that "Orphan" adds.
	await client.request('DELETE', `${page}?propagationPolicy=Orphan`);
	await changePage(client, {metadata: {finalizers: null}});
	await untilTrue(async () => (await client.send('GET', page)).status === 404, 'the page to go');
	await assertRefused(t, client.send('POST', configMaps, copy), 'ledger', 'Only the HostPort Operator creates its ledger');
	await client.request('POST', '/api/v1/namespaces/default/configmaps', copy);
	await client.request('POST', configMaps, {...copy, metadata: {name: 'others'}});
});

test.serial('the operator\'s credentials write nothing else in its namespace', async t => {
	const {controlPlane} = cluster();
	await using operator = await createKubeClient(await controlPlane.kubeconfigFor(serviceAccount));
	const assertDenied = async (request: Promise<Answer<Status>>, reason: string) => assertRefused(t, request, 'own-writes', reason);
	await assertDenied(operator.send('POST', configMaps, {metadata: {name: 'more'}}), 'only ConfigMaps of its ledger');
	await assertDenied(operator.send('PATCH', `${configMaps}/others`, {data: {a: 'b'}}, mergePatch), 'only ConfigMaps of its ledger');

	const secrets = '/api/v1/namespaces/operators/secrets?dryRun=All';
	const name = 'hostport-operator-webhook-certificate';
	for (const secret of [
		{metadata: {name: 'other'}, type: 'kubernetes.io/tls', data: {'tls.crt': '', 'tls.key': ''}},
		{metadata: {name, annotations: {'kubernetes.io/service-account.name': 'default'}}, type: 'kubernetes.io/service-account-token'},
	]) {
		await assertDenied(operator.send('POST', secrets, secret), 'only the Secret hostport-operator-webhook-certificate');
	}

	await assertDenied(operator.send('POST', '/apis/coordination.k8s.io/v1/namespaces/operators/leases', {metadata: {name: 'other'}}), 'only the Leases');
});

/** A change of each field of a webhook. A new version of Kubernetes may add fields, which the policy must name too. */
const webhookChanges: Readonly<Record<string, unknown>> = {
	admissionReviewVersions: ['v1', 'v1beta1'],
	failurePolicy: 'Ignore',
	matchConditions: [],
	matchPolicy: 'Exact',
	name: 'other.hostport.io',
	namespaceSelector: {},
	objectSelector: {matchLabels: {a: 'b'}},
	reinvocationPolicy: 'IfNeeded',
	rules: [{apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['secrets'], scope: 'Namespaced'}],
	sideEffects: 'None',
	timeoutSeconds: 30,
};

test.serial('the operator\'s credentials change only the caBundle of the webhook', async t => {
	const {client, controlPlane} = cluster();
	await using operator = await createKubeClient(await controlPlane.kubeconfigFor(serviceAccount));
	const change = async (path: string, value: unknown) => operator.send<Status>('PATCH', webhookConfiguration, [{op: 'add', path, value}], jsonPatch);
	const assertDenied = async (path: string, value: unknown) => assertRefused(t, change(path, value), 'own-webhook', 'only the caBundle');

	const {components: {schemas}} = await client.request<{components: {schemas: Record<string, {properties: object}>}}>('GET', '/openapi/v3/apis/admissionregistration.k8s.io/v1');
	const fields = Object.keys(schemas['io.k8s.api.admissionregistration.v1.MutatingWebhook']!.properties);
	t.deepEqual(fields.toSorted(), [...Object.keys(webhookChanges), 'clientConfig'].toSorted());
	for (const [field, value] of Object.entries(webhookChanges)) {
		await assertDenied(`/webhooks/0/${field}`, value);
	}

	const {webhooks: [webhook]} = await client.request<{webhooks: [{clientConfig: {caBundle: string}}]}>('GET', webhookConfiguration);
	await assertDenied('/webhooks/0/clientConfig/service/name', 'other');
	await assertDenied('/webhooks/0/clientConfig', {url: 'https://example.com', caBundle: webhook.clientConfig.caBundle});
	await assertDenied('/webhooks/-', {...webhook, name: 'second.hostport.io'});
	await assertDenied('/webhooks', []);
	for (const [member, value] of [['labels', {}], ['annotations', {a: 'b'}], ['finalizers', ['example.com/kept']], ['ownerReferences', [{apiVersion: 'v1', kind: 'Node', name: 'none', uid: 'none'}]]] as const) {
		await assertDenied(`/metadata/${member}`, value);
	}

	const bundle = Buffer.from(controlPlane.caCertificatePem).toString('base64');
	t.is((await change('/webhooks/0/clientConfig/caBundle', bundle)).status, 200);
	t.is((await change('/webhooks/0/clientConfig/caBundle', webhook.clientConfig.caBundle)).status, 200);
	t.is((await client.send('PATCH', webhookConfiguration, [{op: 'add', path: '/webhooks/0/timeoutSeconds', value: 10}], jsonPatch)).status, 200, 'Others may change it.');
});

const container = (...ports: readonly object[]) => ({name: `c${ports.length}`, image: 'none', ports});
const port = {name: 'game', containerPort: 8080};
const sidecar = {...container(port), name: 'sidecar', restartPolicy: 'Always'};

type Trial = {readonly annotations?: object; readonly spec?: object; readonly namespace?: string};

/** Tries to create a Pod, by default one that asks for ports. */
const tryPod = async (client: KubeClient, {annotations = enabled, spec = {containers: [container(port)]}, namespace = 'default'}: Trial) =>
	client.send<Status>('POST', `${podsPath(namespace)}?dryRun=All`, {apiVersion: 'v1', kind: 'Pod', metadata: {generateName: 'trial-', annotations}, spec});

test.serial('without the webhook, a Pod that asks for ports is refused, and others are not', async t => {
	const {client} = cluster();
	await client.request('DELETE', webhookConfiguration);
	await untilTrue(async () => (await tryPod(client, {})).body.message?.includes('did not call') ?? false, 'the API server to notice');

	for (const trial of [{}, {annotations: {'hostport.io/enabled': 'yes'}}, {spec: {containers: [container()], initContainers: [sidecar]}}]) {
		await assertRefused(t, tryPod(client, trial), 'pods', 'asks for host ports, and the Pod got none');
	}

	for (const trial of [
		{annotations: {}},
		{annotations: {'hostport.io/enabled': 'false'}},
		{annotations: {...enabled, 'hostport.io/allocated-game': '30558'}},
		{annotations: {...enabled, 'kubernetes.io/config.mirror': 'hash'}, spec: {nodeName: 'node-0', containers: [container(port)]}},
		{spec: {containers: [container()]}},
		{spec: {containers: [container()], initContainers: [{...container(port), name: 'init'}]}},
		{namespace: 'kube-system'},
		{namespace: 'operators'},
	]) {
		const {status, body} = await tryPod(client, trial);
		t.is(status, 201, `${JSON.stringify(trial)}: ${body.message}`);
	}
});

test.serial('Pods of a hostile size do not cost the API server more than others', async t => {
	const {client} = cluster();
	const many = Object.fromEntries(Array.from({length: 1000}, (_, index) => [`a${index}`, '']));
	await assertRefused(t, tryPod(client, {annotations: {...enabled, ...many}}), 'pods', 'asks for host ports');
	const manyContainers = Array.from({length: 1001}, (_, index) => ({name: `c${index}`, image: 'none', ...(index === 1000 && {ports: [port]})}));
	t.is((await tryPod(client, {spec: {containers: manyContainers}})).status, 201);
});

test.serial('the installation goes with its namespace', async t => {
	const {run, client} = cluster();
	await quiet(t, run('kubectl', 'delete', '-k', 'deploy/overlays/default', '--ignore-not-found', '--timeout=90s'));
	t.is(await leftovers(cluster()), '');
	t.is((await client.send('GET', '/api/v1/namespaces/operators')).status, 404);
});
