/**
 * How index and pages are opened. Somebody may delete either in the middle of a burst, while a Pod that was admitted just
 * before is on its way to storage and known to nobody. So both are born marked, and the mark is lifted only by a
 * compare-and-swap on the version that was read, together with what lists of all Pods and Services taken after that read
 * show (docs/adr/0002-quarantine.md).
 */
import type {Logger} from 'pino';
import {ApiError} from '../errors.ts';
import {entryOf, hostPortsOf, isManaged} from '../ports/host-port-use.ts';
import type {LedgerEntry} from '../ports/ledger-entry.ts';
import {defaultBlockSize} from '../ports/ledger-index.ts';
import type {LedgerIndex} from '../ports/ledger-index.ts';
import {pageName, pageOf} from '../ports/ledger-page.ts';
import type {LedgerPage} from '../ports/ledger-page.ts';
import type {ApiClient} from './api-client.ts';
import {timestamp} from './clock.ts';
import type {Clock} from './clock.ts';
import type {LedgerObjects} from './ledger-objects.ts';
import {listFromPods} from './pods.ts';
import {listNodePorts} from './services.ts';

export type QuarantineOptions = {
	readonly api: Pick<ApiClient, 'get'>;
	readonly objects: LedgerObjects;
	readonly clock: Clock;
	readonly logger: Logger;
	readonly namespace: string;
	/** The Lease that is made once the index is open: where it is, this is no first installation. */
	readonly leaseName: string;
	/** H: how long an admitted Pod may be on its way to storage without anybody knowing of it. */
	readonly holdMs: number;
	readonly mintClaim: () => string;
	/** Ends what waits in the background. */
	readonly signal: AbortSignal;
};

/** How often to look again at what should be over by now. */
const intervalMs = 1000;

export class Quarantine {
	readonly #options: QuarantineOptions;
	/** The marks that this process watches: by the UID of their object, and the size of its block. */
	readonly #watched = new Set<string>();

	constructor(options: QuarantineOptions) {
		this.#options = options;
	}

	/**
	 * Finds the index, or makes it, and resolves once it is open: at once where this is a first installation (no Lease, no
	 * managed Pod), else when somebody has watched its mark for the hold time.
	 */
	async untilIndexIsOpen(signal: AbortSignal): Promise<LedgerIndex> {
		const {objects, clock, logger} = this.#options;
		for (;;) {
			signal.throwIfAborted();
			const index = await objects.readIndex(signal);
			if (!index) {
				await objects.createIndex(defaultBlockSize, signal);
			} else if (!index.quarantined) {
				return index;
			} else if (await this.#isFirstInstallation(signal)) {
				await unlessChanged(async () => objects.openIndex(index, signal));
			} else {
				this.watchIndex(index);
				logger.warn('the ConfigMap hostport-ledger is in quarantine, because there is a Lease or a Pod of an earlier one: waiting');
				await clock.sleep(intervalMs, signal);
			}
		}
	}

	/**
	 * Opens pages with all that consistent lists of Pods and Services show of their ports. Right only for pages that have never
	 * existed before, or whose mark has been watched for the hold time.
	 *
	 * @param pages as they were read before.
	 * @returns those that are open now; the others somebody else has changed since they were read.
	 */
	async openPages(pages: readonly LedgerPage[], signal: AbortSignal): Promise<LedgerPage[]> {
		const {api, objects, clock, logger, mintClaim} = this.#options;
		const [hostPorts, nodePorts] = await Promise.all([listFromPods(api, hostPortsOf, signal), listNodePorts(api, signal)]);
		const since = timestamp(clock.date());
		// Of a port that several have, the last one counts: better one that we have given than a foreign one.
		const uses = [...nodePorts, ...hostPorts].toSorted((a, b) => Number(a.managed) - Number(b.managed));
		const opened = await Promise.all(pages.map(async page => {
			const isKept = new Set([...page.entries.keys(), ...page.damaged.map(({key}) => key)]);
			const changes = new Map<string, LedgerEntry>(uses
				.filter(({port}) => pageOf(port, page.blockSize) === page.first)
				.map(use => entryOf(use, mintClaim(), since))
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

	/** Watches the mark of a page, by this process's own clock, and lifts it after the hold time. May be called again. */
	watchPage({uid, first, blockSize}: LedgerPage): void {
		this.#liftAfterHold(`${uid} of ${blockSize}`, pageName(first), async signal => {
			const {objects} = this.#options;
			const page = await objects.readPage(first, blockSize, signal);
			const index = await objects.readIndex(signal);
			if (!page?.quarantined || page.uid !== uid || (index && index.blockSize !== blockSize)) {
				return true;
			}

			return index !== undefined && await this.#isListed(first, index, signal) && (await this.openPages([page], signal)).length === 1;
		});
	}

	/**
	 * Sees to it that the index names a page before it opens, for whoever made it may have died in between: no pass of the
	 * reconciler would ever read it, and when it was deleted and made again it would count as one that never existed.
	 */
	async #isListed(first: number, index: LedgerIndex, signal: AbortSignal): Promise<boolean> {
		return index.pages.includes(first) || await unlessChanged(async () => this.#options.objects.addToIndex(index, [first], signal)) !== undefined;
	}

	/** The same for the index. */
	watchIndex({uid}: LedgerIndex): void {
		this.#liftAfterHold(uid, 'hostport-ledger', async signal => {
			const {objects} = this.#options;
			const index = await objects.readIndex(signal);
			return index?.quarantined && index.uid === uid ? await unlessChanged(async () => objects.openIndex(index, signal)) !== undefined : true;
		});
	}

	/**
	 * @param mark what is watched, once for each process.
	 * @param lift resolves with whether the mark is gone, or is nobody's concern any more.
	 */
	#liftAfterHold(mark: string, name: string, lift: (signal: AbortSignal) => Promise<boolean>): void {
		const {clock, logger, holdMs, signal} = this.#options;
		if (this.#watched.has(mark)) {
			return;
		}

		const watch = async () => {
			await clock.sleep(holdMs, signal);
			while (!signal.aborted) {
				try {
					if (await lift(signal)) {
						break;
					}
				} catch (error) {
					logger.warn({err: error}, `the quarantine of the ConfigMap ${name} could not be lifted: trying again`);
				}

				await clock.sleep(intervalMs, signal);
			}
		};

		this.#watched.add(mark);
		void watch();
	}

	async #isFirstInstallation(signal: AbortSignal): Promise<boolean> {
		const {api, namespace, leaseName} = this.#options;
		try {
			await api.get(`/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/${leaseName}`, {signal});
			return false;
		} catch (error) {
			if (!(error instanceof ApiError && error.status === 404)) {
				throw error;
			}
		}

		return (await listFromPods(api, pod => isManaged(pod) ? [pod.metadata.name] : [], signal)).length === 0;
	}
}

/** Undefined where somebody else has changed the object meanwhile, or removed it. */
export const unlessChanged = async <T>(write: () => Promise<T>): Promise<T | undefined> => {
	try {
		return await write();
	} catch (error) {
		if (error instanceof ApiError && (error.status === 409 || error.status === 404)) {
			return undefined;
		}

		throw error;
	}
};
