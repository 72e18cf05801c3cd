/** One look at ledger and cluster, and the repair of what differs. */
import type {Logger} from 'pino';
import {entryStates, parseEntryKey} from '../ports/ledger-entry.ts';
import {pageOf} from '../ports/ledger-page.ts';
import type {LedgerPage} from '../ports/ledger-page.ts';
import {countEntries, countFree} from '../ports/port-counts.ts';
import type {PortRange} from '../ports/port-range.ts';
import {planPass} from '../ports/repair.ts';
import type {Duplicate, Repair} from '../ports/repair.ts';
import {withWritten} from '../ports/sightings.ts';
import type {Sightings} from '../ports/sightings.ts';
import type {Metrics} from '../metrics.ts';
import type {ApiClient} from '../kubernetes/api-client.ts';
import {timestamp} from '../clock.ts';
import type {Clock} from '../clock.ts';
import type {LedgerPages} from '../ledger/ledger.ts';
import type {LedgerStore} from '../ledger/reservations.ts';
import {listHostPortsInUse} from '../ledger/host-ports-in-use.ts';

export type RepairPassOptions = {
	readonly api: Pick<ApiClient, 'list'>;
	readonly pages: LedgerPages;
	readonly store: Pick<LedgerStore, 'repair'>;
	readonly clock: Clock;
	readonly logger: Logger;
	readonly holdMs: number;
	/** What the administrator allows, merged and sorted: by these the metrics count. */
	readonly ranges: readonly PortRange[];
	readonly mintClaim: () => string;
	readonly metrics: Pick<Metrics, 'repairs' | 'entries' | 'freePorts' | 'rangePorts' | 'duplicates' | 'lastPass'>;
	/** Is told of ports that several Pods have, each time that a pass finds them. */
	readonly reportDuplicates: (duplicates: readonly Duplicate[], signal: AbortSignal) => Promise<void>;
};

export class RepairPass {
	readonly #options: RepairPassOptions;
	/** By key. Of this process alone: ages are counted by its own clock, so a new leader counts anew. */
	#sightings: Sightings = new Map();

	constructor(options: RepairPassOptions) {
		this.#options = options;
	}

	/**
	 * Ledger first, then the cluster: what the list does not show of an entry that was read before it is not there.
	 *
	 * @returns when the next one has something to do, on the clock, if that is known.
	 * @throws what a read or write failed with: then the next pass judges anew.
	 */
	async run(signal: AbortSignal): Promise<number | undefined> {
		const {api, pages, store, clock, logger, holdMs, mintClaim, metrics, reportDuplicates} = this.#options;
		logger.debug('a pass begins');
		const snapshot = await pages.readAll(signal);
		// What was read is at least as old as this, and the list that follows is younger: an age is never overrated.
		const now = clock.now();
		const uses = await listHostPortsInUse(api, signal);
		const {repairs, sightings, duplicates, nextDue} = planPass({
			pages: snapshot,
			blockSize: pages.known.blockSize,
			uses,
			sightings: this.#sightings,
			now,
			holdMs,
			since: timestamp(clock.date()),
			mintClaim,
		});
		this.#sightings = sightings;
		this.#measure(snapshot, sightings, duplicates);
		await reportDuplicates(duplicates, signal);
		if (repairs.length === 0) {
			return nextDue;
		}

		const applied: Repair[] = [];
		// One page after the other: a Pod that comes meanwhile waits for one write, not for all of them.
		for (const ofPage of Map.groupBy(repairs, ({key}) => pageOf(parseEntryKey(key)!.port, pages.known.blockSize)).values()) {
			applied.push(...await store.repair(ofPage, signal));
		}

		const counts = Map.groupBy(applied, ({reason}) => reason).entries().map(([reason, list]) => [reason, list.length] as const);
		for (const {reason} of applied) {
			metrics.repairs.inc({reason});
		}

		logger.info({...Object.fromEntries(counts), overtaken: repairs.length - applied.length}, 'repaired');
		const released = applied.flatMap(({key, reason, next}) => reason === 'release' && next ? [[key, next] as const] : []);
		this.#sightings = withWritten(sightings, released, clock.now());
		return released.length > 0 ? Math.min(nextDue ?? Infinity, clock.now() + holdMs) : nextDue;
	}

	/** Another replica leads: what this one has seen and counted is no longer so. */
	forget(): void {
		const {metrics} = this.#options;
		this.#sightings = new Map();
		for (const gauge of [metrics.entries, metrics.freePorts, metrics.rangePorts, metrics.duplicates, metrics.lastPass]) {
			gauge.reset();
		}
	}

	#measure(snapshot: ReadonlyMap<number, LedgerPage>, sightings: Sightings, duplicates: readonly Duplicate[]): void {
		const {metrics, clock, ranges} = this.#options;
		for (const {state, range, count} of countEntries(sightings, entryStates, ranges)) {
			metrics.entries.set({state, range}, count);
		}

		for (const {range, free, size} of countFree(snapshot, this.#options.pages.known.blockSize, ranges)) {
			metrics.freePorts.set({range}, free);
			metrics.rangePorts.set({range}, size);
		}

		metrics.duplicates.set(duplicates.length);
		metrics.lastPass.set(clock.date().getTime() / 1000);
	}
}
