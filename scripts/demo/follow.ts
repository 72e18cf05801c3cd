/** Follows a kind of object: lists it, watches it, and does so again whatever ends the watch. */
import {setTimeout as delay} from 'node:timers/promises';
import type {ApiClient} from '../../src/kubernetes/api-client.ts';
import type {KubernetesObject} from '../../src/kubernetes/object.ts';

export type FollowOptions<T> = {
	/** Of the collection. */
	readonly path: string;
	/** A selector, as in `labelSelector=app%3Dgame`. */
	readonly query?: string;
	/** What there is now, by UID. */
	readonly objects: Map<string, T>;
	/** Called after each change of `objects`, with the object if it was created or written just now. */
	readonly onChange: (written?: T) => void;
	readonly signal: AbortSignal;
};

const retryAfterMs = 200;
const watchSeconds = 300;

/** Resolves when the signal is aborted, and never rejects: what can't be read now may be readable later. */
export const follow = async <T extends KubernetesObject>(api: ApiClient, {path, query = '', objects, onChange, signal}: FollowOptions<T>): Promise<void> => {
	while (!signal.aborted) {
		try {
			const {metadata, items} = await api.get<{metadata: {resourceVersion: string}; items: T[]}>(`${path}?${query}`, {signal});
			objects.clear();
			for (const object of items) {
				objects.set(object.metadata.uid, object);
			}

			onChange();
			for await (const {type, object} of api.watch<T>(`${path}?${query}&resourceVersion=${metadata.resourceVersion}`, {signal, timeoutSeconds: watchSeconds})) {
				if (type === 'DELETED') {
					objects.delete(object.metadata.uid);
					onChange();
				} else {
					objects.set(object.metadata.uid, object);
					onChange(object);
				}
			}
		} catch {
			// Whatever it was, a new list is the answer.
		}

		await delay(retryAfterMs, undefined, {signal}).catch(() => {});
	}
};
