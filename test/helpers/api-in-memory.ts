/**
 * A replica's API client without HTTP: its requests go to an in-memory API server, and the test decides through hooks which
 * of them fail and when each answer arrives.
 */
import {EventEmitter, on} from 'node:events';
import {ApiClient} from '../../src/kubernetes/api-client.ts';
import type {CompareAndSwap, RequestOptions, WatchEvent} from '../../src/kubernetes/api-client.ts';
import type {ApiRequest} from '../../harness/in-memory-api/answers.ts';
import type {ApiServer} from '../../harness/in-memory-api/api-server.ts';
import {accepting, bodyOf, compareAndSwapRequest, createRequest, getRequest} from '../../harness/in-memory-api/client-requests.ts';
import type {WatchedEvent} from '../../harness/in-memory-api/watch.ts';

/** May wait, and may throw. `request` is as in `ApiInMemory.requests`. */
type Hook = (request: string, signal: AbortSignal) => Promise<void> | void;

export class ApiInMemory extends ApiClient {
	/** Assign another one to simulate a restore from a backup, where resourceVersions start again. */
	server: ApiServer;
	/** All requests in order, such as `GET pods` and `PATCH hostport-ledger-30500`. */
	readonly requests: string[] = [];
	/** Called before a request is carried out. If it throws, the request is not carried out. */
	before: Hook = () => {};
	/** Called after a request was carried out. If it throws, the caller gets that error in place of the answer. */
	after: Hook = () => {};
	override clockSkewMs = 0;
	/** While true, events of watches are lost. */
	isWatchStalled = false;
	readonly #name: string;
	readonly #watches = new EventEmitter<{event: [WatchedEvent]}>().setMaxListeners(0);
	#connection = new AbortController();

	/** @param name the client's name in the server's changes. */
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

	/** Sends an event to all watches, as a watch does that goes back in time. */
	replay(event: WatchedEvent): void {
		this.#watches.emit('event', event);
	}

	/** How often a request was sent. */
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

	/** A request that is aborted before the hook `before` resolves is not carried out. */
	async #carryOut(name: string, request: ApiRequest, signal: AbortSignal): Promise<unknown> {
		this.requests.push(name);
		await this.before(name, signal);
		signal.throwIfAborted();
		const answer = this.server.handle(request, this.#name);
		await this.after(name, signal);
		return bodyOf(request, answer);
	}
}

/** A promise for hooks: `opened` resolves when `open` is called. */
export const gate = () => {
	const {promise, resolve} = Promise.withResolvers<void>();
	return {opened: promise, open: resolve};
};
