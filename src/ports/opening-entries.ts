/** What a page must say of the ports in use before it gives ports. Pure. */
import {observe} from './entry-states.ts';
import type {TransitionInput} from './entry-states.ts';
import type {HostPortUse} from './host-port-use.ts';
import {entryKey} from './ledger-entry.ts';
import type {LedgerEntry} from './ledger-entry.ts';
import {pageOf} from './ledger-page.ts';
import type {LedgerPage, PageChanges} from './ledger-page.ts';

/**
 * Entries for the ports in use that the page lacks, and for those whose entry names another Pod: in a copy it may name one that
 * has gone, whose successor of the same name would take the port over. All else stays as it is.
 *
 * @param inUse of the whole cluster.
 */
export const openingEntries = ({first, blockSize, entries, damaged}: LedgerPage, inUse: readonly HostPortUse[], input: TransitionInput): PageChanges => {
	const occupied = new Set(damaged.map(({key}) => key));
	const changes = new Map<string, LedgerEntry | undefined>();
	const ofPage = inUse.filter(({port}) => pageOf(port, blockSize) === first);
	for (const [key, uses] of Map.groupBy(ofPage, ({port, protocol}) => entryKey(port, protocol))) {
		const entry = entries.get(key);
		const change = !occupied.has(key) && (!entry || namesAnother(entry, uses)) ? observe(entry, uses, false, input) : undefined;
		if (change) {
			changes.set(key, change.next);
		}
	}

	return changes;
};

/** Whether an entry names a Pod by its final name, and none of the Pods that use the port has that name. */
const namesAnother = ({pod, state}: LedgerEntry, uses: readonly HostPortUse[]): boolean =>
	state !== 'foreign' && !pod.includes(' ') && !uses.some(use => use.pod === pod);
