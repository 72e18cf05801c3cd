/** Mutating webhooks of the embedded control plane: a webhook on loopback stands for the product. */
import {once} from 'node:events';
import type {IncomingMessage, ServerResponse} from 'node:http';
import https from 'node:https';
import type {AddressInfo} from 'node:net';
import {json} from 'node:stream/consumers';
import test from 'ava';
import {createCertificateAuthority} from '../../../harness/control-plane/certificates.ts';
import {createMutatingWebhooks} from '../../../harness/embedded-control-plane/admission/mutating-webhooks.ts';
import {createWebhookClient} from '../../../harness/embedded-control-plane/admission/webhook-client.ts';
import {EmbeddedApi} from '../../../harness/embedded-control-plane/api/embedded-api.ts';

type Review = {readonly request: {readonly uid: string; readonly dryRun: boolean; readonly name?: string; readonly userInfo: {readonly username: string}; readonly object: {readonly metadata: {readonly annotations?: object}}}};

const caller = {user: 'tester', groups: ['system:authenticated']};

/** A webhook that answers with `respond`, and an API that calls it. */
const withWebhook = async (respond: (review: Review) => object, more: object = {}) => {
	const authority = await createCertificateAuthority();
	const certificate = await authority.issue({commonName: 'webhook', hosts: ['127.0.0.1'], usage: 'server'});
	const reviews: Review[] = [];
	const answer = async (request: IncomingMessage, response: ServerResponse) => {
		const review = await json(request) as Review;
		reviews.push(review);
		response.end(JSON.stringify({apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: {uid: review.request.uid, ...respond(review)}}));
	};

	const server = https.createServer({key: certificate.keyPem, cert: certificate.certificatePem}, (request, response) => void answer(request, response));
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	const client = createWebhookClient();
	const api = new EmbeddedApi(createMutatingWebhooks(client));
	const post = async (path: string, body: object) => api.handle({method: 'POST', path, body}, caller);
	await post('/api/v1/namespaces', {metadata: {name: 'game', labels: {tier: 'players'}}});
	const webhook = {
		name: 'pods.example.com',
		clientConfig: {url: `https://127.0.0.1:${(server.address() as AddressInfo).port}/mutate`, caBundle: Buffer.from(authority.certificatePem).toString('base64')},
		rules: [{apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods']}],
		failurePolicy: 'Fail',
		sideEffects: 'NoneOnDryRun',
		timeoutSeconds: 1,
		...more,
	};
	await post('/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations', {metadata: {name: 'test'}, webhooks: [webhook]});
	return {
		reviews,
		api,
		create: async (metadata: object = {}, query = '') => {
			const answer = await post(`/api/v1/namespaces/game/pods${query}`, {metadata: {generateName: 'p-', ...metadata}, spec: {containers: [{name: 'server', image: 'none'}]}});
			return {...answer, body: answer.body as {readonly message?: string; readonly metadata: {readonly labels?: Record<string, string>; readonly name?: string}}};
		},
		async [Symbol.asyncDispose]() {
			client[Symbol.dispose]();
			server.closeAllConnections();
			server.close();
		},
	};
};

const patchOf = (...operations: object[]) => ({allowed: true, patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(operations)).toString('base64')});
const allow = () => ({allowed: true});

test('the patch of the webhook is in the stored Pod, and its warnings are in the answer', async t => {
	await using cluster = await withWebhook(() => ({...patchOf({op: 'add', path: '/metadata/labels', value: {patched: 'yes'}}), warnings: ['be careful']}));
	const {status, body, warnings} = await cluster.create();
	t.is(status, 201);
	t.deepEqual(body.metadata.labels, {patched: 'yes'});
	t.deepEqual(warnings, ['be careful']);
	t.is(cluster.reviews[0]?.request.userInfo.username, 'tester');
	t.is(cluster.reviews[0]?.request.name, undefined, 'a name is generated after admission');
});

test('a denial is the answer, with its status', async t => {
	await using cluster = await withWebhook(() => ({allowed: false, status: {code: 422, message: 'no ports left'}}));
	const {status, body} = await cluster.create();
	t.is(status, 422);
	t.is(body.message, 'admission webhook "pods.example.com" denied the request: no ports left');
	t.deepEqual([...cluster.api.server.all('Pod')], []);
});

test('a dry run is sent as one and stores nothing; a webhook with side effects is not called for it', async t => {
	await using cluster = await withWebhook(allow);
	t.is((await cluster.create({}, '?dryRun=All')).status, 201);
	t.true(cluster.reviews[0]?.request.dryRun);
	t.deepEqual([...cluster.api.server.all('Pod')], []);
	await using other = await withWebhook(allow, {sideEffects: 'Some'});
	t.is((await other.create({}, '?dryRun=All')).status, 400);
	t.is(other.reviews.length, 0);
});

for (const [what, more] of Object.entries({
	'nothing listens': {clientConfig: {url: 'https://127.0.0.1:1/mutate'}},
	'another authority has signed the certificate': {},
})) {
	test(`if ${what}, the failure policy decides`, async t => {
		const untrusted = what.startsWith('another') ? {caBundle: Buffer.from((await createCertificateAuthority()).certificatePem).toString('base64')} : {};
		for (const failurePolicy of ['Fail', 'Ignore']) {
			await using cluster = await withWebhook(allow, {failurePolicy, ...more});
			const configuration = cluster.api.server.find('MutatingWebhookConfiguration', 'test')!;
			const [webhook] = configuration['webhooks'] as [{clientConfig: object}];
			await cluster.api.handle({method: 'PATCH', path: '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/test', contentType: 'application/merge-patch+json', body: {webhooks: [{...webhook, clientConfig: {...webhook.clientConfig, ...untrusted}}]}}, caller);
			const {status, body} = await cluster.create();
			t.is(status, failurePolicy === 'Fail' ? 500 : 201);
			t.is(cluster.reviews.length, 0);
			if (failurePolicy === 'Fail') {
				t.regex(body.message ?? '', /^Internal error occurred: failed calling webhook "pods\.example\.com": failed to call webhook: Post "https:\/\/127\.0\.0\.1:\d+\/mutate\?timeout=1s": /);
			}
		}
	});
}

for (const [what, respond] of Object.entries<() => object>({
	'has the UID of another review': () => ({uid: 'another', allowed: true}),
	'has a patch that does not apply': () => patchOf({op: 'remove', path: '/metadata/none'}),
	'has a patch of another type': () => ({...patchOf(), patchType: 'Merge'}),
})) {
	test(`an answer that ${what} fails the call`, async t => {
		await using cluster = await withWebhook(respond);
		t.is((await cluster.create()).status, 500);
	});
}

for (const [what, more, metadata, isCalled] of [
	['a match condition that holds', {matchConditions: [{name: 'a', expression: 'has(object.metadata.annotations) && \'a\' in object.metadata.annotations'}]}, {annotations: {a: '1'}}, true],
	['a match condition that does not hold', {matchConditions: [{name: 'a', expression: 'has(object.metadata.annotations) && \'a\' in object.metadata.annotations'}]}, {}, false],
	['the namespace among those of NotIn', {namespaceSelector: {matchExpressions: [{key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['game']}]}}, {}, false],
	['a label of the namespace', {namespaceSelector: {matchLabels: {tier: 'players'}}}, {}, true],
	['no label that objectSelector asks for', {objectSelector: {matchExpressions: [{key: 'wanted', operator: 'Exists'}]}}, {}, false],
	['a rule for another resource', {rules: [{apiGroups: ['apps'], apiVersions: ['v1'], operations: ['*'], resources: ['*']}]}, {}, false],
] as const) {
	test(`with ${what}, the webhook is ${isCalled ? '' : 'not '}called`, async t => {
		await using cluster = await withWebhook(allow, more);
		t.is((await cluster.create(metadata)).status, 201);
		t.is(cluster.reviews.length, isCalled ? 1 : 0);
	});
}
