/** Consistent lists of Pods: every decision that frees a port, or opens a page, rests on one. */
import {ApiError} from '../errors.ts';
import type {StoredPod} from '../ports/host-port-use.ts';
import type {ApiClient} from '../kubernetes/api-client.ts';

/** Bounds an answer to a MiB, for a Pod is some 5–10 KB: what is read at once is what a replica's memory grows to. */
const pageSize = 100;

/** A list that outlives the API server's compaction (five minutes) is started again; more often than this, something is wrong. */
const maximumRestarts = 3;

type PodList = {
	readonly metadata: {readonly continue?: string};
	readonly items: readonly StoredPod[];
};

/**
 * What `select` finds in all Pods of all namespaces, as of a moment after the call began: it asks without resourceVersion
 * and without a label, for a label can be taken off by a user. Only what is found is kept: ten thousand whole Pods would
 * take more memory than everything else together.
 *
 * @throws {ApiError} or what the network threw. Then nothing is known, and nothing may be concluded.
 */
export const listFromPods = async <T>(api: Pick<ApiClient, 'get'>, select: (pod: StoredPod) => readonly T[], signal: AbortSignal): Promise<T[]> => {
	for (let restarts = 0; ; restarts++) {
		try {
			return await listOnce(api, select, signal);
		} catch (error) {
			if (!(error instanceof ApiError && error.status === 410) || restarts === maximumRestarts) {
				throw error;
			}
		}
	}
};

const listOnce = async <T>(api: Pick<ApiClient, 'get'>, select: (pod: StoredPod) => readonly T[], signal: AbortSignal): Promise<T[]> => {
	const found: T[] = [];
	let token = '';
	do {
		const page = await api.get<PodList>(`/api/v1/pods?limit=${pageSize}${token && `&continue=${encodeURIComponent(token)}`}`, {signal});
		found.push(...page.items.flatMap(select));
		token = page.metadata.continue ?? '';
	} while (token);

	return found;
};
