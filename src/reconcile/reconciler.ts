/**
 * Keeps the ledger true: one elected replica looks at ledger and cluster, again and again, and repairs what differs. Two at
 * once would be safe, as every repair names the entry that it judged; the election only saves work. A pass that fails
 * changes nothing, and the next one begins anew.
 */
import {isManaged} from '../ports/host-port-use.ts';
import type {ApiClient, WatchEvent} from '../kubernetes/api-client.ts';
import type {KubernetesObject} from '../kubernetes/object.ts';
import {keepWatching, watchSeconds} from '../kubernetes/keep-watching.ts';
import type {LeaseLock} from '../lease/lease-lock.ts';
import {RepairPass} from './repair-pass.ts';
import type {RepairPassOptions} from './repair-pass.ts';
import {Wakeup} from '../wakeup.ts';

export type ReconcilerOptions = RepairPassOptions & {
	readonly api: Pick<ApiClient, 'get' | 'list' | 'watch'>;
	/** Of the Lease `hostport-reconciler`. */
	readonly election: Pick<LeaseLock, 'acquire'>;
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
	readonly #pass: RepairPass;
	readonly #wakeup: Wakeup;
	/** When the next pass begins. */
	#dueAt = 0;

	constructor(options: ReconcilerOptions) {
		this.#options = options;
		this.#pass = new RepairPass(options);
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
		const {clock, logger} = this.#options;
		const watching = ['/api/v1/pods', '/api/v1/services'].map(async path => this.#watch(path, signal));
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
				const nextDue = await this.#pass.run(AbortSignal.any([signal, clock.deadline(passBudgetMs)]));
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

		this.#pass.forget();
		await Promise.all(watching);
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
