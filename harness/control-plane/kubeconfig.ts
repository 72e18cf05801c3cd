/** Kubeconfig files of users who prove who they are by a client certificate. */
import {stringify} from 'yaml';
import type {Certificate} from './certificates.ts';

export type Identity = Certificate & {
	readonly serverUrl: string;
	/** The certificate of the authority that signed the API server's. */
	readonly authorityPem: string;
};

/** Renders a kubeconfig that holds certificates and key itself, so that the file can be copied anywhere. */
export const renderKubeconfig = ({serverUrl, authorityPem, certificatePem, keyPem}: Identity, user: string): string =>
	stringify({
		apiVersion: 'v1',
		kind: 'Config',
		clusters: [{name: clusterName, cluster: {server: serverUrl, 'certificate-authority-data': base64(authorityPem)}}],
		users: [{name: user, user: {'client-certificate-data': base64(certificatePem), 'client-key-data': base64(keyPem)}}],
		contexts: [{name: clusterName, context: {cluster: clusterName, user}}],
		'current-context': clusterName,
	}, {lineWidth: 0});

const clusterName = 'hostport-control-plane';

const base64 = (text: string): string => Buffer.from(text).toString('base64');
