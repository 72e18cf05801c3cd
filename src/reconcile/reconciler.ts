/**
 * Keeps the ledger in step with the cluster: one elected replica compares them in passes and repairs what differs. Two
 * reconcilers at once would be safe, as every repair names the entry that it judged; the election only saves work. A pass
 * that fails is repeated.
 */
import {isManaged} from '../ports/host-port-use.ts';
import type {ApiClient, WatchEvent} from '../kubernetes/api-client.ts';
import type {KubernetesObject} from '../kubernetes/object.ts';
import {keepWatching, watchSeconds} from '../kubernetes/keep-watching.ts';
import type {LeaseLock} from '../lease/lease-lock.ts';
import {ForeignPorts} from './foreign-ports.ts';
import type {ForeignPortsOptions} from './foreign-ports.ts';
import {RepairPass} from './repair-pass.ts';
import type {RepairPassOptions} from './repair-pass.ts';
import {pauseAfter} from '../retry.ts';
import {Wakeup} from '../wakeup.ts';

type ReconcilerOptions = RepairPassOptions & ForeignPortsOptions & {
	readonly api: Pick<ApiClient, 'get' | 'find' | 'list' | 'watch'>;
	/** Of the Lease `hostport-reconciler`. */
	readonly election: Pick<LeaseLock, 'acquire'>;
};

/** The shortest rest between two passes: one pass handles the events of that time, and one write binds many Pods. */
const minIntervalMs = 5000;

/** The rest after a pass, as a multiple of its duration: so listing a large cluster takes about a tenth of the time. */
const restFactor = 10;

/** The same after a pass that failed, which may have taken long only because the API server was down. */
const restFactorAfterFailure = 1;

/**
 * A pass follows within this time when a Pod changes, or when a new Pod has its ports from us. Neither is urgent: most changes
 * do not concern us, a Pod that ends (Succeeded, Failed) can wait, and the ports of a new Pod are in the ledger already.
 */
const changeDelayMs = 30_000;

/**
 * The longest time between two passes, because events get lost, and a Pod that is rejected after its admission causes none.
 * Its ports must be free after 200 s, of which 120 s are the hold time.
 */
const maxIntervalMs = 60_000;

/** A list of all Pods takes seconds in a large cluster. */
const passTimeoutMs = 60_000;

const watchRetryMs = 1000;

export class Reconciler {
	readonly #options: ReconcilerOptions;
	readonly #pass: RepairPass;
	readonly #foreignPorts: ForeignPorts;
	readonly #wakeup: Wakeup;
	/** When the next pass begins, on the monotonic clock. */
	#dueAt = 0;

	constructor(options: ReconcilerOptions) {
		this.#options = options;
		this.#pass = new RepairPass(options);
		this.#foreignPorts = new ForeignPorts(options);
		this.#wakeup = new Wakeup(options.clock);
	}

	/** Waits for its election, and reconciles while elected, until the signal aborts. Never rejects. */
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
			this.#dueAt = startedAt + maxIntervalMs;
			let factor = restFactor;
			let leastRestMs = minIntervalMs;
			try {
				const nextDue = await this.#pass.run(AbortSignal.any([signal, clock.deadline(passTimeoutMs)]));
				this.#dueAt = Math.min(this.#dueAt, nextDue ?? Infinity);
			} catch (error) {
				if (!signal.aborted) {
					logger.warn({err: error}, 'the ledger could not be compared with the cluster: trying again');
					this.#passWithin(0);
				}

				factor = restFactorAfterFailure;
				leastRestMs = pauseAfter(error, minIntervalMs);
			}

			const restMs = Math.max(leastRestMs, factor * (clock.now() - startedAt));
			await clock.sleep(Math.min(restMs, maxIntervalMs), signal);
		}

		this.#pass.forget();
		await Promise.all(watching);
	}

	/** Watches Pods or Services. An event brings the next pass forward; ports of new ones without the operator are entered at once. */
	async #watch(path: string, signal: AbortSignal): Promise<void> {
		const {clock, logger} = this.#options;
		return keepWatching({
			clock,
			signal,
			restMs: watchRetryMs,
			start: () => this.#events(path, signal),
			onEvent: event => {
				this.#foreignPorts.noticed(path, event, signal);
				this.#passWithin(delayMsAfter(event));
			},
			onBroken: error => logger.warn({err: error}, `the watch of ${path} ended: starting it again`),
		});
	}

	async * #events(path: string, signal: AbortSignal): AsyncGenerator<WatchEvent<KubernetesObject>> {
		const {api} = this.#options;
		const {metadata: {resourceVersion}} = await api.get<{metadata: {resourceVersion: string}}>(`${path}?limit=1`, {signal, metadataOnly: 'list'});
		// This watch has no events from before its start, so a pass must look for what happened until now.
		this.#passWithin(0);
		yield * api.watch<KubernetesObject>(`${path}?resourceVersion=${resourceVersion}`, {signal, timeoutSeconds: watchSeconds, metadataOnly: true});
	}

	/** Brings the next pass forward, if it would begin later. */
	#passWithin(ms: number): void {
		this.#dueAt = Math.min(this.#dueAt, this.#options.clock.now() + ms);
		this.#wakeup.notify();
	}
}

/** How long the pass after an event may wait. Deletions are urgent, as they free ports, and so are new foreign Pods, as they may take some. */
const delayMsAfter = ({type, object}: WatchEvent<KubernetesObject>): number => {
	const canWait = type === 'MODIFIED' || (type === 'ADDED' && isManaged(object));
	return canWait ? changeDelayMs : 0;
};
