/** How an index is opened, and for which block size. */
import type {Logger} from 'pino';
import {isManaged} from '../ports/host-port-use.ts';
import {blockSizeOf, firstsOf} from '../ports/ledger-blocks.ts';
import {defaultBlockSize, indexName} from '../ports/ledger-index.ts';
import type {LedgerIndex} from '../ports/ledger-index.ts';
import type {ApiClient} from '../kubernetes/api-client.ts';
import type {Clock} from '../clock.ts';
import type {LedgerObjects} from './ledger-api.ts';
import type {MarkWatch} from './mark-watch.ts';
import {listFromPods} from './host-ports-in-use.ts';
import {unlessChanged} from '../kubernetes/unless-changed.ts';

export type IndexQuarantineOptions = {
	readonly api: Pick<ApiClient, 'find' | 'list'>;
	readonly objects: LedgerObjects;
	readonly marks: MarkWatch;
	readonly clock: Clock;
	readonly logger: Logger;
	readonly namespace: string;
	/** The Lease that is made once the index is open: where it is, this is no first installation. */
	readonly leaseName: string;
};

/** How often to look again whether somebody has opened the index. */
const intervalMs = 1000;

export class IndexQuarantine {
	readonly #options: IndexQuarantineOptions;

	constructor(options: IndexQuarantineOptions) {
		this.#options = options;
	}

	/**
	 * Finds the index, or makes it, and resolves once it is open: at once where this is a first installation (no Lease, no
	 * managed Pod), else when somebody has watched its mark for the hold time.
	 */
	async untilOpen(signal: AbortSignal): Promise<LedgerIndex> {
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
				this.watch(index);
				logger.warn('the ConfigMap hostport-ledger is in quarantine, because there is a Lease, a Pod or a page of an earlier one: waiting');
				await clock.sleep(intervalMs, signal);
			}
		}
	}

	/**
	 * Watches the mark of an index, by this process's own clock, and lifts it after the hold time. That begins when no page of another block size is open any more,
	 * or can be opened, and begins anew if there is one nevertheless when it is over.
	 */
	watch({uid, blockSize}: LedgerIndex): void {
		const {objects} = this.#options;
		const readMarked = async (signal: AbortSignal) => {
			const index = await objects.readIndex(signal);
			return index?.quarantined && index.uid === uid && index.blockSize === blockSize ? index : undefined;
		};

		this.#options.marks.liftAfterHold(`${uid} of ${blockSize}`, indexName, {
			begin: async signal => {
				const index = await readMarked(signal);
				if (!index) {
					return 'over';
				}

				return await this.#isOfAllBlocks(index, signal) ? 'begun' : 'not yet';
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
			this.watch(changed);
		}

		return false;
	}

	async #isFirstInstallation(signal: AbortSignal): Promise<boolean> {
		const {api, namespace, leaseName} = this.#options;
		if (await api.find(`/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/${leaseName}`, {signal})) {
			return false;
		}

		return (await listFromPods(api, pod => isManaged(pod) ? [pod.metadata.name] : [], signal)).length === 0;
	}
}
