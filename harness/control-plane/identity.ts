/** Who talks to the API server, and with what in hand: a kubeconfig, or a small client of our own. */
import {Agent, request} from 'undici';
import {stringify} from 'yaml';
import type {Certificate} from './certificates.ts';

export type Identity = Certificate & {
	readonly serverUrl: string;
	/** Of the authority that the API server's certificate is checked against. */
	readonly authorityPem: string;
};

/** A kubeconfig that carries everything in itself, so that the file may be copied anywhere. */
export const renderKubeconfig = ({serverUrl, authorityPem, certificatePem, keyPem}: Identity, user: string): string =>
	stringify({
		apiVersion: 'v1',
		kind: 'Config',
		clusters: [{name: clusterName, cluster: {server: serverUrl, 'certificate-authority-data': base64(authorityPem)}}],
		users: [{name: user, user: {'client-certificate-data': base64(certificatePem), 'client-key-data': base64(keyPem)}}],
		contexts: [{name: clusterName, context: {cluster: clusterName, user}}],
		'current-context': clusterName,
	}, {lineWidth: 0});

export type ApiClient = {
	/** @throws when there is no answer, or one with a status of 400 or above that is not in `tolerate`. */
	readonly request: (method: 'GET' | 'POST', path: string, options?: {readonly body?: unknown; readonly tolerate?: readonly number[]}) => Promise<unknown>;
	readonly close: () => Promise<void>;
};

/** Just enough to see whether a control plane is up and to give it nodes. */
export const createApiClient = ({serverUrl, authorityPem, certificatePem, keyPem}: Identity): ApiClient => {
	const agent = new Agent({connections: 16, connect: {ca: authorityPem, cert: certificatePem, key: keyPem}, headersTimeout: 5000, bodyTimeout: 5000});
	return {
		async request(method, path, {body, tolerate = []} = {}) {
			const response = await request(new URL(path, serverUrl), {
				dispatcher: agent,
				method,
				...(body === undefined ? {} : {body: JSON.stringify(body), headers: {'content-type': 'application/json'}}),
			});
			const text = await response.body.text();
			if (response.statusCode >= 400 && !tolerate.includes(response.statusCode)) {
				throw new Error(`${method} ${path} answers with status ${response.statusCode}: ${text}`);
			}

			return response.headers['content-type']?.includes('json') ? JSON.parse(text) as unknown : text;
		},
		async close() {
			await agent.destroy();
		},
	};
};

const clusterName = 'hostport-control-plane';

const base64 = (text: string): string => Buffer.from(text).toString('base64');
