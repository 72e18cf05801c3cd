/** The labels of namespaces, remembered for a moment: they decide whether a Pod with host ports has a chance. */
import type {Logger} from 'pino';
import type {ApiClient} from './api-client.ts';
import type {KubernetesObject} from './object.ts';
import type {Clock} from '../clock.ts';

/** Whoever changes a label expects it to count soon; a burst of Pods should cost one read. */
const lifetimeMs = 10_000;

/** Bounds the memory; namespaces with annotated Pods are few. */
const maximumRemembered = 1000;

export type NamespaceLabels = (namespace: string, signal: AbortSignal) => Promise<Readonly<Record<string, string>>>;

/** Resolves with the labels; with none where they can't be read, for the API server itself has the last word on PodSecurity. */
export const createNamespaceLabels = (api: Pick<ApiClient, 'get'>, clock: Clock, logger: Logger): NamespaceLabels => {
	const remembered = new Map<string, {readonly at: number; readonly labels: Promise<Readonly<Record<string, string>>>}>();
	return async (namespace, signal) => {
		const known = remembered.get(namespace);
		if (known && clock.now() - known.at < lifetimeMs) {
			return known.labels;
		}

		const labels = readLabels(api, namespace, signal).catch((error: unknown) => {
			logger.debug({err: error}, `the labels of the namespace ${namespace} could not be read`);
			remembered.delete(namespace);
			return {};
		});
		if (remembered.size >= maximumRemembered) {
			remembered.clear();
		}

		remembered.set(namespace, {at: clock.now(), labels});
		return labels;
	};
};

const readLabels = async (api: Pick<ApiClient, 'get'>, namespace: string, signal: AbortSignal): Promise<Readonly<Record<string, string>>> => {
	const {metadata} = await api.get<KubernetesObject>(`/api/v1/namespaces/${encodeURIComponent(namespace)}`, {signal, metadataOnly: true});
	return metadata.labels ?? {};
};
