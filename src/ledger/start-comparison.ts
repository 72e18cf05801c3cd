/**
 * Compares the pages with the live Pods before a starting replica gives its first port. A copy may have replaced a page while
 * no replica ran, and then nobody knows the page's latest version; but the Pods that it lacks are live.
 */
import type {Logger} from 'pino';
import type {Clock} from '../clock.ts';
import type {ApiClient} from '../kubernetes/api-client.ts';
import type {HostPortUse} from '../ports/host-port-use.ts';
import {pageName} from '../ports/ledger-page.ts';
import {listHostPortsInUse} from './host-ports-in-use.ts';
import type {Ledger} from './ledger.ts';
import type {Quarantine} from './quarantine.ts';

export type StartComparisonOptions = {
	readonly api: Pick<ApiClient, 'list'>;
	readonly ledger: Ledger;
	readonly quarantine: Quarantine;
	readonly clock: Clock;
	readonly logger: Logger;
	/** Ends what waits in the background. */
	readonly signal: AbortSignal;
};

/** Pause between two attempts to compare a page that can't be read or written. */
const retryMs = 10_000;

/** Attempts to add the missing entries to a page that others write meanwhile. */
const maximumAttempts = 10;

export class StartComparison {
	readonly #options: StartComparisonOptions;
	/** First ports of the pages that are compared in the background. */
	readonly #later = new Set<number>();

	constructor(options: StartComparisonOptions) {
		this.#options = options;
	}

	/**
	 * Resolves when every page that gives ports has an entry for each live Pod's port. A page that can't be read or written gives
	 * no ports until it has been compared, in the background.
	 *
	 * @throws what the lists, or a request that may concern more than one page, failed with.
	 */
	async run(signal: AbortSignal): Promise<void> {
		const {api, ledger} = this.#options;
		const {pageStarts} = ledger.cache.index;
		await ledger.readPages(pageStarts, new Set(pageStarts), signal);
		// Listed after the pages were read: a Pod that is stored later has its port from an entry.
		const inUse = pageStarts.length > 0 ? await listHostPortsInUse(api, signal) : [];
		await Promise.all(pageStarts.map(async first => {
			if (ledger.cache.failures.of(first)) {
				this.#compareLater(first);
				return;
			}

			await this.#compare(first, inUse, signal).catch((error: unknown) => {
				if (!ledger.cache.failures.failed(first, error, 'write')) {
					throw error;
				}

				this.#compareLater(first);
			});
		}));
	}

	/** @param inUse from a list that began after the page was first read. */
	async #compare(first: number, inUse: readonly HostPortUse[], signal: AbortSignal): Promise<void> {
		const {ledger, quarantine} = this.#options;
		for (let attempt = 1; attempt <= maximumAttempts; attempt++) {
			const page = ledger.cache.pages.get(first);
			// A page in quarantine is compared when its quarantine is lifted.
			const isCompared = !page || (page.unusable !== undefined && !page.isUnproven) || (!page.isUnproven && quarantine.openingChanges(page, inUse).size === 0);
			if (isCompared) {
				return;
			}

			const written = await quarantine.liftPage(page, inUse, signal);
			if (written) {
				ledger.cache.storePage(written);
				return;
			}

			await ledger.readPage(first, signal);
		}

		throw new Error(`the ConfigMap ${pageName(first)} was changed ${maximumAttempts} times while it was compared with the live Pods`);
	}

	/** Compares the page once it can be read and written. Each attempt to load the ledger may ask for that. */
	#compareLater(first: number): void {
		if (!this.#later.has(first)) {
			this.#later.add(first);
			void this.#retryCompare(first).finally(() => this.#later.delete(first));
		}
	}

	async #retryCompare(first: number): Promise<void> {
		const {api, ledger, clock, logger, signal} = this.#options;
		while (!signal.aborted) {
			ledger.cache.failures.leaveOut(first, new Error('it has not been compared with the live Pods since this replica started'), Infinity);
			await clock.sleep(retryMs, signal);
			try {
				await ledger.readPage(first, signal);
				await this.#compare(first, await listHostPortsInUse(api, signal), signal);
				ledger.cache.failures.succeeded(first, 'write');
				return;
			} catch (error) {
				logger.warn({err: error}, `the ConfigMap ${pageName(first)} could not be compared with the live Pods: trying again`);
			}
		}
	}
}
