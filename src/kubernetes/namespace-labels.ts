/** Caches the labels of namespaces. They tell whether PodSecurity allows a Pod with host ports. */
import type {Logger} from 'pino';
import type {Clock} from '../clock.ts';
import type {ApiClient} from './api-client.ts';
import type {KubernetesObject} from './object.ts';

/** Short, so that a changed label counts soon; long enough that a burst of Pods costs one read. */
const lifetimeMs = 10_000;

/** Bounds the memory. Few namespaces have annotated Pods. */
const maximumCached = 1000;

/**
 * Resolves with a namespace's labels, or with none if they can't be read: the API server enforces PodSecurity anyway.
 *
 * @param options `fresh`: reads them now, whatever is cached.
 */
export type NamespaceLabels = (namespace: string, signal: AbortSignal, options?: {readonly fresh: boolean}) => Promise<Readonly<Record<string, string>>>;

export const createNamespaceLabels = (api: Pick<ApiClient, 'get'>, clock: Clock, logger: Logger): NamespaceLabels => {
	const cache = new Map<string, {readonly readAt: number; readonly labels: Promise<Readonly<Record<string, string>>>}>();
	return async (namespace, signal, {fresh} = {fresh: false}) => {
		const cached = cache.get(namespace);
		if (cached && !fresh && clock.now() - cached.readAt < lifetimeMs) {
			return cached.labels;
		}

		const labels = readLabels(api, namespace, signal).catch((error: unknown) => {
			logger.debug({err: error}, `can't read the labels of the namespace ${namespace}`);
			cache.delete(namespace);
			return {};
		});
		if (cache.size >= maximumCached) {
			cache.clear();
		}

		cache.set(namespace, {readAt: clock.now(), labels});
		return labels;
	};
};

const readLabels = async (api: Pick<ApiClient, 'get'>, namespace: string, signal: AbortSignal): Promise<Readonly<Record<string, string>>> => {
	const {metadata} = await api.get<KubernetesObject>(`/api/v1/namespaces/${encodeURIComponent(namespace)}`, {signal, metadataOnly: true});
	return metadata.labels ?? {};
};
