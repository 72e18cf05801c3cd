/** The MutatingWebhookConfiguration: which hosts the API server calls, and which authorities it trusts. */
import type {AdmissionregistrationV1WebhookClientConfig} from '@kubernetes/client-node';
import type {ApiClient} from '../kubernetes/api-client.ts';
import type {KubernetesObject} from '../kubernetes/object.ts';
import {decodeBundle} from './certificate-set.ts';
import type {Authority} from './certificate-set.ts';
import {namespaceAnnotation} from './installation.ts';

type Webhook = {readonly clientConfig: Readonly<AdmissionregistrationV1WebhookClientConfig>};

/** As far as the operator reads it. Writes keep everything else, because they start from what was read. */
export type WebhookConfiguration = KubernetesObject & {readonly webhooks?: readonly Webhook[]};

const collection = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations';

/** Undefined if there is none. */
export const readWebhookConfiguration = async (api: Pick<ApiClient, 'find'>, name: string, signal: AbortSignal): Promise<WebhookConfiguration | undefined> =>
	api.find<WebhookConfiguration>(`${collection}/${name}`, {signal});

/** The path of a watch that begins with the current configuration. */
export const webhookConfigurationWatch = (name: string): string => `${collection}?fieldSelector=metadata.name%3D${name}`;

/**
 * Makes the API server trust exactly the authorities in `bundle` (PEM), and marks the configuration as that of the installation
 * in `namespace`.
 *
 * @throws {ApiError} 409 if the configuration has changed since it was read, 404 if it was deleted.
 */
export const writeBundle = async (api: Pick<ApiClient, 'compareAndSwap'>, {metadata: {name, resourceVersion}, webhooks = []}: WebhookConfiguration, bundle: string, namespace: string, signal: AbortSignal): Promise<void> => {
	const caBundle = Buffer.from(bundle).toString('base64');
	await api.compareAndSwap(`${collection}/${name}`, {
		metadata: {resourceVersion, annotations: {[namespaceAnnotation]: namespace}},
		// The API server merges the list by the webhooks' names; the resourceVersion ensures that these are still the same.
		webhooks: webhooks.map(webhook => ({...webhook, clientConfig: {...webhook.clientConfig, caBundle}})),
	}, {signal, metadataOnly: true});
};

/** Whether the caBundle of every webhook equals `bundle` (PEM). */
export const hasBundle = ({webhooks = []}: WebhookConfiguration, bundle: string): boolean =>
	webhooks.every(webhook => bundleOf(webhook).trim() === bundle.trim());

/** The authorities that the API server trusts for every webhook. */
export const trustedBy = ({webhooks = []}: WebhookConfiguration): Authority[] => {
	const [first = [], ...others] = webhooks.map(webhook => decodeBundle(bundleOf(webhook)));
	return first.filter(({pem}) => others.every(authorities => authorities.some(other => other.pem === pem)));
};

/** DNS names and IP addresses that the API server expects in the certificate. */
export const hostsOf = ({webhooks = []}: WebhookConfiguration): string[] => webhooks.flatMap(({clientConfig: {url, service}}) => {
	if (service) {
		return [`${service.name}.${service.namespace}.svc`];
	}

	return url !== undefined && URL.canParse(url) ? [new URL(url).hostname.replaceAll(/^\[|\]$/g, '')] : [];
});

/** What the caBundle contains, as the end of a sentence for the log. */
export const describeBundle = ({webhooks = []}: WebhookConfiguration): string => {
	const bundles = webhooks.map(webhook => bundleOf(webhook));
	return bundles.every(bundle => bundle.trim() === '')
		? 'is empty'
		: `contains ${[...new Set(bundles.flatMap(bundle => decodeBundle(bundle).map(({certificate}) => `"${certificate.subject.replaceAll('\n', ', ')}"`)))].join(' and ') || 'no CA certificate'}`;
};

const bundleOf = ({clientConfig: {caBundle = ''}}: Webhook): string => Buffer.from(caBundle, 'base64').toString();
