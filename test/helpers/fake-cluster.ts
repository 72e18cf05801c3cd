/** ConfigMaps, Pods and Services at an API server in memory that keeps to the rules: versions, conflicts, 404, watches. What goes wrong is up to the test. */
import {EventEmitter, on} from 'node:events';
import type {ApiClient, CompareAndSwap, RequestOptions, WatchEvent} from '../../src/cluster/api-client.ts';
import {ApiError} from '../../src/errors.ts';
import type {ConfigMap} from '../../src/ports/config-map.ts';
import type {StoredPod} from '../../src/ports/host-port-use.ts';
import {formatEntry, parseEntry, parseEntryKey} from '../../src/ports/ledger-entry.ts';
import type {LedgerEntry} from '../../src/ports/ledger-entry.ts';
import {pageName, pageOf} from '../../src/ports/ledger-page.ts';

type Watched = 'pods' | 'services';
type Created = {readonly metadata: {readonly name?: string}};

export class FakeCluster implements Pick<ApiClient, 'get' | 'create' | 'compareAndSwap' | 'watch'> {
	readonly configMaps = new Map<string, ConfigMap>();
	pods: readonly StoredPod[] = [];
	services: readonly unknown[] = [];
	readonly events: unknown[] = [];
	/** `GET pods`, `PATCH hostport-ledger-30500`, in the order in which they came. */
	readonly requests: string[] = [];
	/** Is called before a request is carried out, and may wait or throw. */
	before: (request: string, signal: AbortSignal) => Promise<void> | void = () => {};
	/** Is called before it is answered: what it throws is all that the caller hears. */
	after: (request: string) => Promise<void> | void = () => {};
	readonly #changes = new EventEmitter().setMaxListeners(0);
	#version = 100;

	async get<T>(path: string, {signal}: RequestOptions): Promise<T> {
		const {pathname, searchParams} = new URL(path, 'http://cluster');
		const name = pathname.split('/').at(-1)!;
		return this.#carryOut(searchParams.get('limit') === '1' ? `GET version of ${name}` : `GET ${name}`, signal, () => {
			const metadata = {resourceVersion: String(this.#version)};
			const lists: Record<string, () => readonly unknown[]> = {pods: () => this.pods, services: () => this.services, configmaps: () => [...this.configMaps.values()]};
			return (lists[name] ? {metadata, items: lists[name]()} : this.#find(name, pathname)) as T;
		});
	}

	async create<T>(path: string, body: unknown, {signal}: RequestOptions): Promise<T> {
		const {metadata: {name = ''}} = body as Created;
		return this.#carryOut(`POST ${name || path.split('/').at(-1)!}`, signal, () => {
			if (path.endsWith('/events')) {
				this.events.push(body);
				return body as T;
			}

			if (this.configMaps.has(name)) {
				throw new ApiError('POST', path, 409, 'exists');
			}

			return this.put(body as ConfigMap, `uid-${this.#version}`) as T;
		});
	}

	async compareAndSwap<T>(path: string, {metadata, data}: CompareAndSwap, {signal}: RequestOptions): Promise<T> {
		const name = path.split('/').at(-1)!;
		return this.#carryOut(`PATCH ${name}`, signal, () => {
			const known = this.#find(name, path);
			if (known.metadata.resourceVersion !== metadata.resourceVersion) {
				throw new ApiError('PATCH', path, 409, 'the object has been modified');
			}

			return this.put({
				metadata: {...known.metadata, annotations: merged(known.metadata.annotations, metadata.annotations)},
				data: merged(known.data, data),
			}) as T;
		});
	}

	async * watch<T>(path: string, {signal}: RequestOptions): AsyncGenerator<WatchEvent<T>> {
		for await (const [type, object] of on(this.#changes, new URL(path, 'http://cluster').pathname.split('/').at(-1)!, {signal})) {
			yield {type: type as WatchEvent<T>['type'], object: object as T};
		}
	}

	/** Tells those who watch. */
	announce(what: Watched, type: WatchEvent<unknown>['type'] = 'ADDED', object: Pick<StoredPod, 'metadata'> = storedPod('watched', 1, {managed: false})): void {
		this.#changes.emit(what, type, object);
	}

	/** Writes without asking anybody, as another replica or a person with `kubectl` would have done. */
	put(object: ConfigMap, uid = object.metadata.uid): ConfigMap {
		const stored = {...object, metadata: {...object.metadata, uid, resourceVersion: String(++this.#version)}};
		this.configMaps.set(stored.metadata.name, stored);
		return stored;
	}

	/** What another replica has committed: undefined takes an entry away. */
	write(key: string, entry: LedgerEntry | undefined, blockSize = 500): void {
		const page = this.configMaps.get(pageName(pageOf(parseEntryKey(key)!.port, blockSize)))!;
		this.put({...page, data: merged(page.data, {[key]: entry ? formatEntry(entry) : null})});
	}

	/** The entries of all pages. */
	get entries(): Record<string, LedgerEntry> {
		return Object.fromEntries([...this.configMaps.values()]
			.flatMap(({data}) => Object.entries(data ?? {}))
			.filter(([key]) => parseEntryKey(key))
			.map(([key, text]) => [key, parseEntry(text) as LedgerEntry]));
	}

	count(request: string): number {
		return this.requests.filter(other => other === request).length;
	}

	#find(name: string, path: string): ConfigMap {
		const found = this.configMaps.get(name);
		if (!found) {
			throw new ApiError('GET', path, 404, 'not found');
		}

		return found;
	}

	async #carryOut<T>(request: string, signal: AbortSignal, answer: () => T): Promise<T> {
		signal.throwIfAborted();
		this.requests.push(request);
		await this.before(request, signal);
		signal.throwIfAborted();
		const result = answer();
		await this.after(request);
		return result;
	}
}

const merged = (known: Readonly<Record<string, string>> = {}, changes: Readonly<Record<string, string | null>> = {}): Record<string, string> =>
	Object.fromEntries(Object.entries({...known, ...changes}).flatMap(([key, value]) => value === null ? [] : [[key, value]]));

/** A Pod with one port, which an annotation says was given by us unless told otherwise. */
export const storedPod = (name: string, port: number, {managed = true, uid = `uid-${name}`} = {}): StoredPod => ({
	metadata: {name, namespace: 'game', uid, ...(managed && {annotations: {'hostport.io/allocated-grpc': String(port)}})},
	spec: {nodeName: 'worker-1', containers: [{ports: [{name: 'grpc', containerPort: port, hostPort: port, protocol: 'TCP'}]}]},
});

/** Resolves when told. */
export const gate = () => {
	const {promise, resolve} = Promise.withResolvers<void>();
	return {opened: promise, open: resolve};
};
