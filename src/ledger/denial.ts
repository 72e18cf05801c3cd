/** What a client reads when its Pod can't get its ports. Pure. */
import type {DenialError} from '../errors.ts';
import type {Outcome} from '../ports/allocator.ts';
import type {PodDemand} from '../ports/demand.ts';
import type {LedgerPage} from '../ports/ledger-page.ts';
import {exhaustedDenial} from './exhausted-denial.ts';
import {overLimitDenial} from './over-limit-denial.ts';
import {ownPortDenial} from './own-port-denial.ts';

export type Refusal = Exclude<Outcome, {readonly kind: 'allocated'}>;

export type DenialContext = {
	/** Of the ledger. */
	readonly pages: Iterable<LedgerPage>;
	/** Port numbers in a page. */
	readonly blockSize: number;
	/** How long a number is held for a Pod that is gone, or that is not stored yet. */
	readonly holdMs: number;
	/** Whether a page of which the Pod could have got numbers can't be read or written. */
	readonly isPageFailing: boolean;
};

/** The denial of a request whose outcome is not `allocated`. */
export const denialOf = (demand: PodDemand, refusal: Refusal, {pages, blockSize, holdMs, isPageFailing}: DenialContext): DenialError => {
	switch (refusal.kind) {
		case 'exhausted':
			return exhaustedDenial(demand, refusal.free, pages, {holdMs, longestRun: refusal.longestRun, isPageFailing});
		case 'over limit':
			return overLimitDenial(refusal, holdMs);
		default:
			return ownPortDenial(refusal, blockSize, holdMs);
	}
};
