/** The API server's audit log of one user's requests. */
import {readFile, writeFile} from 'node:fs/promises';
import path from 'node:path';
import {stringify} from 'yaml';

/** One request, as far as rights are concerned. */
export type AuditedRequest = {
	readonly verb: string;
	/** Path and query. */
	readonly uri: string;
	readonly apiGroup: string;
	readonly resource: string;
	/** Undefined if the request is about a collection. */
	readonly name: string | undefined;
	readonly decision: string | undefined;
	/** What the API server and webhooks have noted. */
	readonly annotations: Readonly<Record<string, string>>;
};

export type Audit = {
	readonly apiServerFlags: readonly string[];
	/** Reads all requests so far, in order. */
	readonly requests: () => Promise<readonly AuditedRequest[]>;
};

type AuditEvent = {
	readonly verb: string;
	readonly requestURI: string;
	readonly objectRef?: {readonly apiGroup?: string; readonly resource: string; readonly subresource?: string; readonly name?: string};
	readonly annotations?: Readonly<Record<string, string>>;
};

/** Makes flags with which the API server logs each request of the user, without its body. */
export const auditOf = async (user: string, folder: string): Promise<Audit> => {
	const [policy, log] = [path.join(folder, 'audit-policy.yaml'), path.join(folder, 'audit.log')];
	await writeFile(policy, stringify({
		apiVersion: 'audit.k8s.io/v1',
		kind: 'Policy',
		// Each request is logged when its answer starts; a watch ends much later.
		omitStages: ['RequestReceived'],
		rules: [{level: 'Metadata', users: [user]}, {level: 'None'}],
	}));
	return {
		apiServerFlags: [`--audit-policy-file=${policy}`, `--audit-log-path=${log}`],
		async requests() {
			const lines = (await readFile(log, 'utf8')).split('\n').slice(0, -1);
			return lines.map(line => JSON.parse(line) as AuditEvent).map(({verb, requestURI, objectRef, annotations}) => ({
				verb,
				uri: requestURI,
				apiGroup: objectRef?.apiGroup ?? '',
				resource: [objectRef?.resource, ...(objectRef?.subresource ? [objectRef.subresource] : [])].join('/'),
				name: objectRef?.name,
				decision: annotations?.['authorization.k8s.io/decision'],
				annotations: annotations ?? {},
			}));
		},
	};
};
