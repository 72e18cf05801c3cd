/** Single objects at an API server in memory that keeps to the rules: versions, conflicts, 404. Merge patches replace members of `data`, and lists. */
import type {ApiClient, CompareAndSwap, RequestOptions, WatchEvent} from '../../src/cluster/api-client.ts';
import type {Clock} from '../../src/cluster/clock.ts';
import {ApiError} from '../../src/errors.ts';

type Stored = {
	readonly metadata: {readonly name: string; readonly resourceVersion: string; readonly uid: string};
	readonly data?: Readonly<Record<string, string | null>>;
	readonly webhooks?: readonly unknown[];
};

export class FakeObjects implements Pick<ApiClient, 'get' | 'create' | 'compareAndSwap' | 'watch'> {
	/** By path. */
	readonly objects = new Map<string, Stored>();
	/** Is called before a request is carried out, and may throw. */
	before: (method: string, path: string) => void = () => {};
	readonly #clock: Clock;
	#version = 0;
	#changed = new AbortController();

	constructor(clock: Clock) {
		this.#clock = clock;
	}

	async get<T>(path: string, {signal}: RequestOptions): Promise<T> {
		await this.#arrive('GET', path, signal);
		return this.#find(path) as T;
	}

	async create<T>(collection: string, body: unknown, {signal}: RequestOptions): Promise<T> {
		const {metadata: {name}} = body as Stored;
		const path = `${collection}/${name}`;
		await this.#arrive('POST', path, signal);
		if (this.objects.has(path)) {
			throw new ApiError('POST', path, 409, 'already exists');
		}

		return this.put(path, body as Stored) as T;
	}

	async compareAndSwap<T>(path: string, {metadata, data, webhooks}: CompareAndSwap, {signal}: RequestOptions): Promise<T> {
		await this.#arrive('PATCH', path, signal);
		const known = this.#find(path);
		if (known.metadata.resourceVersion !== metadata.resourceVersion) {
			throw new ApiError('PATCH', path, 409, 'the object has been modified');
		}

		return this.put(path, {...known, ...(data && {data: {...known.data, ...data}}), ...(webhooks && {webhooks})}) as T;
	}

	/** One event for each change, whatever it was; enough for those who only take it as a hint. */
	async * watch<T>(_path: string, {signal}: RequestOptions): AsyncGenerator<WatchEvent<T>> {
		while (!signal.aborted) {
			yield {type: 'MODIFIED', object: {} as T};
			await this.#clock.sleep(3_600_000, AbortSignal.any([signal, this.#changed.signal]));
		}
	}

	/** Writes without asking anybody, as a person with `kubectl` would have done. */
	put(path: string, object: Omit<Stored, 'metadata'>): Stored {
		const stored = {...object, metadata: {name: path.split('/').at(-1)!, uid: path, resourceVersion: String(++this.#version)}};
		this.objects.set(path, stored);
		this.announce();
		return stored;
	}

	delete(path: string): void {
		this.objects.delete(path);
		this.announce();
	}

	/** Tells those who watch. */
	announce(): void {
		this.#changed.abort();
		this.#changed = new AbortController();
	}

	async #arrive(method: string, path: string, signal: AbortSignal): Promise<void> {
		await Promise.resolve();
		signal.throwIfAborted();
		this.before(method, path);
	}

	#find(path: string): Stored {
		const found = this.objects.get(path);
		if (!found) {
			throw new ApiError('GET', path, 404, 'not found');
		}

		return found;
	}
}
