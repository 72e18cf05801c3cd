/** Plans with the pages as they are known, and tells what must be known better: for those who commit, and for dry runs. */
import {DenialError} from '../errors.ts';
import type {PendingRequest} from '../ports/allocator.ts';
import {planBatch} from '../ports/batch-plan.ts';
import type {Batch, BatchPlan} from '../ports/batch-plan.ts';
import type {PodDemand} from '../ports/demand.ts';
import {pageName} from '../ports/ledger-page.ts';
import type {LedgerPage} from '../ports/ledger-page.ts';
import type {Repair} from '../ports/repair.ts';
import {timestamp} from '../clock.ts';
import type {Clock} from '../clock.ts';
import {needsOf} from './required-reads.ts';
import type {Needs, Waited} from './required-reads.ts';
import type {KnownLedger} from './ledger-cache.ts';

export type LedgerPlannerOptions = {
	readonly known: KnownLedger;
	readonly clock: Clock;
	/** Uniform in [0, 1). */
	readonly random: () => number;
};

/** How often to look whether a page has been opened. */
const openingRetryMs = 50;

export class LedgerPlanner {
	readonly #options: LedgerPlannerOptions;

	constructor(options: LedgerPlannerOptions) {
		this.#options = options;
	}

	/** See `planBatch`. */
	plan<R extends PendingRequest>(pages: ReadonlyMap<number, LedgerPage>, batch: Batch<R>): BatchPlan<R> {
		const {known, random, clock} = this.#options;
		return planBatch(pages, known.blockSize, batch, random, timestamp(clock.date()));
	}

	/** See `needsOf`. */
	needs(plan: BatchPlan<PendingRequest & Waited>, repairs: readonly Repair[], since: number, startedAt: number): Needs {
		const {known, clock} = this.#options;
		return needsOf({plan, repairs, blockSize: known.blockSize, existingBetween: (base, max) => known.existingBetween(base, max), since, startedAt, now: clock.now()});
	}

	/** Whether somebody has no ports only because pages of his range were just made and are not open yet. Then waits a moment. */
	async waitsForOpening({requests}: BatchPlan<PendingRequest>, signal: AbortSignal): Promise<boolean> {
		const {known, clock} = this.#options;
		const isOpening = requests.some(({request: {demand: {basePort, maxPort}}, outcome}) =>
			outcome.kind === 'exhausted' && known.forgetOpening(basePort, maxPort).length > 0);
		if (isOpening) {
			await clock.sleep(openingRetryMs, signal);
		}

		return isOpening;
	}

	/** What a Pod is told whose range has only so many free numbers. */
	exhausted({numbers, basePort, maxPort}: PodDemand, free: number): DenialError {
		const closed = [...this.#options.known.pages.values()]
			.filter(page => page.unusable && page.first <= maxPort && page.first + page.blockSize > basePort)
			.map(page => `; the ConfigMap ${pageName(page.first)} gives none: ${page.unusable}`);
		return new DenialError(503, `${numbers.length} host ${numbers.length === 1 ? 'port is' : 'ports are'} needed and ${free} of the numbers ${basePort}-${maxPort} are free${closed.join('')}. Raise hostport.io/max-port, choose another hostport.io/base-port, or delete Pods that hold ports`);
	}
}
