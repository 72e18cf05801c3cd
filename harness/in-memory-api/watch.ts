/** API watches: the events that a client of a watch sees. */
import {metadataOf, statusOf, wantsMetadataOnly} from './answers.ts';
import type {ApiRequest} from './answers.ts';
import type {Change, ObjectStore} from './object-store.ts';
import {parsePath, selectorOf} from './target.ts';

export type WatchedEvent = {readonly type: Change['type'] | 'ERROR'; readonly object: unknown};

/**
 * Calls `onEvent` for every later change of the objects that the path selects, until the returned function is called. First
 * come the changes since the `resourceVersion` in the path; without one, an ADDED event for each object that exists. A
 * version that has been compacted gives an ERROR event with a 410, and no others.
 */
export const watchObjects = (store: ObjectStore, request: Pick<ApiRequest, 'path' | 'accept'>, onEvent: (event: WatchedEvent) => void): () => void => {
	const target = parsePath(request.path)!;
	const {kind, query} = target;
	const shown = (object: unknown) => (wantsMetadataOnly(request) ? metadataOf(object) : object);
	const since = Number(query.get('resourceVersion') ?? 0);
	const isSelected = selectorOf(target);
	const tell = (change: Change) => {
		if (change.kind === kind.kind) {
			const was = change.before !== undefined && isSelected(change.before);
			const is = change.after !== undefined && isSelected(change.after);
			if (is) {
				onEvent({type: was ? 'MODIFIED' : 'ADDED', object: shown(change.after)});
			} else if (was) {
				onEvent({type: 'DELETED', object: shown({...change.before, metadata: {...change.before.metadata, resourceVersion: String(change.version)}})});
			}
		}
	};

	if (since === 0) {
		for (const object of store.sorted(kind).filter(object => isSelected(object))) {
			onEvent({type: 'ADDED', object: shown(object)});
		}

		return store.subscribe(tell);
	}

	const missed = store.changesSince(since);
	if (!missed) {
		onEvent({type: 'ERROR', object: statusOf({status: 410, reason: 'Expired', message: `too old resource version: ${since} (${store.version})`})});
		return () => {};
	}

	for (const change of missed) {
		tell(change);
	}

	return store.subscribe(tell);
};
