/** The requests about one Lease: read, write, watch. Nothing here decides anything. */
import type {ApiClient, WatchEvent} from '../kubernetes/api-client.ts';
import type {Clock} from '../clock.ts';
import type {LeaseWrite} from './lease-decision.ts';
import {leasePatch, newLease, waitersPatch} from './lease-record.ts';
import type {Lease, LeaseRecord} from './lease-record.ts';

export type LeaseApiOptions = {
	readonly api: Pick<ApiClient, 'find' | 'create' | 'compareAndSwap' | 'watch'>;
	readonly clock: Pick<Clock, 'date'>;
	readonly namespace: string;
	readonly name: string;
	readonly identity: string;
	readonly durationSeconds: number;
};

export class LeaseApi {
	readonly #options: LeaseApiOptions;
	readonly #collection: string;

	constructor(options: LeaseApiOptions) {
		this.#options = options;
		this.#collection = `/apis/coordination.k8s.io/v1/namespaces/${options.namespace}/leases`;
	}

	/** Resolves with undefined when there is no Lease. */
	async read(signal: AbortSignal): Promise<Lease | undefined> {
		const {api, name} = this.#options;
		return api.find<Lease>(`${this.#collection}/${name}`, {signal});
	}

	/**
	 * Writes what was decided from `record`.
	 *
	 * @throws {ApiError} 409 when the Lease is no longer that version or exists already, 404 when it is gone.
	 */
	async write(decision: LeaseWrite, record: LeaseRecord | undefined, signal: AbortSignal): Promise<Lease> {
		const {api, clock, name, identity, durationSeconds} = this.#options;
		const common = {time: clock.date(), durationSeconds};
		if (decision.action === 'create' || !record) {
			return api.create<Lease>(this.#collection, newLease(name, {...common, holder: identity}), {signal});
		}

		const {waiters} = decision;
		const patch = decision.action === 'queue' ? waitersPatch(record, waiters) : leasePatch(record, {...common, holder: decision.holder, waiters});
		return api.compareAndSwap<Lease>(`${this.#collection}/${name}`, patch, {signal});
	}

	/** See `ApiClient.watch`. Begins with the Lease as it is. */
	watch(signal: AbortSignal, timeoutSeconds: number): AsyncGenerator<WatchEvent<Lease>> {
		const {api, name} = this.#options;
		return api.watch<Lease>(`${this.#collection}?fieldSelector=metadata.name%3D${name}`, {signal, timeoutSeconds});
	}
}
