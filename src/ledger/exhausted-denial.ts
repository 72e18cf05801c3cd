/** What a client reads when a Pod's range has too few free numbers. Pure. */
import {DenialError} from '../errors.ts';
import type {PodDemand} from '../ports/demand.ts';
import {pageName} from '../ports/ledger-page.ts';
import type {LedgerPage} from '../ports/ledger-page.ts';

/**
 * @param free how many numbers of the range are free.
 * @param pages of the ledger. Those that give no ports are named with their reason.
 */
export const exhaustedDenial = ({numbers, basePort, maxPort}: PodDemand, free: number, pages: Iterable<LedgerPage>): DenialError => {
	const closed = [...pages]
		.filter(page => page.unusable && page.first <= maxPort && page.first + page.blockSize > basePort)
		.map(page => `; the ConfigMap ${pageName(page.first)} gives none: ${page.unusable}`);
	return new DenialError(503, `${numbers.length} host ${numbers.length === 1 ? 'port is' : 'ports are'} needed and ${free} of the numbers ${basePort}-${maxPort} are free${closed.join('')}. Raise hostport.io/max-port, choose another hostport.io/base-port, or delete Pods that hold ports`);
};
