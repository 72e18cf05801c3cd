/** What a client reads when a Pod's range has too few free numbers. Pure. */
import {DenialError} from '../errors.ts';
import type {PodDemand} from '../ports/demand.ts';
import {pageName} from '../ports/ledger-page.ts';
import type {LedgerPage} from '../ports/ledger-page.ts';
import {countNumbers} from '../ports/port-range.ts';
import {countHolders} from '../ports/range-use.ts';

/** Pages without ports that are named with their reasons. A range may have more than a hundred, and an Event has 1,024 characters. */
const maximumNamedPages = 2;

type ExhaustedOptions = {readonly holdMs: number; readonly longestRun?: number | undefined; readonly isPageFailing?: boolean};

/**
 * A 403, as for a quota: not the operator is at fault, and the API server does not count it as its own failure. The message
 * tells live, held and foreign numbers apart, because each needs something else.
 *
 * @param free how many numbers of the range are free.
 * @param pages of the ledger. Those that give no ports are named with their reason.
 * @param options `holdMs`: how long a number is held for a Pod that is gone, or that is not stored yet. `longestRun`: the length
 * of the longest free run, if the Pod must have one. `isPageFailing`: the operator can't use a page of the range, so the client is
 * not at fault, and the code is 503.
 */
export const exhaustedDenial = (demand: PodDemand, free: number, pages: Iterable<LedgerPage>, {holdMs, longestRun, isPageFailing = false}: ExhaustedOptions): DenialError => {
	const {numbers: {length: needed}, basePort, maxPort, excluded = []} = demand;
	const inRange = [...pages].filter(({first, blockSize}) => first <= maxPort && first + blockSize > basePort);
	const {live, held, foreign} = countHolders(demand, inRange);
	const reasons = [
		...(live > 0 ? [`live Pods have ${live}`] : []),
		...(held > 0 ? [`${held} ${held === 1 ? 'is' : 'are'} held for Pods that are gone or not stored yet`] : []),
		...(foreign > 0 ? [`Pods or Services that the operator does not manage have ${foreign}`] : []),
		...(excluded.length > 0 ? [`the administrator excludes ${countNumbers(excluded)} (--exclude-ports)`] : []),
		...unusablePages(inRange),
	];
	const advice = [
		...(inRange.some(({quarantined}) => quarantined) ? [`wait until the ConfigMaps in quarantine give ports, which takes about ${Math.ceil(holdMs / 1000)} s`] : []),
		...(held > 0 ? [`wait until the held ones become free, about ${Math.ceil(holdMs / 1000)} s after their Pods are gone or were rejected`] : []),
		'raise hostport.io/max-port',
		'choose another hostport.io/base-port',
		...(live > 0 ? ['delete Pods that hold ports'] : []),
	];
	const because = reasons.length > 0 ? `: ${reasons.join('; ')}` : '';
	const shortage = longestRun === undefined
		? `${needed} host ${needed === 1 ? 'port is' : 'ports are'} needed and ${free} of the numbers ${basePort}-${maxPort} are free`
		: `${needed} consecutive host ports are needed (hostport.io/contiguous), the longest free run of the numbers ${basePort}-${maxPort} has ${longestRun}, and ${free} are free`;
	return new DenialError(isPageFailing ? 503 : 403, `${shortage}${because}. ${sentenceOf(advice)}`, {reason: isPageFailing ? 'unavailable' : 'exhausted'});
};

const unusablePages = (pages: readonly LedgerPage[]): string[] => {
	const unusable = pages.filter(page => page.unusable);
	const more = unusable.length - maximumNamedPages;
	return [
		...unusable.slice(0, maximumNamedPages).map(page => `the ConfigMap ${pageName(page.first)} gives none: ${page.unusable}`),
		...(more > 0 ? [`${more} more ConfigMaps give none`] : []),
	];
};

/** `Raise a, choose b, or delete c` */
const sentenceOf = (advice: readonly string[]): string => {
	const text = `${advice.slice(0, -1).join(', ')}, or ${advice.at(-1)}`;
	return text.charAt(0).toUpperCase() + text.slice(1);
};
