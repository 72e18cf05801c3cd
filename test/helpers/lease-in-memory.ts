/** One Lease on an API server in memory: as a person sees and edits it, and through clients whose requests a test can break. */
import {ApiError} from '../../src/errors.ts';
import {waitersAnnotation} from '../../src/lease/lease-record.ts';
import type {Lease} from '../../src/lease/lease-record.ts';
import {ApiInMemory} from './api-in-memory.ts';
import type {ClusterInMemory} from './cluster-in-memory.ts';

const metadata = {name: 'hostport-ledger'};

export class LeaseInMemory {
	readonly #cluster: ClusterInMemory;

	constructor(cluster: ClusterInMemory) {
		this.#cluster = cluster;
	}

	get lease(): Lease | undefined {
		return this.#cluster.find('Lease', metadata);
	}

	get holder(): string | undefined {
		return this.lease?.spec?.holderIdentity;
	}

	get queue(): string {
		return queueOf(this.lease);
	}

	/** As by `kubectl edit`, or by a replica that the test plays. */
	edit(spec: Readonly<Record<string, string | number | null>>, queue = this.queue): Lease {
		const annotations = {[waitersAnnotation]: queue || null};
		return this.lease
			? this.#cluster.patch('Lease', metadata, {metadata: {annotations}, spec})
			: this.#cluster.put('Lease', {metadata: {...metadata, ...(queue && {annotations})}, spec});
	}

	remove(): void {
		this.#cluster.remove('Lease', metadata);
	}
}

/**
 * - `refuse`: the connection is refused.
 * - `hang`: the request does not arrive, and no answer comes until the caller gives up.
 * - `throttle`: the API server answers 429, and asks to wait for `retryAfterMs`.
 * - `lose`: the request is carried out, but its answer is lost.
 * - `delay`: the request is carried out, and its answer arrives after `deliver`.
 */
export type Fault = 'refuse' | 'throttle' | 'hang' | 'lose' | 'delay';

/** One replica's client. */
export class LeaseClient extends ApiInMemory {
	fault: Fault | undefined;
	retryAfterMs = 0;
	/** The Lease after each of its writes: `a [b,c]` for holder and queue. */
	readonly writes: string[] = [];
	#delivery = Promise.withResolvers<void>();

	constructor({server}: ClusterInMemory, name: string) {
		super(server, name);
		server.subscribe(({by, after}) => {
			if (by === name) {
				const lease = after as Lease | undefined;
				this.writes.push(`${lease?.spec?.holderIdentity ?? 'none'} [${queueOf(lease)}]`);
			}
		});
	}

	/** Lets the delayed answers arrive. */
	deliver(): void {
		this.#delivery.resolve();
		this.#delivery = Promise.withResolvers();
	}

	override readonly before = async () => {
		if (this.fault === 'refuse') {
			throw new TypeError('connect ECONNREFUSED');
		}

		if (this.fault === 'throttle') {
			throw new ApiError('GET', '/leases', 429, 'too many requests', this.retryAfterMs);
		}

		return this.fault === 'hang' ? new Promise<void>(() => {}) : undefined;
	};

	override readonly after = async () => {
		if (this.fault === 'lose') {
			throw new TypeError('socket hang up');
		}

		return this.fault === 'delay' ? this.#delivery.promise : undefined;
	};
}

const queueOf = (lease: Lease | undefined): string => lease?.metadata.annotations?.[waitersAnnotation] ?? '';
