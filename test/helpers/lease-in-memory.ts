/** One Lease on an API server in memory, as people see and change it, and replicas' ways to it, which break when a test says so. */
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

	get line(): string {
		return lineOf(this.lease);
	}

	/** What somebody does with `kubectl edit`, or a replica that the test plays. */
	edit(spec: Readonly<Record<string, string | number | null>>, line = this.line): Lease {
		const annotations = {[waitersAnnotation]: line || null};
		return this.lease
			? this.#cluster.patch('Lease', metadata, {metadata: {annotations}, spec})
			: this.#cluster.put('Lease', {metadata: {...metadata, ...(line && {annotations})}, spec});
	}

	remove(): void {
		this.#cluster.remove('Lease', metadata);
	}
}

/**
 * - `refuse`: no connection.
 * - `hang`: no answer until the caller gives up; nothing happens.
 * - `lose`: it happens, but the answer is lost.
 * - `delay`: it happens, and the answer arrives after `deliver`.
 */
export type Fault = 'refuse' | 'hang' | 'lose' | 'delay';

/** One replica's way to the server. */
export class LeaseClient extends ApiInMemory {
	fault: Fault | undefined;
	/** What its writes have made of the Lease: `a [b,c]` for its holder and line. */
	readonly writes: string[] = [];
	#delivery = Promise.withResolvers<void>();

	constructor({server}: ClusterInMemory, name: string) {
		super(server, name);
		server.subscribe(({by, after}) => {
			if (by === name) {
				const lease = after as Lease | undefined;
				this.writes.push(`${lease?.spec?.holderIdentity ?? 'nobody'} [${lineOf(lease)}]`);
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

		return this.fault === 'hang' ? new Promise<void>(() => {}) : undefined;
	};

	override readonly after = async () => {
		if (this.fault === 'lose') {
			throw new TypeError('socket hang up');
		}

		return this.fault === 'delay' ? this.#delivery.promise : undefined;
	};
}

const lineOf = (lease: Lease | undefined): string => lease?.metadata.annotations?.[waitersAnnotation] ?? '';
