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
import {blockSizeOf, firstsOf} from '../ports/ledger-blocks.ts';
import {defaultBlockSize, indexName} from '../ports/ledger-index.ts';
import type {LedgerIndex} from '../ports/ledger-index.ts';
import {pageName, pageOf} from '../ports/ledger-page.ts';
import type {LedgerPage} from '../ports/ledger-page.ts';
import type {ApiClient} from './api-client.ts';
import {timestamp} from './clock.ts';
import type {Clock} from './clock.ts';
import type {LedgerObjects} from './ledger-objects.ts';
import {MarkWatch} from './mark-watch.ts';
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

/** How often to look again whether somebody has opened the index. */
const intervalMs = 1000;

export class Quarantine {
	readonly #options: QuarantineOptions;
	readonly #marks: MarkWatch;

	constructor(options: QuarantineOptions) {
		this.#options = options;
		this.#marks = new MarkWatch(options);
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
			} else if (await this.#isFirstInstallation(signal) && await this.#isOfAllBlocks(index, signal)) {
				await unlessChanged(async () => objects.openIndex(index, signal));
			} else {
				this.watchIndex(index);
				logger.warn('the ConfigMap hostport-ledger is in quarantine, because there is a Lease, a Pod or a page of an earlier one: waiting');
				await clock.sleep(intervalMs, signal);
			}
		}
	}

	/**
	 * Opens pages with all that consistent lists of Pods and Services show of their ports. Right only for pages that have never
	 * existed before, or whose mark has been watched for the hold time.
	 *
	 * @param pages as they were read before.
	 * @returns those that are open now; the others somebody else has changed since they were read, or they do not own their block.
	 */
	async openPages(pages: readonly LedgerPage[], signal: AbortSignal): Promise<LedgerPage[]> {
		const {api, objects, clock, logger, mintClaim} = this.#options;
		const [hostPorts, nodePorts] = await Promise.all([listFromPods(api, hostPortsOf, signal), listNodePorts(api, signal)]);
		const since = timestamp(clock.date());
		// Of a port that several have, the last one counts: better one that we have given than a foreign one.
		const uses = [...nodePorts, ...hostPorts].toSorted((a, b) => Number(a.managed) - Number(b.managed));
		const opened = await Promise.all(pages.filter(({ownsBlock}) => ownsBlock).map(async page => {
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

	/**
	 * Watches the mark of a page, by this process's own clock, and lifts it after the hold time, while the index is open and of
	 * the page's block size: so all pages that are open have one size. May be called again.
	 */
	watchPage({uid, first, blockSize}: LedgerPage): void {
		this.#marks.liftAfterHold(`${uid} of ${blockSize}`, pageName(first), {
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

				return (await this.openPages([page], signal)).length === 1 ? 'over' : 'not yet';
			},
		});
	}

	/**
	 * Watches the mark of the index in the same way. Its hold time begins when no page of another block size is open any more,
	 * or can be opened, and begins anew if there is one nevertheless when it is over.
	 */
	watchIndex({uid, blockSize}: LedgerIndex): void {
		const {objects} = this.#options;
		const readMarked = async (signal: AbortSignal) => {
			const index = await objects.readIndex(signal);
			return index?.quarantined && index.uid === uid && index.blockSize === blockSize ? index : undefined;
		};

		this.#marks.liftAfterHold(`${uid} of ${blockSize}`, indexName, {
			begin: async signal => {
				const index = await readMarked(signal);
				return index ? await this.#isOfAllBlocks(index, signal) ? 'begun' : 'not yet' : 'over';
			},
			lift: async signal => {
				const index = await readMarked(signal);
				if (index && !await this.#isOfAllBlocks(index, signal)) {
					return 'anew';
				}

				return !index || await unlessChanged(async () => objects.openIndex(index, signal)) ? 'over' : 'not yet';
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

	/**
	 * Whether no page of another block size than that of this marked index is open, or can be opened by anybody who knows an
	 * older index. Sees to it as far as it can: marked pages of another size lose their block, and where most of the pages that
	 * are open have another size, the index gets theirs.
	 */
	async #isOfAllBlocks(index: LedgerIndex, signal: AbortSignal): Promise<boolean> {
		const {objects, logger} = this.#options;
		const blocks = await objects.listBlocks(signal);
		const others = blocks.filter(block => block.size !== index.blockSize);
		const open = others.filter(({isOpen}) => isOpen);
		if (open.length === 0) {
			const disowned = await Promise.all(others.map(async block => unlessChanged(async () => objects.disown(block, signal).then(() => block))));
			return !disowned.includes(undefined);
		}

		const size = blockSizeOf(blocks, index.blockSize);
		logger.warn(`the ConfigMap ${indexName} was made for blocks of ${index.blockSize} ports, but ${open.map(({name}) => name).join(', ')} may give ports from a block of another size: ${size === index.blockSize ? 'delete it, for until then nobody opens the index' : `making the index one for blocks of ${size}`}`);
		const changed = size === index.blockSize ? undefined : await unlessChanged(async () => objects.changeBlocks(index, size, firstsOf(blocks, size), signal));
		if (changed) {
			this.watchIndex(changed);
		}

		return false;
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
