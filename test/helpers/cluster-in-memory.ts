/** A cluster whose API server is in memory, for tests of one part: what goes wrong, and when an answer comes, is up to the test. */
import {EventEmitter, on} from 'node:events';
import {ApiClient} from '../../src/kubernetes/api-client.ts';
import type {CompareAndSwap, RequestOptions, WatchEvent} from '../../src/kubernetes/api-client.ts';
import type {Clock} from '../../src/clock.ts';
import type {StoredPod} from '../../src/ports/host-port-use.ts';
import type {ApiRequest} from '../../harness/in-memory-api/answers.ts';
import {ApiServer} from '../../harness/in-memory-api/api-server.ts';
import {kinds} from '../../harness/in-memory-api/kinds.ts';
import type {Stored} from '../../harness/in-memory-api/kinds.ts';
import type {WatchedEvent} from '../../harness/in-memory-api/watch.ts';
import {accepting, bodyOf, compareAndSwapRequest, createRequest, getRequest} from '../../harness/in-memory-api/client-requests.ts';
import {seededRandom} from './ledger.ts';

type Metadata = {readonly name: string; readonly namespace?: string};

type Manifest = {
	readonly metadata: Metadata & {readonly uid?: string; readonly resourceVersion?: string; readonly [member: string]: unknown};
	readonly [member: string]: unknown;
};

/** What other replicas, controllers and people with `kubectl` do and see: nothing of it ever fails. */
export class ClusterInMemory {
	readonly server: ApiServer;

	constructor(clock: Pick<Clock, 'now'>) {
		// What may be stale is not: there is a simulation for that.
		this.server = new ApiServer({now: clock.now, random: seededRandom(1), stalestMs: 0});
		for (const name of ['operators', 'game', 'shop']) {
			this.put('Namespace', {metadata: {name}});
		}
	}

	/** Creates it, or replaces it whatever its version. Namespaced objects go to `operators` unless they say where. */
	put(kind: string, {metadata: {uid: _uid, resourceVersion: _version, ...metadata}, ...rest}: Manifest): Stored {
		const known = this.find(kind, metadata);
		const body = {...rest, metadata: {...metadata, ...(known && {resourceVersion: known.metadata.resourceVersion})}};
		return this.#carryOut(known
			? {method: 'PUT', path: pathOf(kind, metadata), body}
			: {method: 'POST', path: pathOf(kind, {...(metadata.namespace && {namespace: metadata.namespace})}), body});
	}

	putAll(kind: string, manifests: readonly Manifest[]): void {
		for (const manifest of manifests) {
			this.put(kind, manifest);
		}
	}

	/** Changes some of it. */
	patch(kind: string, metadata: Metadata, body: object): Stored {
		return this.#carryOut({method: 'PATCH', path: pathOf(kind, metadata), body, contentType: 'application/merge-patch+json'});
	}

	remove(kind: string, metadata: Metadata): void {
		this.#carryOut({method: 'DELETE', path: pathOf(kind, metadata)});
	}

	find(kind: string, {name, namespace = 'operators'}: Metadata): Stored | undefined {
		return this.server.find(kind, name, isNamespaced(kind) ? namespace : undefined);
	}

	#carryOut(request: ApiRequest): Stored {
		return bodyOf(request, this.server.handle(request)) as Stored;
	}
}

const isNamespaced = (kind: string): boolean => kinds.find(other => other.kind === kind)!.isNamespaced;

const pathOf = (kind: string, {namespace = 'operators', name}: Partial<Metadata>): string => {
	const {apiVersion, resource} = kinds.find(other => other.kind === kind)!;
	return [apiVersion === 'v1' ? '/api/v1' : `/apis/${apiVersion}`, ...(isNamespaced(kind) ? ['namespaces', namespace] : []), resource, ...(name === undefined ? [] : [name])].join('/');
};

/** May wait, and may throw. */
type Hook = (request: string, signal: AbortSignal) => Promise<void> | void;

/** One replica's way to the API server. */
export class ApiInMemory extends ApiClient {
	/** Whom it reaches. Another one is what this one becomes when it is restored from a backup: its versions begin again. */
	server: ApiServer;
	/** `GET pods`, `PATCH hostport-ledger-30500`, in the order in which they came. */
	readonly requests: string[] = [];
	/** Is called before a request is carried out. */
	before: Hook = () => {};
	/** Is called before it is answered: what it throws is all that the caller hears. */
	after: Hook = () => {};
	/** As long as it is, what a watch would tell is lost. */
	isWatchStalled = false;
	readonly #name: string;
	readonly #watches = new EventEmitter<{event: [WatchedEvent]}>().setMaxListeners(0);
	#connection = new AbortController();

	/** @param name by which the server knows whose writes these are. */
	constructor(server: ApiServer, name = 'replica') {
		super();
		this.server = server;
		this.#name = name;
	}

	override async get<T>(path: string, options: RequestOptions): Promise<T> {
		const [, name = '', isOne] = /([^/?]+)(\?limit=1$)?(?:\?.*)?$/.exec(path) ?? [];
		return this.#send(isOne ? `GET version of ${name}` : `GET ${name}`, getRequest(path, options), options);
	}

	override async create<T>(path: string, body: unknown, options: RequestOptions): Promise<T> {
		const {metadata: {name}} = body as {readonly metadata: {readonly name?: string}};
		return this.#send(`POST ${name ?? path.split('/').at(-1)!}`, createRequest(path, body, options), options);
	}

	override async compareAndSwap<T>(path: string, patch: CompareAndSwap, options: RequestOptions): Promise<T> {
		return this.#send(`PATCH ${path.split('/').at(-1)!}`, compareAndSwapRequest(path, patch, options), options);
	}

	override async * watch<T>(path: string, {signal, ...options}: RequestOptions): AsyncGenerator<WatchEvent<T>> {
		const own = new EventEmitter<{event: [WatchedEvent]}>();
		const tell = (event: WatchedEvent) => own.emit('event', event);
		const events = on(own, 'event', {signal: AbortSignal.any([signal, this.#connection.signal])}) as AsyncIterable<[WatchedEvent]>;
		this.#watches.on('event', tell);
		const stop = this.server.watch({path, ...accepting(options)}, event => this.isWatchStalled || tell(event));
		try {
			for await (const [event] of events) {
				yield event as WatchEvent<T>;
			}
		} finally {
			stop();
			this.#watches.off('event', tell);
		}
	}

	/** Ends all watches. */
	dropWatches(): void {
		this.#connection.abort(new Error('the connection is gone'));
		this.#connection = new AbortController();
	}

	/** What a watch that goes back in time says. */
	replay(event: WatchedEvent): void {
		this.#watches.emit('event', event);
	}

	count(request: string): number {
		return this.requests.filter(other => other === request).length;
	}

	async #send<T>(name: string, request: ApiRequest, {signal}: RequestOptions): Promise<T> {
		signal.throwIfAborted();
		const {promise: givenUp, reject} = Promise.withResolvers<never>();
		const giveUp = () => reject(signal.reason);
		signal.addEventListener('abort', giveUp, {once: true});
		try {
			return await Promise.race([this.#carryOut(name, request, signal), givenUp]) as T;
		} finally {
			signal.removeEventListener('abort', giveUp);
		}
	}

	/** Who gives up before it is carried out takes it back, as if it had not left yet. */
	async #carryOut(name: string, request: ApiRequest, signal: AbortSignal): Promise<unknown> {
		this.requests.push(name);
		await this.before(name, signal);
		signal.throwIfAborted();
		const answer = this.server.handle(request, this.#name);
		await this.after(name, signal);
		return bodyOf(request, answer);
	}
}

/** Resolves when told. */
export const gate = () => {
	const {promise, resolve} = Promise.withResolvers<void>();
	return {opened: promise, open: resolve};
};

/** A Pod with one port, which an annotation says was given by us unless told otherwise. */
export const storedPod = (name: string, port: number, {managed = true} = {}): StoredPod => ({
	metadata: {name, namespace: 'game', uid: `uid-${name}`, ...(managed && {annotations: {'hostport.io/allocated-grpc': String(port)}})},
	spec: {nodeName: 'worker-1', containers: [{ports: [{name: 'grpc', containerPort: port, hostPort: port, protocol: 'TCP'}]}]},
});
