/** The Secret that holds the webhook's certificates: reads and writes it, and makes its new content. Decisions are in decision.ts. */
import type {V1Secret} from '@kubernetes/client-node';
import type {ApiClient} from '../kubernetes/api-client.ts';
import type {Stored} from '../kubernetes/object.ts';
import {encodeCertificates} from './certificate-set.ts';
import type {CertificateChange, CertificateSituation} from './decision.ts';
import type {CertificatesToMake, MadeCertificates} from './make-in-child-process.ts';

/** In the operator's namespace. */
export const certificateSecretName = 'hostport-operator-webhook-certificate';

export class CertificateSecret {
	readonly #api: Pick<ApiClient, 'find' | 'create' | 'compareAndSwap'>;
	readonly #collection: string;

	constructor(api: Pick<ApiClient, 'find' | 'create' | 'compareAndSwap'>, namespace: string) {
		this.#api = api;
		this.#collection = `/api/v1/namespaces/${namespace}/secrets`;
	}

	/** Undefined if there is no Secret. */
	async read(signal: AbortSignal): Promise<Stored<V1Secret> | undefined> {
		return this.#api.find<Stored<V1Secret>>(`${this.#collection}/${certificateSecretName}`, {signal});
	}

	/**
	 * Replaces `previous`, or creates the Secret if that is undefined.
	 *
	 * @throws {ApiError} 409 if the Secret has changed or been created since, 404 if it was deleted.
	 */
	async write(previous: Stored<V1Secret> | undefined, data: Readonly<Record<string, string>>, signal: AbortSignal): Promise<void> {
		await (previous
			? this.#api.compareAndSwap(`${this.#collection}/${certificateSecretName}`, {metadata: {resourceVersion: previous.metadata.resourceVersion}, data}, {signal, metadataOnly: true})
			: this.#api.create(this.#collection, {
				apiVersion: 'v1',
				kind: 'Secret',
				metadata: {name: certificateSecretName, labels: {'app.kubernetes.io/name': 'hostport-operator', 'app.kubernetes.io/managed-by': 'hostport-operator'}},
				type: 'kubernetes.io/tls',
				data,
			}, {signal, metadataOnly: true}));
	}
}

/**
 * The Secret's data once `decision` is carried out.
 *
 * @throws what `make` throws.
 */
export const makeSecretData = async (
	decision: CertificateChange,
	{held, hosts, now, lifetimes: {authorityMs: authorityLifetimeMs, leafMs: lifetimeMs}}: CertificateSituation,
	make: (wanted: CertificatesToMake) => Promise<MadeCertificates>,
): Promise<Record<string, string>> => {
	const newLeaf = {hosts, lifetimeMs};
	if (decision.action === 'replace authority') {
		const {authority, leaf} = await make({now, authorityLifetimeMs, leaf: decision.leaf ? undefined : newLeaf});
		return encodeCertificates([...decision.authorities, {pem: authority.certificate}], authority.key, (decision.leaf?.keyPair ?? leaf)!);
	}

	const {pem, key} = decision.signer;
	if (decision.action === 'replace certificate') {
		const {leaf} = await make({now, authority: {certificate: pem, key}, authorityLifetimeMs, leaf: newLeaf});
		return encodeCertificates(held?.authorities ?? [], key, leaf!);
	}

	return encodeCertificates([{pem}], key, decision.leaf.keyPair);
};
