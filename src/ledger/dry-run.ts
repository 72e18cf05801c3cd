/** Dry runs: what the ledger would give now. */
import {DenialError, isTransient, messageOf} from '../errors.ts';
import type {PodDemand} from '../ports/demand.ts';
import type {Clock} from '../clock.ts';
import type {LedgerPages} from './ledger.ts';
import type {LedgerPlanner} from './ledger-planner.ts';

export type PreviewOptions = {
	readonly pages: LedgerPages;
	readonly planner: LedgerPlanner;
	readonly clock: Clock;
};

const firstRetryMs = 25;
const lastRetryMs = 1000;

/**
 * Resolves with a number for each `demand.numbers`. Reads, and writes nothing: neither ledger nor Lease.
 *
 * @throws {DenialError} 503 when the range has too few free numbers, the signal is aborted first, or the ledger can't be
 * read.
 */
export const preview = async (options: PreviewOptions, demand: PodDemand, signal: AbortSignal): Promise<readonly number[]> => {
	const {clock} = options;
	const startedAt = clock.now();
	let lastFailure = 'the ledger had to be read';
	for (let retryMs = firstRetryMs; ; retryMs = Math.min(retryMs * 2, lastRetryMs)) {
		try {
			return await previewOnce(options, demand, startedAt, signal);
		} catch (error) {
			if (error instanceof DenialError) {
				throw error;
			}

			if (signal.aborted) {
				throw new DenialError(503, `no host ports could be found in time (${lastFailure}): try again`, {cause: error});
			}

			lastFailure = messageOf(error);
			if (!isTransient(error)) {
				throw new DenialError(503, `no host ports could be found: ${lastFailure}`, {cause: error});
			}

			await clock.sleep(retryMs, signal);
		}
	}
};

const previewOnce = async ({pages, planner}: PreviewOptions, demand: PodDemand, startedAt: number, signal: AbortSignal): Promise<readonly number[]> => {
	for (;;) {
		signal.throwIfAborted();
		const plan = planner.plan(pages.known.pages, {requests: [{demand, claim: '', earlierClaims: [], since: startedAt, doubtfulPages: new Set<number>()}], repairs: []});
		const needs = planner.needs(plan, [], startedAt, startedAt);
		if (!pages.known.meets(needs)) {
			await pages.read(needs, signal);
		} else if (!await planner.waitsForOpening(plan, signal)) {
			const {outcome} = plan.requests[0]!;
			if (outcome.kind === 'allocated') {
				return outcome.numbers;
			}

			throw planner.exhausted(demand, outcome.free);
		}
	}
};
