/** Calls the mutating webhooks that match a new Pod, one after the other, and applies their patches. */
import {messageOf} from '../../../src/errors.ts';
import type {ApiServer} from '../../in-memory-api/api-server.ts';
import type {Refusal, Stored} from '../../in-memory-api/kinds.ts';
import type {Caller} from '../api/caller.ts';
import {applyJsonPatch} from '../api/patches.ts';
import {reviewOf} from './review.ts';
import type {Review} from './review.ts';
import type {WebhookClient, WebhookResponse} from './webhook-client.ts';
import {isCalledFor} from './webhook-match.ts';
import type {Webhook} from './webhook-match.ts';

export type Admitted =
	| {readonly pod: Stored; readonly warnings: readonly string[]}
	| {readonly refusal: Refusal; readonly warnings: readonly string[]};

export type AdmissionOptions = {readonly namespace: string; readonly caller: Caller; readonly isDryRun: boolean};

export type MutatingWebhooks = {
	/** Resolves with the Pod as the webhooks have patched it, or with the first refusal. Never rejects. */
	readonly admit: (pod: Stored, options: AdmissionOptions, server: ApiServer) => Promise<Admitted>;
};

export const createMutatingWebhooks = (client: WebhookClient): MutatingWebhooks => ({
	async admit(pod, options, server) {
		const namespaceLabels = server.find('Namespace', options.namespace)?.metadata.labels ?? {};
		const warnings: string[] = [];
		let patched = pod;
		for (const webhook of webhooksOf(server)) {
			const review = reviewOf(patched, options);
			try {
				if (!isCalledFor(webhook, review, namespaceLabels)) {
					continue;
				}
			} catch (error) {
				// A match condition that can't be evaluated counts as a webhook that can't be called.
				if (webhook.failurePolicy !== 'Ignore') {
					return {refusal: {status: 403, reason: 'Forbidden', message: `the match conditions of the webhook "${webhook.name}" can't be evaluated: ${messageOf(error)}`}, warnings};
				}

				continue;
			}

			const outcome = await consult(client, webhook, review, options.isDryRun);
			if ('refusal' in outcome) {
				return {refusal: outcome.refusal, warnings};
			}

			warnings.push(...outcome.response?.warnings ?? []);
			if (outcome.response?.allowed === false) {
				return {refusal: refusalOf(webhook, outcome.response), warnings};
			}

			patched = outcome.patched;
		}

		return {pod: patched, warnings};
	},
});

/** In the order of their configurations' names, as the API server calls them. */
const webhooksOf = (server: ApiServer): readonly Webhook[] =>
	[...server.all('MutatingWebhookConfiguration')]
		.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
		.flatMap(configuration => (configuration['webhooks'] ?? []) as readonly Webhook[]);

type Consulted = {readonly response: WebhookResponse | undefined; readonly patched: Stored} | {readonly refusal: Refusal};

/** The webhook's answer. If it fails, its failure policy decides: no answer, or a refusal. */
const consult = async (client: WebhookClient, webhook: Webhook, review: Review, isDryRun: boolean): Promise<Consulted> => {
	const {name, failurePolicy, sideEffects} = webhook;
	if (isDryRun && sideEffects !== 'None' && sideEffects !== 'NoneOnDryRun') {
		return {refusal: {status: 400, reason: 'BadRequest', message: `admission webhook "${name}" does not support dry run`}};
	}

	const pod = review.request.object;
	try {
		const response = await client.call(webhook, review);
		return {response, patched: response.patch ? applyJsonPatch(pod, decodePatch(response)) : pod};
	} catch (error) {
		return failurePolicy === 'Ignore'
			? {response: undefined, patched: pod}
			: {refusal: {status: 500, reason: 'InternalError', message: `Internal error occurred: failed calling webhook "${name}": failed to call webhook: ${messageOf(error)}`}};
	}
};

const decodePatch = ({patch = '', patchType}: WebhookResponse): Parameters<typeof applyJsonPatch>[1] => {
	if (patchType !== 'JSONPatch') {
		throw new Error(`the response has a patch of the type "${patchType}", and must have "JSONPatch"`);
	}

	return JSON.parse(Buffer.from(patch, 'base64').toString()) as Parameters<typeof applyJsonPatch>[1];
};

/** As `ToStatusErr` of k8s.io/apiserver: never less than 400. */
const refusalOf = ({name}: Webhook, {status}: WebhookResponse): Refusal => ({
	status: Math.max(status?.code ?? 0, 400),
	reason: status?.reason ?? '',
	message: `admission webhook "${name}" denied the request${status?.message ? `: ${status.message}` : (status?.reason ? `: ${status.reason}` : ' without explanation')}`,
});
