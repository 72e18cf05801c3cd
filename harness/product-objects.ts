/** The product's objects on the API server, from the files in deploy/base: its rights, and the webhook that calls the replicas. */
import {until} from './control-plane/until.ts';
import type {KubeClient} from './kube-client.ts';
import {readManifests} from './manifests.ts';
import type {Manifest} from './manifests.ts';

const base = new URL('../deploy/base/', import.meta.url);

/** A ServiceAccount of the product as RBAC names it: for a kubeconfig with the product's rights and no more. */
export const serviceAccountIn = (namespace: string, name = 'hostport-operator'): {readonly user: string; readonly groups: string[]} => ({
	user: `system:serviceaccount:${namespace}:${name}`,
	groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
});

/** That of the installation in deploy/. */
export const serviceAccount = serviceAccountIn('operators');

/** Its path on the API server. */
export const webhookConfiguration = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/hostport-operator-hostport-mutating-webhook-configuration';

/** Creates the namespace, the ServiceAccount and its rights, as `kubectl apply -k deploy/base` does. */
export const applyRights = async (client: KubeClient): Promise<void> => {
	for (const file of ['namespace.yaml', 'rbac.yaml', 'certificate-rbac.yaml']) {
		for (const manifest of await readManifests(new URL(file, base))) {
			await client.apply(withNamespaces(manifest), 'operators');
		}
	}
};

/** What kustomize's `namespace:` does to the subjects of a binding. */
const withNamespaces = (manifest: Manifest): Manifest => Array.isArray(manifest['subjects'])
	? {...manifest, subjects: (manifest['subjects'] as object[]).map(subject => Object.assign(subject, {namespace: 'operators'}))}
	: manifest;

/**
 * Applies the webhook configuration from deploy/ with another address: the API server reaches replicas outside the cluster by URL.
 *
 * @param authorityPem the authority that signs the server's certificate. Replicas fill it in themselves.
 */
export const applyWebhook = async (client: KubeClient, port: number, authorityPem?: string): Promise<void> => {
	const [manifest] = await readManifests(new URL('webhook.yaml', base)) as [Manifest & {webhooks: Array<{clientConfig: object}>}];
	const clientConfig = {url: `https://127.0.0.1:${port}/mutate-pods`, ...(authorityPem && {caBundle: Buffer.from(authorityPem).toString('base64')})};
	await client.apply({...manifest, webhooks: manifest.webhooks.map(webhook => Object.assign(webhook, {clientConfig}))});
};

/**
 * Points the installation's Service to a port of this machine. The API server connects to an ExternalName and still checks the
 * certificate against the Service's own name; an EndpointSlice can't have a loopback address.
 */
export const redirectService = async (client: KubeClient, port: number, namespace: string): Promise<void> => {
	await client.request('PATCH', `/api/v1/namespaces/${namespace}/services/hostport-operator-webhook-service`, {spec: {type: 'ExternalName', externalName: 'localhost'}}, 'application/merge-patch+json');
	await client.request('PATCH', webhookConfiguration, [{op: 'add', path: '/webhooks/0/clientConfig/service/port', value: port}], 'application/json-patch+json');
};

/** Waits until the API server calls the webhook. It notices a new configuration after a moment, and stores Pods without ports until then. */
export const untilCalled = async (client: KubeClient, signal: AbortSignal | undefined): Promise<void> => {
	const probe = {
		apiVersion: 'v1',
		kind: 'Pod',
		// For installations in which Pods opt in by label.
		metadata: {name: 'hostport-probe', labels: {'hostport.io/enabled': 'true'}, annotations: {'hostport.io/enabled': 'is the webhook there?'}},
		spec: {containers: [{name: 'none', image: 'none'}]},
	};
	await until(async () => {
		const {status, body} = await client.send<{message?: string}>('POST', '/api/v1/namespaces/default/pods?dryRun=All', probe);
		if (status !== 400 || !body.message?.includes('hostport.io')) {
			throw new Error(`${status} ${body.message ?? ''}`);
		}

		return true;
	}, {what: 'the API server to call the webhook', budgetMs: 20_000, signal});
};
