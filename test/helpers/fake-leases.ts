/** One Lease at an API server that keeps to the rules: conflicts, 404, watches. What goes wrong is up to the test. */
import {EventEmitter, on} from 'node:events';
import type {CompareAndSwap, RequestOptions, WatchEvent} from '../../src/cluster/api-client.ts';
import {waitersAnnotation} from '../../src/cluster/lease-record.ts';
import type {Lease} from '../../src/cluster/lease-record.ts';
import {ApiError} from '../../src/errors.ts';

export class LeaseServer {
	lease: Lease | undefined;
	readonly #events = new EventEmitter<{change: [WatchEvent<Lease>]}>().setMaxListeners(0);
	#version = 100;
	#drops = new AbortController();

	get holder(): string | undefined {
		return this.lease?.spec?.holderIdentity;
	}

	get line(): string {
		return this.lease?.metadata.annotations?.[waitersAnnotation] ?? '';
	}

	/** What somebody does with `kubectl edit`, or a replica that the test plays. */
	edit(spec: Partial<Record<keyof NonNullable<Lease['spec']>, unknown>>, line = this.line): Lease {
		return this.#store(this.lease ? 'MODIFIED' : 'ADDED', {
			...this.lease?.metadata.annotations,
			[waitersAnnotation]: line || null,
		}, {...this.lease?.spec, ...spec});
	}

	remove(): void {
		this.#version += 1;
		const {lease} = this;
		this.lease = undefined;
		if (lease) {
			this.#events.emit('change', {type: 'DELETED', object: {...lease, metadata: {...lease.metadata, resourceVersion: String(this.#version)}}});
		}
	}

	/** As it is after a restore from a backup: its versions begin again, lower. */
	restore(spec: NonNullable<Lease['spec']>): void {
		this.#version = 1;
		this.#store('MODIFIED', {}, spec);
	}

	/** Ends all watches. */
	dropWatches(): void {
		this.#drops.abort(new Error('the connection is gone'));
		this.#drops = new AbortController();
	}

	/** What a watch that goes back in time says. */
	replay(lease: Lease): void {
		this.#events.emit('change', {type: 'MODIFIED', object: lease});
	}

	get(): Lease {
		if (!this.lease) {
			throw new ApiError('GET', '/leases/hostport-ledger', 404, 'not found');
		}

		return this.lease;
	}

	create({spec}: Lease): Lease {
		if (this.lease) {
			throw new ApiError('POST', '/leases', 409, 'it exists');
		}

		return this.#store('ADDED', {}, spec ?? {});
	}

	compareAndSwap({metadata, spec}: CompareAndSwap): Lease {
		const lease = this.get();
		if (metadata.resourceVersion !== lease.metadata.resourceVersion) {
			throw new ApiError('PATCH', '/leases/hostport-ledger', 409, 'the object has been modified');
		}

		return this.#store('MODIFIED', {...lease.metadata.annotations, ...metadata.annotations}, {...lease.spec, ...spec});
	}

	async * changes(signal: AbortSignal): AsyncGenerator<WatchEvent<Lease>> {
		const changes = on(this.#events, 'change', {signal: AbortSignal.any([signal, this.#drops.signal])});
		if (this.lease) {
			yield {type: 'ADDED', object: this.lease};
		}

		for await (const [event] of changes as AsyncIterable<[WatchEvent<Lease>]>) {
			yield event;
		}
	}

	#store(type: 'ADDED' | 'MODIFIED', annotations: Record<string, string | null>, spec: Record<string, unknown>): Lease {
		this.#version += 1;
		this.lease = {
			metadata: {name: 'hostport-ledger', uid: 'u', resourceVersion: String(this.#version), annotations: withoutNull(annotations) as Record<string, string>},
			spec: withoutNull(spec),
		};
		this.#events.emit('change', {type, object: this.lease});
		return this.lease;
	}
}

const withoutNull = (object: Record<string, unknown>) =>
	Object.fromEntries(Object.entries(object).filter(([, value]) => value !== null));

/**
 * - `refuse`: no connection.
 * - `hang`: no answer until the caller gives up; nothing happens.
 * - `lose`: it happens, but the answer is lost.
 * - `delay`: it happens, and the answer arrives after `deliver`.
 */
export type Fault = 'refuse' | 'hang' | 'lose' | 'delay';

/** One replica's way to the server. */
export class LeaseClient {
	/** `get`, or what a write has made of the Lease: `a [b,c]` for its holder and line, or `refused`. */
	readonly requests: string[] = [];
	fault: Fault | undefined;
	isWatchStalled = false;
	readonly #server: LeaseServer;
	#delivery = Promise.withResolvers<void>();

	constructor(server: LeaseServer) {
		this.#server = server;
	}

	/** What its writes have made of the Lease. */
	get writes(): string[] {
		return this.requests.filter(request => request !== 'get' && request !== 'refused');
	}

	/** Lets the delayed answers arrive. */
	deliver(): void {
		this.#delivery.resolve();
		this.#delivery = Promise.withResolvers();
	}

	// Generic as in ApiClient; there is only this one kind of object.
	async get<T>(_path: string, {signal}: RequestOptions): Promise<T> {
		return await this.#send('get', signal, () => this.#server.get()) as T;
	}

	async create<T>(_path: string, body: unknown, {signal}: RequestOptions): Promise<T> {
		return await this.#send('write', signal, () => this.#server.create(body as Lease)) as T;
	}

	async compareAndSwap<T>(_path: string, patch: CompareAndSwap, {signal}: RequestOptions): Promise<T> {
		return await this.#send('write', signal, () => this.#server.compareAndSwap(patch)) as T;
	}

	async * watch<T>(_path: string, {signal}: {readonly signal: AbortSignal}): AsyncGenerator<WatchEvent<T>> {
		for await (const event of this.#server.changes(signal)) {
			if (!this.isWatchStalled) {
				yield event as WatchEvent<T>;
			}
		}
	}

	async #send(kind: 'get' | 'write', signal: AbortSignal, apply: () => Lease): Promise<Lease> {
		const {fault} = this;
		signal.throwIfAborted();
		await Promise.resolve();
		if (fault === 'refuse') {
			throw new TypeError('connect ECONNREFUSED');
		}

		const givenUp = Promise.withResolvers<Lease>();
		givenUp.promise.catch(() => {});
		signal.addEventListener('abort', () => givenUp.reject(signal.reason), {once: true});
		if (fault === 'hang') {
			return givenUp.promise;
		}

		this.requests.push(kind === 'get' ? 'get' : 'refused');
		const lease = apply();
		if (kind === 'write') {
			this.requests.splice(-1, 1, `${this.#server.holder ?? 'nobody'} [${this.#server.line}]`);
		}

		if (fault === 'lose') {
			throw new TypeError('socket hang up');
		}

		if (fault === 'delay') {
			await Promise.race([this.#delivery.promise, givenUp.promise]);
		}

		return lease;
	}
}
