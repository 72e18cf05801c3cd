/** Sends AdmissionReviews to webhooks over HTTPS, and checks the answers as a real API server does. */
import https from 'node:https';
import {text} from 'node:stream/consumers';
import {messageOf} from '../../../src/errors.ts';
import type {Review} from './review.ts';
import type {Webhook} from './webhook-match.ts';

export type WebhookResponse = {
	readonly uid: string;
	readonly allowed: boolean;
	readonly status?: {readonly code?: number; readonly message?: string; readonly reason?: string};
	/** In base64. */
	readonly patch?: string;
	readonly patchType?: string;
	readonly warnings?: readonly string[];
};

export type WebhookClient = Disposable & {
	/** @throws an Error that says why there is no valid answer. */
	readonly call: (webhook: Webhook, review: Review) => Promise<WebhookResponse>;
};

export const createWebhookClient = (): WebhookClient => {
	// As the API server's client: connections are kept for 90 s.
	const agent = new https.Agent({keepAlive: true, timeout: 90_000});
	return {
		async call({name, clientConfig: {url, caBundle}, timeoutSeconds = 10}, review) {
			if (url === undefined) {
				throw new Error(`the webhook "${name}" names a Service, and the embedded control plane has no network for Services: name a URL`);
			}

			const target = new URL(url);
			target.searchParams.set('timeout', `${timeoutSeconds}s`);
			try {
				const {status, body} = await post(target, JSON.stringify(review), {agent, ca: caBundle && Buffer.from(caBundle, 'base64'), signal: AbortSignal.timeout(timeoutSeconds * 1000)});
				if (status !== 200) {
					throw new Error(`the server responded with the status ${status}: ${body.slice(0, 300)}`);
				}

				return responseIn(body, review.request.uid);
			} catch (error) {
				const reason = error instanceof Error && error.name === 'AbortError' ? 'context deadline exceeded' : messageOf(error);
				throw new Error(`Post "${target.href}": ${reason}`, {cause: error});
			}
		},
		[Symbol.dispose]() {
			agent.destroy();
		},
	};
};

type PostOptions = {readonly agent: https.Agent; readonly ca: Buffer | '' | undefined; readonly signal: AbortSignal};

const post = async (url: URL, content: string, {agent, ca, signal}: PostOptions): Promise<{status: number; body: string}> => {
	const {promise, resolve, reject} = Promise.withResolvers<{status: number; body: string}>();
	const headers = {'content-type': 'application/json', accept: 'application/json', 'user-agent': 'kube-apiserver-admission', 'content-length': Buffer.byteLength(content)};
	const request = https.request(url, {method: 'POST', agent, ...(ca && {ca}), signal, headers}, response => {
		text(response).then(body => resolve({status: response.statusCode ?? 0, body}), reject);
	});
	request.on('error', reject);
	request.end(content);
	return promise;
};

/** @throws an Error if it is no answer to this review. */
const responseIn = (body: string, uid: string): WebhookResponse => {
	const {apiVersion, kind, response} = JSON.parse(body) as {readonly apiVersion?: string; readonly kind?: string; readonly response?: WebhookResponse};
	if (apiVersion !== 'admission.k8s.io/v1' || kind !== 'AdmissionReview' || !response) {
		throw new Error(`expected a response of the kind AdmissionReview in admission.k8s.io/v1, got "${kind}" in "${apiVersion}"`);
	}

	if (response.uid !== uid) {
		throw new Error(`expected response.uid="${uid}", got "${response.uid}"`);
	}

	return response;
};
