/** Marks an index or a page that was put back from a copy, so that its quarantine can be told from any other. */
import type {Logger} from 'pino';
import {indexName} from '../ports/ledger-index.ts';
import type {LedgerIndex} from '../ports/ledger-index.ts';
import type {LedgerVersion} from '../ports/ledger-origin.ts';
import {pageName} from '../ports/ledger-page.ts';
import type {LedgerPage} from '../ports/ledger-page.ts';
import type {LedgerApi} from './ledger-api.ts';

export type CopyMarksOptions = {
	readonly ledgerApi: Pick<LedgerApi, 'quarantineIndex' | 'quarantinePage'>;
	readonly logger: Logger;
};

export class CopyMarks {
	readonly #options: CopyMarksOptions;
	/** The resourceVersion of the last copy that replaced an object, by the object's name: each copy is logged once. */
	readonly #copies = new Map<string, string>();

	constructor(options: CopyMarksOptions) {
		this.#options = options;
	}

	/** @returns undefined when the page has changed since it was read, or can't be written. */
	async markPage(page: LedgerPage, signal: AbortSignal): Promise<LedgerPage | undefined> {
		return this.#mark(pageName(page.first), page, async () => this.#options.ledgerApi.quarantinePage(page, signal));
	}

	/** The same for the index. */
	async markIndex(index: LedgerIndex, signal: AbortSignal): Promise<LedgerIndex | undefined> {
		return this.#mark(indexName, index, async () => this.#options.ledgerApi.quarantineIndex(index, signal));
	}

	async #mark<T>(name: string, {resourceVersion}: LedgerVersion, write: () => Promise<T | undefined>): Promise<T | undefined> {
		const {logger} = this.#options;
		const isKnown = this.#copies.get(name) === resourceVersion;
		this.#copies.set(name, resourceVersion);
		if (!isKnown) {
			logger.error(`the ConfigMap ${name} was put back from a copy, which lacks later commits: it gives no ports until the hold time is over and live Pods are listed`);
		}

		return write().catch((error: unknown) => {
			logger[isKnown ? 'debug' : 'warn']({err: error}, `the ConfigMap ${name} could not be marked: each later read tries again`);
			return undefined;
		});
	}
}
