/**
 * Index and pages start in quarantine: nothing is allocated from them, because a Pod that was admitted under an earlier ledger
 * may not be stored yet, so no list shows it. A quarantine ends after the hold time, or at once for what has never existed
 * before. It ends by a compare-and-swap on the version that was read, which also writes the ports that lists of all Pods and
 * Services show; the lists begin after that read (docs/adr/0002-quarantine.md).
 */
import type {Logger} from 'pino';
import {timestamp} from '../clock.ts';
import type {Clock} from '../clock.ts';
import {isTransient} from '../errors.ts';
import type {ApiClient} from '../kubernetes/api-client.ts';
import {isManaged} from '../ports/host-port-use.ts';
import type {HostPortUse} from '../ports/host-port-use.ts';
import {indexName} from '../ports/ledger-index.ts';
import type {LedgerIndex} from '../ports/ledger-index.ts';
import {quarantineOf} from '../ports/ledger-origin.ts';
import {pageName} from '../ports/ledger-page.ts';
import type {LedgerPage, PageChanges} from '../ports/ledger-page.ts';
import {openingEntries} from '../ports/opening-entries.ts';
import {listFromPods, listHostPortsInUse} from './host-ports-in-use.ts';
import type {LedgerApi} from './ledger-api.ts';

export type QuarantineOptions = {
	readonly api: ApiClient;
	readonly ledgerApi: LedgerApi;
	readonly clock: Clock;
	readonly logger: Logger;
	readonly namespace: string;
	/** Replicas create these Leases after the index leaves quarantine, so any of them rules out a first installation. */
	readonly leaseNames: readonly string[];
	/** How long an admitted Pod may be on its way to storage. */
	readonly holdMs: number;
	readonly mintClaim: () => string;
	/** Ends what waits in the background. */
	readonly signal: AbortSignal;
};

/** Pause between two attempts to end a quarantine. */
const retryMs = 1000;

export class Quarantine {
	readonly #options: QuarantineOptions;
	/** The quarantines that a background task will lift, see `quarantineOf`. */
	readonly #waiting = new Set<string>();

	constructor(options: QuarantineOptions) {
		this.#options = options;
	}

	/**
	 * Finds the index, or creates it, and resolves once its quarantine is over: at once in a first installation (no Lease, no
	 * managed Pod), else when a replica has waited out the hold time.
	 */
	async untilIndexIsLifted(signal: AbortSignal): Promise<LedgerIndex> {
		const {ledgerApi, clock, logger} = this.#options;
		for (;;) {
			signal.throwIfAborted();
			const index = await ledgerApi.readIndex(signal);
			if (!index) {
				await ledgerApi.createIndex(signal);
			} else if (!index.quarantined) {
				// A copy of the index, put over it while no replica ran, may not list all pages.
				const complete = await ledgerApi.addOpenedPages(index, signal).catch((error: unknown) => {
					if (signal.aborted || isTransient(error)) {
						throw error;
					}

					logger.warn({err: error}, 'the ConfigMap hostport-ledger does not list all pages and can\'t be written: the reconciler does not see the others');
					return index;
				});
				if (complete) {
					return complete;
				}
			} else if (index.isUnproven) {
				// An earlier release has opened it. From now on it proves that.
				await ledgerApi.liftIndexQuarantine(index, signal);
			} else if (await this.#isFirstInstallation(signal)) {
				await ledgerApi.liftIndexQuarantine(index, signal);
			} else {
				this.liftIndexAfterHold(index);
				logger.warn('the ConfigMap hostport-ledger is in quarantine, because there is a Lease or a Pod of an earlier ledger: waiting for the hold time');
				await clock.sleep(retryMs, signal);
			}
		}
	}

	/** Ends the quarantine of the index after the hold time, in the background. May be called again. */
	liftIndexAfterHold(seen: LedgerIndex): void {
		const {ledgerApi} = this.#options;
		this.#liftAfterHold(quarantineOf(seen), indexName, async signal => {
			const index = await ledgerApi.readIndex(signal);
			if (!index?.quarantined) {
				return true;
			}

			if (quarantineOf(index) !== quarantineOf(seen)) {
				this.liftIndexAfterHold(index);
				return true;
			}

			return await ledgerApi.liftIndexQuarantine(index, signal) !== undefined;
		});
	}

	/** Ends the quarantine of a page after the hold time, in the background, once an index without quarantine lists it. May be called again. */
	liftPageAfterHold(seen: LedgerPage): void {
		const {ledgerApi} = this.#options;
		const {first} = seen;
		this.#liftAfterHold(quarantineOf(seen), pageName(first), async signal => {
			const page = await ledgerApi.readPage(first, signal);
			// Read the index second: if it was created again meanwhile, this read shows its quarantine.
			const index = await ledgerApi.readIndex(signal);
			if (!page?.quarantined) {
				return true;
			}

			if (quarantineOf(page) !== quarantineOf(seen)) {
				this.liftPageAfterHold(page);
				return true;
			}

			return index?.quarantined === false
				&& await this.#isListed(first, index, signal)
				&& (await this.liftPages([page], signal)).length === 1;
		});
	}

	/**
	 * Ends the quarantine of pages, with the ports that Pods and Services use. Call it only for pages that never existed before,
	 * or after their hold time.
	 *
	 * @param pages as they were read before this call.
	 * @returns the pages that give ports now, without those that were changed since they were read.
	 */
	async liftPages(pages: readonly LedgerPage[], signal: AbortSignal): Promise<LedgerPage[]> {
		const {api} = this.#options;
		const inUse = await listHostPortsInUse(api, signal);
		const lifted = await Promise.all(pages.map(async page => this.liftPage(page, inUse, signal)));
		return lifted.filter(page => page !== undefined);
	}

	/** The same for one page, with the ports of a list that began after the page was read. */
	async liftPage(page: LedgerPage, inUse: readonly HostPortUse[], signal: AbortSignal): Promise<LedgerPage | undefined> {
		const {ledgerApi, logger} = this.#options;
		const lifted = await ledgerApi.liftPageQuarantine(page, this.openingChanges(page, inUse), signal);
		if (lifted) {
			logger.info(`the ConfigMap ${pageName(page.first)} gives ports now; ${lifted.entries.size} are taken`);
		}

		return lifted;
	}

	/** The changes by which the page gets the ports in use, see `openingEntries`. */
	openingChanges(page: LedgerPage, inUse: readonly HostPortUse[]): PageChanges {
		const {clock, mintClaim} = this.#options;
		return openingEntries(page, inUse, {since: timestamp(clock.date()), mintClaim});
	}

	/**
	 * Adds a page to the index before its quarantine ends, because the replica that created it may have crashed first. The
	 * reconciler never reads an unlisted page, and an unlisted page that is deleted and created again looks like a new one.
	 */
	async #isListed(first: number, index: LedgerIndex, signal: AbortSignal): Promise<boolean> {
		return index.pageStarts.includes(first) || await this.#options.ledgerApi.addToIndex(index, [first], signal) !== undefined;
	}

	async #isFirstInstallation(signal: AbortSignal): Promise<boolean> {
		const {api, namespace, leaseNames} = this.#options;
		const leases = await Promise.all(leaseNames.map(async name => api.find(`/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/${name}`, {signal})));
		return leases.every(lease => lease === undefined) && (await listFromPods(api, pod => isManaged(pod) ? [pod.metadata.name] : [], signal)).length === 0;
	}

	/** @param lift resolves with whether the quarantine is over; called again until it is. */
	#liftAfterHold(quarantine: string, name: string, lift: (signal: AbortSignal) => Promise<boolean>): void {
		if (!this.#waiting.has(quarantine)) {
			this.#waiting.add(quarantine);
			void this.#holdThenLift(name, lift).finally(() => this.#waiting.delete(quarantine));
		}
	}

	/** Counts the hold time by this process's clock, from when this process first saw the quarantine. */
	async #holdThenLift(name: string, lift: (signal: AbortSignal) => Promise<boolean>): Promise<void> {
		const {clock, logger, holdMs, signal} = this.#options;
		await clock.sleep(holdMs, signal);
		while (!signal.aborted) {
			try {
				if (await lift(signal)) {
					return;
				}
			} catch (error) {
				logger.warn({err: error}, `the quarantine of the ConfigMap ${name} could not be lifted: trying again`);
			}

			await clock.sleep(retryMs, signal);
		}
	}
}
