/** The few requests that the operator sends to the API server. Every write names a resourceVersion, or creates an object. */
import {AnswerTooLongError, ApiError} from '../errors.ts';
import type {KubernetesObject} from './object.ts';

export type WatchEvent<T> = {
	readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
	readonly object: T;
};

export type RequestOptions = {
	readonly signal: AbortSignal;
	/** Asks for metadata only, of the object or (`'list'`) of each object in a list. Enough after a write, and for watches. */
	readonly metadataOnly?: boolean | 'list';
	/**
	 * Lets the API server answer from its watch cache. That is much cheaper, but usually milliseconds behind. Only for
	 * data that a compare-and-swap will prove.
	 */
	readonly maybeStale?: boolean;
	/** Of the answer to a read, in characters. A longer one is an `AnswerTooLongError`. Default: longer than any stored object. */
	readonly maximumLength?: number;
};

export type WatchOptions = RequestOptions & {
	/** The server ends the watch after this. */
	readonly timeoutSeconds: number;
};

/**
 * A strategic merge patch. The resourceVersion makes it a compare-and-swap, and its type makes it impossible to forget:
 * without one the API server would silently overwrite what another replica has just written.
 */
export type CompareAndSwap = {
	readonly metadata: {
		readonly resourceVersion: string;
		readonly labels?: Readonly<Record<string, string | null>>;
		readonly annotations?: Readonly<Record<string, string | null>>;
		readonly managedFields?: readonly object[];
	};
	readonly data?: Readonly<Record<string, string | null>>;
	readonly spec?: Readonly<Record<string, unknown>>;
	readonly webhooks?: readonly unknown[];
};

export type ListOptions<Item, Selected> = {
	readonly signal: AbortSignal;
	/** Objects in one answer; fewer while objects are so large that the answer is too long. */
	readonly pageSize: number;
	/** What to keep of each object: ten thousand whole Pods need more memory than everything else together. */
	readonly select: (item: Item) => readonly Selected[];
};

type ListPage<Item> = {
	readonly metadata: {readonly continue?: string};
	readonly items: readonly Item[];
};

/**
 * Characters in an answer with several objects. A replica's memory grows to the longest answer, and any tenant can store objects
 * of 1.5 MB. A hundred ordinary Pods have 0.5–1 million characters.
 */
const maximumListLength = 4 * 1024 * 1024;

/** A list that outlives etcd's compaction (every five minutes) starts again. More restarts than this mean that something else is wrong. */
const maximumRestarts = 3;

/**
 * All methods throw `ApiError` for an answer that is not 2xx, and the network's error if there was no answer. Then a
 * write may or may not have happened.
 */
export abstract class ApiClient {
	/**
	 * How far this process's clock is ahead of an API server's (negative: behind), milliseconds, as far as the latest answers
	 * prove it. 0 if they prove no difference. Of several API servers, the one that differs most counts.
	 */
	abstract get clockSkewMs(): number;

	/**
	 * Reads without resourceVersion, unless the answer may be stale: the API server then asks etcd, so the answer contains
	 * every earlier write.
	 */
	abstract get<T>(path: string, options: RequestOptions): Promise<T>;

	/** @throws {ApiError} with status 409 when an object of that name exists. */
	abstract create<T>(path: string, body: unknown, options: RequestOptions): Promise<T>;

	/** @throws {ApiError} with status 409 when the object is no longer the version that `patch` names, 404 when it is gone. */
	abstract compareAndSwap<T>(path: string, patch: CompareAndSwap, options: RequestOptions): Promise<T>;

	/**
	 * Yields events until the server ends the watch (after `timeoutSeconds`) or the signal aborts it. Throws like any
	 * request; the caller starts it again. An `ERROR` event (410 Gone) is thrown as an `ApiError`.
	 */
	abstract watch<T>(path: string, options: WatchOptions): AsyncGenerator<WatchEvent<T>>;

	/** Reads an object that may not exist: undefined for 404. */
	async find<T>(path: string, options: RequestOptions): Promise<T | undefined> {
		return unlessStatus([404], async () => this.get<T>(path, options));
	}

	/** A compare-and-swap that may lose: undefined when the object is no longer the version that `patch` names, or is gone. */
	async tryCompareAndSwap<T>(path: string, patch: CompareAndSwap, options: RequestOptions): Promise<T | undefined> {
		return unlessStatus([404, 409], async () => this.compareAndSwap<T>(path, patch, options));
	}

	/**
	 * Lists a whole collection, page by page, as of a moment after the call began. Holds one page at a time, of at most 4 Mi
	 * characters or one object.
	 *
	 * @param path without a query.
	 * @throws when one page fails, or an object is too long to be read. Then nothing is known, and no conclusion may be drawn.
	 */
	async list<Item, Selected>(path: string, options: ListOptions<Item, Selected>): Promise<Selected[]> {
		for (let restarts = 0; ; restarts++) {
			try {
				return await this.#listOnce(path, options);
			} catch (error) {
				if (!(error instanceof ApiError && error.status === 410) || restarts === maximumRestarts) {
					throw error;
				}
			}
		}
	}

	async #listOnce<Item, Selected>(path: string, {signal, pageSize, select}: ListOptions<Item, Selected>): Promise<Selected[]> {
		const found: Selected[] = [];
		let token = '';
		let limit = pageSize;
		do {
			const {page, answeredLimit} = await this.#readPage<Item>(path, token, limit, signal);
			for (const item of page.items) {
				found.push(...select(item));
			}

			token = page.metadata.continue ?? '';
			// Few objects are that large, so the next page may be longer again.
			limit = Math.min(2 * answeredLimit, pageSize);
		} while (token);

		return found;
	}

	/**
	 * Reads the objects from `token` on: `limit` of them, and half as many each time that the answer is too long. The limit may
	 * change between pages, because a token holds a version and a key alone (`EncodeContinue` in k8s.io/apiserver/pkg/storage).
	 */
	async #readPage<Item>(path: string, token: string, limit: number, signal: AbortSignal): Promise<{readonly page: ListPage<Item>; readonly answeredLimit: number}> {
		const query = `${path}?limit=${limit}${token && `&continue=${encodeURIComponent(token)}`}`;
		try {
			const page = await this.get<ListPage<Item>>(query, {signal, ...(limit > 1 && {maximumLength: maximumListLength})});
			return {page, answeredLimit: limit};
		} catch (error) {
			if (!(error instanceof AnswerTooLongError)) {
				throw error;
			}

			if (limit === 1) {
				throw new Error(`${await this.#nameOfFirst(query, signal)} in ${path} can't be read, because ${error.message}: make it smaller, or delete it`, {cause: error});
			}

			return this.#readPage(path, token, Math.floor(limit / 2), signal);
		}
	}

	/** The name of the first object of a list, whose metadata may be short although the object is not. */
	async #nameOfFirst(query: string, signal: AbortSignal): Promise<string> {
		const {items: [item]} = await this.get<ListPage<KubernetesObject>>(query, {signal, metadataOnly: 'list'});
		const {namespace, name} = item?.metadata ?? {};
		return [namespace, name].filter(Boolean).join('/') || 'an object';
	}
}

const unlessStatus = async <T>(statuses: readonly number[], request: () => Promise<T>): Promise<T | undefined> => {
	try {
		return await request();
	} catch (error) {
		if (error instanceof ApiError && statuses.includes(error.status)) {
			return undefined;
		}

		throw error;
	}
};
