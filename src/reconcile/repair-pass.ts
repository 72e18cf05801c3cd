/** One comparison of the ledger with the cluster, and the repair of what differs. */
import type {Logger} from 'pino';
import {entryStates} from '../ports/ledger-entry.ts';
import {pageOfKey} from '../ports/ledger-page.ts';
import type {LedgerPage} from '../ports/ledger-page.ts';
import {countEntries, countFree} from '../ports/port-counts.ts';
import type {AllowedRange} from '../ports/port-range.ts';
import {planPass} from '../ports/repair.ts';
import type {Duplicate, Pass, Repair} from '../ports/repair.ts';
import {withWritten} from '../ports/sightings.ts';
import type {Sightings} from '../ports/sightings.ts';
import type {Metrics} from '../metrics.ts';
import type {ApiClient} from '../kubernetes/api-client.ts';
import {timestamp} from '../clock.ts';
import type {Clock} from '../clock.ts';
import type {NewPages} from '../ledger/new-pages.ts';
import type {Reservations} from '../ledger/reservations.ts';
import {listHostPortsInUse} from '../ledger/host-ports-in-use.ts';

export type RepairPassOptions = {
	readonly api: Pick<ApiClient, 'list'>;
	readonly newPages: Pick<NewPages, 'readAll'>;
	/** Port numbers in a page. */
	readonly blockSize: number;
	readonly reservations: Pick<Reservations, 'repair'>;
	readonly clock: Clock;
	readonly logger: Logger;
	readonly holdMs: number;
	/** What the administrator allows, merged and sorted. The metrics count by these ranges. */
	readonly ranges: readonly AllowedRange[];
	readonly mintClaim: () => string;
	readonly metrics: Pick<Metrics, 'repairs' | 'entries' | 'freePorts' | 'rangePorts' | 'duplicates' | 'lastPass'>;
	/** Called in each pass with the ports that several Pods have. */
	readonly reportDuplicates: (duplicates: readonly Duplicate[], signal: AbortSignal) => Promise<void>;
};

export class RepairPass {
	readonly #options: RepairPassOptions;
	#sightings: Sightings = new Map();

	constructor(options: RepairPassOptions) {
		this.#options = options;
	}

	/**
	 * Runs one pass. It reads the ledger first: a Pod that was stored by then is in the list, so an entry without its Pod belongs
	 * to one that is gone or not stored yet.
	 *
	 * @returns when the next hold time is over, on the monotonic clock; undefined if no entry is held.
	 * @throws the error of the read or write that failed. What was repaired until then stays, and the next pass plans again.
	 */
	async run(signal: AbortSignal): Promise<number | undefined> {
		const {api, newPages, blockSize, clock, logger, holdMs, mintClaim, reportDuplicates} = this.#options;
		logger.debug('a pass begins');
		const snapshot = await newPages.readAll(signal);
		// Taken before the list: the age of an entry must not include the time after the list began.
		const now = clock.now();
		const uses = await listHostPortsInUse(api, signal);
		const pass = planPass({
			pages: snapshot,
			blockSize,
			uses,
			sightings: this.#sightings,
			now,
			holdMs,
			since: timestamp(clock.date()),
			mintClaim,
		});
		this.#sightings = pass.sightings;
		this.#measure(snapshot, pass);
		await reportDuplicates(pass.duplicates, signal);
		const applied = await this.#repair(pass.repairs, signal);
		const released = applied.flatMap(({key, reason, next}) => reason === 'release' && next ? [[key, next] as const] : []);
		this.#sightings = withWritten(pass.sightings, released, clock.now());
		return released.length > 0 ? Math.min(pass.nextDue ?? Infinity, clock.now() + holdMs) : pass.nextDue;
	}

	/** Clears sightings and gauges, because another replica reconciles from now on. */
	forget(): void {
		const {metrics} = this.#options;
		this.#sightings = new Map();
		for (const gauge of [metrics.entries, metrics.freePorts, metrics.rangePorts, metrics.duplicates, metrics.lastPass]) {
			gauge.reset();
		}
	}

	#measure(snapshot: ReadonlyMap<number, LedgerPage>, {sightings, duplicates}: Pass): void {
		const {metrics, clock, ranges, blockSize} = this.#options;
		for (const {state, range, count} of countEntries(sightings, entryStates, ranges)) {
			metrics.entries.set({state, range}, count);
		}

		for (const {range, free, size} of countFree(snapshot, blockSize, ranges)) {
			metrics.freePorts.set({range}, free);
			metrics.rangePorts.set({range}, size);
		}

		metrics.duplicates.set(duplicates.length);
		metrics.lastPass.set(clock.date().getTime() / 1000);
	}

	/** @returns the repairs that were written; the entries of the others have changed since they were judged. */
	async #repair(repairs: readonly Repair[], signal: AbortSignal): Promise<readonly Repair[]> {
		if (repairs.length === 0) {
			return [];
		}

		const {reservations, blockSize, logger, metrics} = this.#options;
		const applied: Repair[] = [];
		// Page by page, so that an admission waits for one write at most.
		for (const ofPage of Map.groupBy(repairs, ({key}) => pageOfKey(key, blockSize)).values()) {
			applied.push(...await reservations.repair(ofPage, signal));
		}

		for (const {reason} of applied) {
			metrics.repairs.inc({reason});
		}

		const counts = Map.groupBy(applied, ({reason}) => reason).entries().map(([reason, list]) => [reason, list.length] as const);
		logger.info({...Object.fromEntries(counts), overtaken: repairs.length - applied.length}, 'repaired');
		return applied;
	}
}
