/** The keys and certificates of one control plane, and the files in which its components read them. */
import {writeFile} from 'node:fs/promises';
import path from 'node:path';
import {createCertificateAuthority, createServiceAccountKeys, type CertificateAuthority} from './certificates.ts';
import type {Files} from './components.ts';

export type Credentials = {
	readonly authority: CertificateAuthority;
	readonly files: Files;
};

/** 10.0.0.1 is the address of the Service kubernetes.default: the first of the Service range. */
const serverHosts = ['127.0.0.1', 'localhost', '10.0.0.1', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc', 'kubernetes.default.svc.cluster.local'];

export const createCredentials = async (directory: string): Promise<Credentials> => {
	const authority = await createCertificateAuthority();
	const server = await authority.issue({commonName: 'kube-apiserver', hosts: serverHosts, usage: 'server'});
	const serviceAccount = createServiceAccountKeys();
	const write = async (name: string, content: string): Promise<string> => {
		const file = path.join(directory, name);
		await writeFile(file, content, {mode: 0o600});
		return file;
	};

	return {
		authority,
		files: {
			directory,
			authority: await write('ca.crt', authority.certificatePem),
			serverCertificate: await write('kube-apiserver.crt', server.certificatePem),
			serverKey: await write('kube-apiserver.key', server.keyPem),
			serviceAccountKey: await write('service-account.key', serviceAccount.privateKeyPem),
			serviceAccountPublicKey: await write('service-account.pub', serviceAccount.publicKeyPem),
		},
	};
};
