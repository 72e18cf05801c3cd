/** Dry runs: the numbers that the ledger would give now. Reads, and writes neither ledger nor Lease. */
import type {Clock} from '../clock.ts';
import {DenialError, isTransient, messageOf} from '../errors.ts';
import type {PodDemand} from '../ports/demand.ts';
import {retry} from '../retry.ts';
import {denialOf} from './denial.ts';
import type {Ledger} from './ledger.ts';
import {planWithFreshPages} from './plan-with-fresh-pages.ts';
import type {TimedRequest} from './required-reads.ts';

export type DryRunOptions = {
	readonly ledger: Ledger;
	readonly clock: Clock;
	/** Uniform in [0, 1). */
	readonly random: () => number;
	/** How long a port is held for a Pod that is gone or not stored yet; for messages. */
	readonly holdMs: number;
};

/**
 * Resolves with one number for each element of `demand.numbers`.
 *
 * @throws {DenialError} 403 when the range has too few free numbers or another Pod has the number of an unmanaged port, 503 when
 * the signal is aborted first or the ledger can't be read.
 */
export const dryRun = async ({ledger, clock, random, holdMs}: DryRunOptions, demand: PodDemand, signal: AbortSignal): Promise<readonly number[]> => {
	const startedAt = clock.now();
	const request: TimedRequest = {demand, claim: '', earlierClaims: [], arrivedAt: startedAt, unconfirmedPages: new Set()};
	const plan = async () => planWithFreshPages({
		cache: ledger.cache, clock, random, startedAt, signal,
		soleHolderSince: startedAt,
		takeBatch: () => ({requests: [request], repairs: []}),
		read: async (required, signal) => ledger.read(required, signal),
	});

	let lastFailure = 'the ledger had to be read';
	const onFailure = (error: unknown) => {
		lastFailure = messageOf(error);
		if (!isTransient(error)) {
			throw new DenialError(503, `no host ports could be found: ${lastFailure}`, {cause: error});
		}
	};

	const {plan: {requests: [planned]}} = await retry(plan, {clock, random, firstMs: 25, longestMs: 1000, onFailure, signal}).catch((error: unknown) => {
		throw signal.aborted ? new DenialError(503, `no host ports could be found in time (${lastFailure}): try again`, {cause: error, reason: 'timeout'}) : error;
	});
	const {outcome} = planned!;
	if (outcome.kind !== 'allocated') {
		const {cache} = ledger;
		throw denialOf(demand, outcome, {pages: cache.pagesForPlan().values(), blockSize: cache.blockSize, holdMs, isPageFailing: cache.failures.concerning(demand).length > 0});
	}

	return outcome.numbers;
};
