/**
 * Pages that can't be read, created or written: immutable, too long, forbidden by a quota or a policy, or an error inside the
 * API server. A failure belongs to its page. Plans leave the page out for a while, so all other pages go on giving ports.
 */
import type {Logger} from 'pino';
import type {Clock} from '../clock.ts';
import {ApiError, messageOf} from '../errors.ts';
import type {PodDemand} from '../ports/demand.ts';
import {decodePage, pageName, pageOf} from '../ports/ledger-page.ts';
import type {LedgerPage} from '../ports/ledger-page.ts';

export type PageFailure = {
	readonly first: number;
	/** What the API server answered. */
	readonly error: unknown;
	/** Whether the page may work again within a second. Then a request that has nowhere else to go waits. */
	readonly isTransient: boolean;
	/** Whether it has just begun. Then a Pod with a fixed name waits too, because the page may have its predecessor's ports. */
	readonly isFresh: boolean;
	/** Until when plans leave the page out, on the clock of this process. */
	readonly until: number;
};

export type PageFailuresOptions = {
	readonly clock: Pick<Clock, 'now'>;
	readonly logger: Logger;
	/** Port numbers in a page. */
	readonly blockSize: number;
};

/** A person or a policy must change something first; one request in ten seconds finds out whether that has happened. */
const lastingMs = 10_000;

export const transientMs = 1000;

/** Errors 500 in a row after which the page is left out. A single one may come from any request. */
const maximumErrors = 3;

/** Errors 500 in a row after which Pods with a fixed name wait no longer. A page that is left out is tried once a second, so they come about three seconds after the first. */
const errorsUntilPersistent = 6;

type Operation = 'read' | 'write';

export class PageFailures {
	readonly #options: PageFailuresOptions;
	/** By the page's first port. */
	readonly #failures = new Map<number, PageFailure>();
	/** Errors 500 since the last success of the same operation, by that and the page's first port. */
	readonly #errors = new Map<string, number>();

	constructor(options: PageFailuresOptions) {
		this.#options = options;
	}

	/** The failure for which plans leave this page out. */
	of(first: number): PageFailure | undefined {
		const failure = this.#failures.get(first);
		return failure && failure.until > this.#options.clock.now() ? failure : undefined;
	}

	/** The failures for which plans leave out pages of which this Pod may or must have numbers. */
	concerning({basePort, maxPort, ownPorts}: PodDemand): PageFailure[] {
		if (this.#failures.size === 0) {
			return [];
		}

		const {blockSize} = this.#options;
		const own = new Set(ownPorts.map(({port}) => pageOf(port, blockSize)));
		return [...this.#failures.keys()]
			.filter(first => own.has(first) || (first <= maxPort && first + blockSize > basePort))
			.map(first => this.of(first))
			.filter(failure => failure !== undefined);
	}

	/**
	 * Notes that a request for this page has failed.
	 *
	 * @returns whether plans leave the page out from now on. If not, the failure may concern more than this page.
	 */
	failed(first: number, error: unknown, operation: Operation): boolean {
		if (isAboutObject(error)) {
			this.leaveOut(first, error);
			return true;
		}

		const key = `${operation} ${first}`;
		const errors = error instanceof ApiError && error.status === 500 ? (this.#errors.get(key) ?? 0) + 1 : 0;
		this.#errors.set(key, errors);
		if (errors < maximumErrors) {
			return false;
		}

		this.leaveOut(first, error, transientMs, errors < errorsUntilPersistent);
		return true;
	}

	/** Leaves a page out for a while, whatever the error. @param ms until it is tried again; by default ten seconds. */
	leaveOut(first: number, error: unknown, ms = lastingMs, isFresh = false): void {
		const {clock, logger} = this.#options;
		const isNew = messageOf(this.#failures.get(first)?.error) !== messageOf(error);
		this.#failures.set(first, {first, error, isTransient: ms <= transientMs, isFresh, until: clock.now() + ms});
		if (isNew) {
			logger.warn({err: error}, `the ConfigMap ${pageName(first)} gives no ports for the moment: ${messageOf(error)}`);
		}
	}

	/** A page that was written works. One that was only read may still refuse writes. */
	succeeded(first: number, operation: Operation): void {
		this.#errors.delete(`${operation} ${first}`);
		if (operation === 'write') {
			this.#failures.delete(first);
		}
	}

	/** A copy of `pages` in which those that are left out are unusable. */
	withUnusable(pages: ReadonlyMap<number, LedgerPage>): Map<number, LedgerPage> {
		const {blockSize} = this.#options;
		const result = new Map(pages);
		for (const first of this.#failures.keys()) {
			const failure = this.of(first);
			if (failure) {
				result.set(first, {...(pages.get(first) ?? missingPage(first, blockSize)), unusable: messageOf(failure.error)});
			}
		}

		return result;
	}
}

/** Whether an answer says that this object can't be read or written as asked. 401, 404, 409, 410 and 429 say something else. */
const isAboutObject = (error: unknown): boolean =>
	error instanceof ApiError && error.status >= 400 && error.status < 500 && ![401, 404, 409, 410, 429].includes(error.status);

/** Stands for a page that could not be created. */
const missingPage = (first: number, blockSize: number): LedgerPage => decodePage({metadata: {name: pageName(first), uid: '', resourceVersion: '0'}}, first, blockSize);
