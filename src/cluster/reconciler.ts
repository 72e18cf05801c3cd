/**
 * Keeps the ledger true: one elected replica looks at ledger and cluster, again and again, and repairs what differs. Two at
 * once would be safe, as every repair names the entry that it judged; the election only saves work. A pass that fails
 * changes nothing, and the next one begins anew.
 */
import type {Logger} from 'pino';
import {hostPortsOf, isManaged} from '../ports/host-port-use.ts';
import {entryStates, parseEntryKey} from '../ports/ledger-entry.ts';
import {pageOf} from '../ports/ledger-page.ts';
import type {LedgerPage} from '../ports/ledger-page.ts';
import {countEntries, countFree} from '../ports/port-counts.ts';
import type {PortRange} from '../ports/port-range.ts';
import {planPass} from '../ports/repair.ts';
import type {Duplicate, Repair, Sighting} from '../ports/repair.ts';
import type {Metrics} from '../metrics.ts';
import type {ApiClient, KubernetesObject, WatchEvent} from './api-client.ts';
import {timestamp} from './clock.ts';
import type {Clock} from './clock.ts';
import {keepWatching, watchSeconds} from './keep-watching.ts';
import type {LeaseLock} from './lease-lock.ts';
import type {LedgerPages} from './ledger-pages.ts';
import type {LedgerStore} from './ledger-store.ts';
import {listFromPods} from './pods.ts';
import {listNodePorts} from './services.ts';
import {Wakeup} from './wakeup.ts';

export type ReconcilerOptions = {
	readonly api: Pick<ApiClient, 'get' | 'watch'>;
	readonly pages: LedgerPages;
	readonly store: Pick<LedgerStore, 'repair'>;
	/** Of the Lease `hostport-reconciler`. */
	readonly election: Pick<LeaseLock, 'acquire'>;
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

/** Passes are at least so far apart, and ten times as far as the last one took: events gather, and one write binds many Pods. */
const gatherMs = 5000;
const dutyCycle = 10;

/** One that failed may have taken long because the API server was down: the next comes after as long again. */
const failedDutyCycle = 1;

/**
 * Most changes of a Pod are nothing to us; among them is its end (Succeeded, Failed), which is in no hurry. Nor is a new Pod
 * of ours, whose ports are in the ledger already, and only its name and node are not: one pass binds many.
 */
const changePassMs = 30_000;

/**
 * Without any event, for events get lost, and a Pod that is refused after its admission makes none: its ports are to be
 * free 200 s after that, of which 120 are the hold time. However long the last pass took, for it may have waited in vain.
 */
const fullPassMs = 60_000;

/** A list of all Pods of a large cluster takes seconds. */
const passBudgetMs = 60_000;

const rewatchMs = 1000;

export class Reconciler {
	readonly #options: ReconcilerOptions;
	readonly #wakeup: Wakeup;
	/** When the next pass begins. */
	#dueAt = 0;
	/** By key. Of this process alone: ages are counted by its own clock, so a new leader counts anew. */
	#sightings: ReadonlyMap<string, Sighting> = new Map();

	constructor(options: ReconcilerOptions) {
		this.#options = options;
		this.#wakeup = new Wakeup(options.clock);
	}

	/** Stands for election, leads while elected, until the signal is aborted. Never rejects. */
	async run(signal: AbortSignal): Promise<void> {
		const {election, logger} = this.#options;
		while (!signal.aborted) {
			try {
				const tenure = await election.acquire(signal);
				logger.info('reconciling from now on');
				await this.#lead(AbortSignal.any([signal, tenure.signal])).finally(tenure.release);
			} catch (error) {
				logger.debug({err: error}, 'no longer standing for election');
			}
		}
	}

	async #lead(signal: AbortSignal): Promise<void> {
		const {clock, logger, metrics} = this.#options;
		const watching = ['/api/v1/pods', '/api/v1/services'].map(async path => this.#watch(path, signal));
		this.#sightings = new Map();
		this.#dueAt = clock.now();
		while (!signal.aborted) {
			if (clock.now() < this.#dueAt) {
				await this.#wakeup.wait(this.#dueAt - clock.now(), signal);
				continue;
			}

			const startedAt = clock.now();
			this.#dueAt = startedAt + fullPassMs;
			let cycle = dutyCycle;
			try {
				const nextDue = await this.#pass(AbortSignal.any([signal, clock.deadline(passBudgetMs)]));
				this.#dueAt = Math.min(this.#dueAt, nextDue ?? Infinity);
			} catch (error) {
				if (!signal.aborted) {
					logger.warn({err: error}, 'the ledger could not be compared with the cluster: trying again');
					this.#hurry(0);
				}

				cycle = failedDutyCycle;
			}

			const restMs = Math.max(gatherMs, cycle * (clock.now() - startedAt));
			await clock.sleep(Math.min(restMs, fullPassMs), signal);
		}

		for (const gauge of [metrics.entries, metrics.freePorts, metrics.rangePorts, metrics.duplicates, metrics.lastPass]) {
			gauge.reset();
		}

		await Promise.all(watching);
	}

	/** Ledger first, then the cluster: what the list does not show of an entry that was read before it is not there. */
	async #pass(signal: AbortSignal): Promise<number | undefined> {
		const {api, pages, store, clock, logger, holdMs, mintClaim, metrics, reportDuplicates} = this.#options;
		logger.debug('a pass begins');
		const snapshot = await pages.readAll(signal);
		// What was read is at least as old as this, and the list that follows is younger: an age is never overrated.
		const now = clock.now();
		const [hostPorts, nodePorts] = await Promise.all([listFromPods(api, hostPortsOf, signal), listNodePorts(api, signal)]);
		const {repairs, sightings, duplicates, nextDue} = planPass({
			pages: snapshot,
			blockSize: pages.known.blockSize,
			uses: [...hostPorts, ...nodePorts],
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
		const released = applied.filter(({reason}) => reason === 'release');
		this.#sightings = new Map([...sightings, ...released.map(({key, next}) => [key, {claim: next?.claim, state: 'released', firstSeen: clock.now()}] as const)]);
		return released.length > 0 ? Math.min(nextDue ?? Infinity, clock.now() + holdMs) : nextDue;
	}

	#measure(snapshot: ReadonlyMap<number, LedgerPage>, sightings: ReadonlyMap<string, Sighting>, duplicates: readonly Duplicate[]): void {
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

	/** Any change of a Pod or Service may matter; which one does is for the pass to find out. */
	async #watch(path: string, signal: AbortSignal): Promise<void> {
		const {clock, logger} = this.#options;
		return keepWatching({
			clock,
			signal,
			restMs: rewatchMs,
			start: () => this.#events(path, signal),
			onEvent: event => this.#hurry(urgencyMs(event)),
			onBroken: error => logger.warn({err: error}, `the watch of ${path} ended: starting it again`),
		});
	}

	async * #events(path: string, signal: AbortSignal): AsyncGenerator<WatchEvent<KubernetesObject>> {
		const {api} = this.#options;
		const {metadata: {resourceVersion}} = await api.get<{metadata: {resourceVersion: string}}>(`${path}?limit=1`, {signal, metadataOnly: 'list'});
		// What happened before is in no event of this watch; the next pass will see it.
		this.#hurry(0);
		yield * api.watch<KubernetesObject>(`${path}?resourceVersion=${resourceVersion}`, {signal, timeoutSeconds: watchSeconds, metadataOnly: true});
	}

	/** Brings the next pass forward. */
	#hurry(ms: number): void {
		this.#dueAt = Math.min(this.#dueAt, this.#options.clock.now() + ms);
		this.#wakeup.notify();
	}
}

/** How long the pass that an event calls for may wait. What goes frees ports, and a new Pod that is not ours may take some. */
const urgencyMs = ({type, object}: WatchEvent<KubernetesObject>): number => {
	const isInNoHurry = type === 'MODIFIED' || (type === 'ADDED' && isManaged(object));
	return isInNoHurry ? changePassMs : 0;
};
