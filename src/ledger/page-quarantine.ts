/** How pages are opened, with the ports that live Pods and Services have of them. */
import type {Logger} from 'pino';
import {adopt} from '../ports/entry-states.ts';
import {entryKey} from '../ports/ledger-entry.ts';
import type {LedgerEntry} from '../ports/ledger-entry.ts';
import type {LedgerIndex} from '../ports/ledger-index.ts';
import {pageName, pageOf} from '../ports/ledger-page.ts';
import type {LedgerPage} from '../ports/ledger-page.ts';
import type {ApiClient} from '../kubernetes/api-client.ts';
import {timestamp} from '../clock.ts';
import type {Clock} from '../clock.ts';
import type {LedgerObjects} from './ledger-api.ts';
import type {MarkWatch} from './mark-watch.ts';
import {listHostPortsInUse} from './host-ports-in-use.ts';
import {unlessChanged} from '../kubernetes/unless-changed.ts';

export type PageQuarantineOptions = {
	readonly api: Pick<ApiClient, 'list'>;
	readonly objects: LedgerObjects;
	readonly marks: MarkWatch;
	readonly clock: Clock;
	readonly logger: Logger;
	readonly mintClaim: () => string;
};

export class PageQuarantine {
	readonly #options: PageQuarantineOptions;

	constructor(options: PageQuarantineOptions) {
		this.#options = options;
	}

	/**
	 * Opens pages with all that consistent lists of Pods and Services show of their ports. Right only for pages that have never
	 * existed before, or whose mark has been watched for the hold time.
	 *
	 * @param pages as they were read before.
	 * @returns those that are open now; the others somebody else has changed since they were read, or they do not own their block.
	 */
	async open(pages: readonly LedgerPage[], signal: AbortSignal): Promise<LedgerPage[]> {
		const {api, objects, clock, logger, mintClaim} = this.#options;
		const inUse = await listHostPortsInUse(api, signal);
		const since = timestamp(clock.date());
		// Of a port that several have, the last one counts: better one that we have given than a foreign one.
		const uses = inUse.toSorted((a, b) => Number(a.managed) - Number(b.managed));
		const opened = await Promise.all(pages.filter(({ownsBlock}) => ownsBlock).map(async page => {
			const isKept = new Set([...page.entries.keys(), ...page.damaged.map(({key}) => key)]);
			const changes = new Map<string, LedgerEntry>(uses
				.filter(({port}) => pageOf(port, page.blockSize) === page.first)
				.map(use => [entryKey(use.port, use.protocol), adopt(use, mintClaim(), since)] as const)
				.filter(([key]) => !isKept.has(key)));
			return unlessChanged(async () => objects.openPage(page, changes, signal));
		}));
		return opened.filter(page => {
			if (page) {
				logger.info(`the ConfigMap ${pageName(page.first)} is open, with ${page.entries.size} ports taken`);
			}

			return page !== undefined;
		});
	}

	/**
	 * Watches the mark of a page, by this process's own clock, and lifts it after the hold time, while the index is open and of
	 * the page's block size: so all pages that are open have one size. May be called again.
	 */
	watch({uid, first, blockSize}: LedgerPage): void {
		this.#options.marks.liftAfterHold(`${uid} of ${blockSize}`, pageName(first), {
			lift: async signal => {
				const {objects} = this.#options;
				// The page first: if the index was begun anew since, for blocks of another size, the page that was read has lost its own.
				const page = await objects.readPage(first, blockSize, signal);
				const index = await objects.readIndex(signal);
				if (!page?.quarantined || page.uid !== uid || (index && index.blockSize !== blockSize)) {
					return 'over';
				}

				if (!index || index.quarantined || !await this.#isListed(first, index, signal)) {
					return 'not yet';
				}

				if (!page.ownsBlock) {
					await unlessChanged(async () => objects.own(page, signal));
					return 'not yet';
				}

				return (await this.open([page], signal)).length === 1 ? 'over' : 'not yet';
			},
		});
	}

	/**
	 * Sees to it that the index names a page before it opens, for whoever made it may have died in between: no pass of the
	 * reconciler would ever read it, and when it was deleted and made again it would count as one that never existed.
	 */
	async #isListed(first: number, index: LedgerIndex, signal: AbortSignal): Promise<boolean> {
		return index.pages.includes(first) || await unlessChanged(async () => this.#options.objects.addToIndex(index, [first], signal)) !== undefined;
	}
}
