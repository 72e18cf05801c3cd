/**
 * How index and pages are opened. Somebody may delete either in the middle of a burst, while a Pod that was admitted just
 * before is on its way to storage and known to nobody. So both are born marked, and the mark is lifted only by a
 * compare-and-swap on the version that was read, together with what lists of all Pods and Services taken after that read
 * show (docs/adr/0002-quarantine.md).
 */
import {IndexQuarantine} from './index-quarantine.ts';
import type {IndexQuarantineOptions} from './index-quarantine.ts';
import {MarkWatch} from './mark-watch.ts';
import type {MarkWatchOptions} from './mark-watch.ts';
import {PageQuarantine} from './page-quarantine.ts';
import type {PageQuarantineOptions} from './page-quarantine.ts';

export type Quarantine = {
	readonly index: IndexQuarantine;
	readonly pages: PageQuarantine;
};

export const createQuarantine = (options: MarkWatchOptions & Omit<IndexQuarantineOptions & PageQuarantineOptions, 'marks'>): Quarantine => {
	const marks = new MarkWatch(options);
	return {index: new IndexQuarantine({...options, marks}), pages: new PageQuarantine({...options, marks})};
};
