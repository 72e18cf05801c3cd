/** The MutatingWebhookConfiguration, as far as it concerns certificates: by which names the API server calls, and whom it trusts. */
import {decodeBundle} from './certificate-set.ts';
import type {Authority} from './certificate-set.ts';
import type {ApiClient} from '../kubernetes/api-client.ts';
import type {KubernetesObject} from '../kubernetes/object.ts';

type Webhook = {
	readonly clientConfig: {
		readonly url?: string;
		readonly service?: {readonly name: string; readonly namespace: string};
		/** Base64 of PEM. */
		readonly caBundle?: string;
	};
};

export type WebhookConfiguration = KubernetesObject & {readonly webhooks?: readonly Webhook[]};

const collection = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations';

/** Undefined where there is none. Throws like any request. */
export const readWebhookConfiguration = async (api: Pick<ApiClient, 'find'>, name: string, signal: AbortSignal): Promise<WebhookConfiguration | undefined> =>
	api.find<WebhookConfiguration>(`${collection}/${name}`, {signal});

/** The path of a watch that begins with the configuration as it is. */
export const webhookConfigurationWatch = (name: string): string => `${collection}?fieldSelector=metadata.name%3D${name}`;

/**
 * Tells the API server to trust these, PEM, and nobody else.
 *
 * @throws {ApiError} 409 when the configuration is no longer this version, 404 when it is gone.
 */
export const writeBundle = async (api: Pick<ApiClient, 'compareAndSwap'>, {metadata: {name, resourceVersion}, webhooks = []}: WebhookConfiguration, bundle: string, signal: AbortSignal): Promise<void> => {
	const caBundle = Buffer.from(bundle).toString('base64');
	await api.compareAndSwap(`${collection}/${name}`, {
		metadata: {resourceVersion},
		// Merged one by one, by name; the version sees to it that they are still those that were read.
		webhooks: webhooks.map(webhook => ({...webhook, clientConfig: {...webhook.clientConfig, caBundle}})),
	}, {signal, metadataOnly: true});
};

/** Whether every webhook's caBundle is exactly this. */
export const hasBundle = ({webhooks = []}: WebhookConfiguration, bundle: string): boolean =>
	webhooks.every(webhook => bundleOf(webhook).trim() === bundle.trim());

/** Whom the API server trusts, whichever of the webhooks it calls. */
export const trustedBy = ({webhooks = []}: WebhookConfiguration): Authority[] => {
	const [first = [], ...others] = webhooks.map(webhook => decodeBundle(bundleOf(webhook)));
	return first.filter(({pem}) => others.every(authorities => authorities.some(other => other.pem === pem)));
};

/** The names that the API server expects to find in the certificate. */
export const hostsOf = ({webhooks = []}: WebhookConfiguration): string[] => webhooks.flatMap(({clientConfig: {url, service}}) => {
	if (service) {
		return [`${service.name}.${service.namespace}.svc`];
	}

	return url !== undefined && URL.canParse(url) ? [new URL(url).hostname.replaceAll(/^\[|\]$/g, '')] : [];
});

/** What a person is told of what stood there. */
export const describeBundle = ({webhooks = []}: WebhookConfiguration): string => {
	const bundles = webhooks.map(webhook => bundleOf(webhook));
	return bundles.every(bundle => bundle.trim() === '')
		? 'is empty'
		: `holds ${[...new Set(bundles.flatMap(bundle => decodeBundle(bundle).map(({certificate}) => `"${certificate.subject.replaceAll('\n', ', ')}"`)))].join(' and ') || 'no certificate of an authority'}`;
};

const bundleOf = ({clientConfig: {caBundle = ''}}: Webhook): string => Buffer.from(caBundle, 'base64').toString();
