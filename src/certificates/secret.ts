/** The Secret that holds the webhook's certificates: read, create, compare-and-swap. Nothing here decides anything. */
import type {ApiClient} from '../kubernetes/api-client.ts';
import type {KubernetesObject} from '../kubernetes/object.ts';

/** Its name in the operator's namespace. */
export const certificateSecretName = 'hostport-operator-webhook-certificate';

export type CertificateSecretObject = KubernetesObject & {
	/** Base64. */
	readonly data?: Readonly<Record<string, string>>;
};

export class CertificateSecret {
	readonly #api: Pick<ApiClient, 'find' | 'create' | 'compareAndSwap'>;
	readonly #collection: string;

	constructor(api: Pick<ApiClient, 'find' | 'create' | 'compareAndSwap'>, namespace: string) {
		this.#api = api;
		this.#collection = `/api/v1/namespaces/${namespace}/secrets`;
	}

	/** Undefined where there is none. Throws like any request. */
	async read(signal: AbortSignal): Promise<CertificateSecretObject | undefined> {
		return this.#api.find<CertificateSecretObject>(`${this.#collection}/${certificateSecretName}`, {signal});
	}

	/** @throws {ApiError} 409 when the Secret is no longer `known`, or is there by now where there was none; 404 when it is gone. */
	async write(known: CertificateSecretObject | undefined, data: Readonly<Record<string, string>>, signal: AbortSignal): Promise<void> {
		await (known
			? this.#api.compareAndSwap(`${this.#collection}/${certificateSecretName}`, {metadata: {resourceVersion: known.metadata.resourceVersion}, data}, {signal, metadataOnly: true})
			: this.#api.create(this.#collection, {
				apiVersion: 'v1',
				kind: 'Secret',
				metadata: {name: certificateSecretName, labels: {'app.kubernetes.io/name': 'hostport-operator', 'app.kubernetes.io/managed-by': 'hostport-operator'}},
				type: 'kubernetes.io/tls',
				data,
			}, {signal, metadataOnly: true}));
	}
}
