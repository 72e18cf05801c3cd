/** One comparison of the ledger with the cluster, and the repair of what differs. */
import type {Logger} from 'pino';
import {entryStates} from '../ports/ledger-entry.ts';
import type {PodWithoutPorts} from '../ports/host-port-use.ts';
import {pageName, pageOfKey} from '../ports/ledger-page.ts';
import {countEntries, countFree} from '../ports/port-counts.ts';
import type {AllowedRange} from '../ports/port-range.ts';
import {duplicateKinds, planPass} from '../ports/repair.ts';
import type {Duplicate, Repair} from '../ports/repair.ts';
import {withWritten} from '../ports/sightings.ts';
import type {Sightings} from '../ports/sightings.ts';
import type {Metrics} from '../metrics.ts';
import type {ApiClient} from '../kubernetes/api-client.ts';
import {timestamp} from '../clock.ts';
import type {Clock} from '../clock.ts';
import type {LedgerSnapshot, NewPages} from '../ledger/new-pages.ts';
import type {Reservations} from '../ledger/reservations.ts';
import {surveyHostPorts} from '../ledger/host-ports-in-use.ts';

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
	readonly metrics: Pick<Metrics, 'repairs' | 'entries' | 'freePorts' | 'rangePorts' | 'duplicates' | 'podsWithoutPorts' | 'pageFailures' | 'lastPass'>;
	/** Called at the end of each pass with the ports that several Pods have. */
	readonly reportDuplicates: (duplicates: readonly Duplicate[], signal: AbortSignal) => Promise<void>;
	/** Called at the end of each pass with the Pods that ask for ports and have none. */
	readonly reportPodsWithoutPorts: (pods: readonly PodWithoutPorts[], signal: AbortSignal) => Promise<void>;
};

/**
 * A pass follows within this time when a page has failed: the failure may last (a ConfigMap can be immutable), and a pass lists
 * all Pods. Also when ports were missing in the ledger: only the next pass can tell which of them several Pods have.
 */
const followUpMs = 15_000;

export class RepairPass {
	readonly #options: RepairPassOptions;
	#sightings: Sightings = new Map();
	/** First ports of the pages that failed in the last pass, also if that did not end in time. */
	#failedPages = new Set<number>();

	constructor(options: RepairPassOptions) {
		this.#options = options;
	}

	/**
	 * Runs one pass. It reads the ledger first: a Pod that was stored by then is in the list, so an entry without its Pod belongs
	 * to one that is gone or not stored yet.
	 *
	 * A page that can't be read or written does not keep the pass from the others. It is counted and logged, and the next pass tries
	 * again. Repairs come before Events, which must not use up the time of the pass.
	 *
	 * @returns when the next pass is due, on the monotonic clock: when the next hold time is over, or soon, to follow up;
	 * undefined if neither is the case.
	 * @throws the error if the index, the Pods or the Services can't be read, or the signal's reason. What was repaired until then
	 * stays, and the next pass plans again.
	 */
	async run(signal: AbortSignal): Promise<number | undefined> {
		const {api, newPages, blockSize, clock, logger, metrics, holdMs, mintClaim, reportDuplicates, reportPodsWithoutPorts} = this.#options;
		logger.debug('a pass begins');
		const snapshot = await newPages.readAll(signal);
		// Taken before the list: the age of an entry must not include the time after the list began.
		const now = clock.now();
		const {uses, podsWithoutPorts} = await surveyHostPorts(api, signal);
		const pass = planPass({
			pages: snapshot.pages,
			blockSize,
			uses,
			sightings: this.#sightings,
			now,
			holdMs,
			since: timestamp(clock.date()),
			mintClaim,
		});
		this.#sightings = pass.sightings;
		this.#measure(snapshot, pass.duplicates, podsWithoutPorts.length);
		const {applied, failures} = await this.#repair(pass.repairs, signal);
		const released = applied.flatMap(({key, reason, next}) => reason === 'release' && next ? [[key, next] as const] : []);
		this.#sightings = withWritten(pass.sightings, released, clock.now());
		this.#tellFailures(new Map([...snapshot.failures, ...failures]));
		const due = [
			...(pass.nextDue === undefined ? [] : [pass.nextDue]),
			...(released.length > 0 ? [clock.now() + holdMs] : []),
			...(this.#failedPages.size > 0 || applied.some(({reason}) => reason === 'adopt') ? [clock.now() + followUpMs] : []),
		];
		await reportDuplicates(pass.duplicates, signal);
		await reportPodsWithoutPorts(podsWithoutPorts, signal);
		metrics.lastPass.set(clock.date().getTime() / 1000);
		return due.length > 0 ? Math.min(...due) : undefined;
	}

	/** Clears sightings and gauges, because another replica reconciles from now on. */
	forget(): void {
		const {metrics} = this.#options;
		this.#sightings = new Map();
		for (const gauge of [metrics.entries, metrics.freePorts, metrics.rangePorts, metrics.podsWithoutPorts, metrics.lastPass]) {
			gauge.reset();
		}

		this.#countDuplicates([]);
	}

	#measure({pages, failures}: LedgerSnapshot, duplicates: readonly Duplicate[], podsWithoutPorts: number): void {
		const {metrics, ranges, blockSize} = this.#options;
		this.#countDuplicates(duplicates);
		metrics.podsWithoutPorts.set(podsWithoutPorts);
		if (failures.size > 0) {
			// The entries of these pages are unknown: the last counts are nearer to the truth than counts without them.
			return;
		}

		for (const {state, range, count} of countEntries(this.#sightings, entryStates, ranges)) {
			metrics.entries.set({state, range}, count);
		}

		for (const {range, free, size} of countFree(pages, blockSize, ranges)) {
			metrics.freePorts.set({range}, free);
			metrics.rangePorts.set({range}, size);
		}
	}

	#countDuplicates(duplicates: readonly Duplicate[]): void {
		for (const kind of duplicateKinds) {
			this.#options.metrics.duplicates.set({kind}, duplicates.filter(duplicate => duplicate.kind === kind).length);
		}
	}

	#tellFailures(failures: ReadonlyMap<number, unknown>): void {
		const {metrics, logger} = this.#options;
		for (const [first, error] of failures) {
			metrics.pageFailures.inc({page: pageName(first)});
			logger.warn({err: error}, `the ConfigMap ${pageName(first)} could not be reconciled with the cluster: trying again in the next pass`);
		}

		this.#failedPages = new Set(failures.keys());
	}

	/** Writes page by page, so that an admission waits for one write at most. Pages that have failed before come last: a page may take until its request times out. */
	async #repair(repairs: readonly Repair[], signal: AbortSignal): Promise<RepairResult> {
		const {reservations, blockSize, logger, metrics} = this.#options;
		const applied: Repair[] = [];
		const failures = new Map<number, unknown>();
		const byPage = [...Map.groupBy(repairs, ({key}) => pageOfKey(key, blockSize))];
		for (const [first, ofPage] of byPage.toSorted(([a], [b]) => Number(this.#failedPages.has(a)) - Number(this.#failedPages.has(b)))) {
			try {
				applied.push(...await reservations.repair(ofPage, signal));
			} catch (error) {
				this.#failedPages.add(first);
				signal.throwIfAborted();
				failures.set(first, error);
			}
		}

		for (const {reason} of applied) {
			metrics.repairs.inc({reason});
		}

		if (repairs.length > 0) {
			const counts = Map.groupBy(applied, ({reason}) => reason).entries().map(([reason, list]) => [reason, list.length] as const);
			const failed = byPage.reduce((sum, [first, ofPage]) => sum + (failures.has(first) ? ofPage.length : 0), 0);
			logger.info({...Object.fromEntries(counts), overtaken: repairs.length - applied.length - failed, ...(failed > 0 && {failed})}, 'repaired');
		}

		return {applied, failures};
	}
}

type RepairResult = {
	/** The repairs that were written. The entries of the others have changed since they were judged, or their page failed. */
	readonly applied: readonly Repair[];
	/** What pages failed with, by first port. */
	readonly failures: ReadonlyMap<number, unknown>;
};
