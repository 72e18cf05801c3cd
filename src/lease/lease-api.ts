/** One Lease on the API server: read, create, compare-and-swap, watch. Nothing here decides anything. */
import type {ApiClient, WatchEvent} from '../kubernetes/api-client.ts';
import {leasePatch, newLease, waitersPatch} from './lease-record.ts';
import type {Lease, LeaseChange, LeaseRecord} from './lease-record.ts';

export class LeaseApi {
	readonly #api: Pick<ApiClient, 'find' | 'create' | 'compareAndSwap' | 'watch'>;
	readonly #collection: string;
	readonly #name: string;

	constructor(api: Pick<ApiClient, 'find' | 'create' | 'compareAndSwap' | 'watch'>, namespace: string, name: string) {
		this.#api = api;
		this.#collection = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
		this.#name = name;
	}

	/** Undefined where there is none. */
	async read(signal: AbortSignal): Promise<Lease | undefined> {
		return this.#api.find<Lease>(`${this.#collection}/${this.#name}`, {signal});
	}

	/** @throws {ApiError} 409 when somebody else was faster. */
	async create(change: LeaseChange, signal: AbortSignal): Promise<Lease> {
		return this.#api.create<Lease>(this.#collection, newLease(this.#name, change), {signal});
	}

	/** @throws {ApiError} 409 when the Lease is no longer this version, 404 when it is gone. */
	async write(record: LeaseRecord, change: LeaseChange, signal: AbortSignal): Promise<Lease> {
		return this.#api.compareAndSwap<Lease>(`${this.#collection}/${this.#name}`, leasePatch(record, change), {signal});
	}

	/** Writes the line and leaves holder and times alone. Throws like `write`. */
	async writeLine(record: LeaseRecord, waiters: readonly string[], signal: AbortSignal): Promise<Lease> {
		return this.#api.compareAndSwap<Lease>(`${this.#collection}/${this.#name}`, waitersPatch(record, waiters), {signal});
	}

	/** See `ApiClient.watch`. Begins with the Lease as it is. */
	watch(signal: AbortSignal, timeoutSeconds: number): AsyncGenerator<WatchEvent<Lease>> {
		return this.#api.watch<Lease>(`${this.#collection}?fieldSelector=metadata.name%3D${this.#name}`, {signal, timeoutSeconds});
	}
}
