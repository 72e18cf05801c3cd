/**
 * Enters the ports of Pods and Services that came without the operator as soon as their events arrive, so that no replica
 * gives them away while the next pass is still due. A pass finds whatever is missed here.
 */
import type {Logger} from 'pino';
import {timestamp} from '../clock.ts';
import type {Clock} from '../clock.ts';
import type {ApiClient, WatchEvent} from '../kubernetes/api-client.ts';
import type {KubernetesObject, ObjectMetadata} from '../kubernetes/object.ts';
import {nodePortsOf} from '../ledger/host-ports-in-use.ts';
import type {StoredService} from '../ledger/host-ports-in-use.ts';
import type {Ledger} from '../ledger/ledger.ts';
import type {Reservations} from '../ledger/reservations.ts';
import type {Metrics} from '../metrics.ts';
import {hostPortsOf, isManaged} from '../ports/host-port-use.ts';
import type {HostPortUse, StoredPod} from '../ports/host-port-use.ts';
import {entryKey} from '../ports/ledger-entry.ts';
import {pageName, pageOfKey} from '../ports/ledger-page.ts';
import {entering} from '../ports/repair.ts';
import type {Repair} from '../ports/repair.ts';

export type ForeignPortsOptions = {
	readonly api: Pick<ApiClient, 'find'>;
	readonly reservations: Pick<Reservations, 'repair'>;
	readonly ledger: Pick<Ledger, 'cache' | 'readIndex' | 'readPage'>;
	readonly clock: Clock;
	readonly logger: Logger;
	readonly metrics: Pick<Metrics, 'repairs'>;
	readonly mintClaim: () => string;
};

/**
 * Controllers that make all their Pods from one template, or from one for each revision. What one read finds out is true of all
 * of them. Other controllers, such as those of workflows, may give each Pod other ports.
 */
const singleTemplate = new Set(['ReplicaSet', 'ReplicationController', 'StatefulSet', 'DaemonSet', 'Job']);

/** Bounds the memory. */
const maximumTemplates = 1000;

/** Objects that are read at once. */
const maximumAtOnce = 20;

/** Objects that wait to be read. The next pass, which their events have called for, finds the others. */
const maximumWaiting = 1000;

/** Bounds the reads and the commits for one group of objects, and the wait for a page to leave quarantine. */
const budgetMs = 15_000;

/** How often to look whether a page has left quarantine. */
const pollMs = 250;

export class ForeignPorts {
	readonly #options: ForeignPortsOptions;
	/** By the path of the object. */
	readonly #waiting = new Map<string, KubernetesObject>();
	/** Templates whose Pods have no host ports. */
	readonly #withoutPorts = new Set<string>();
	/** What pages in quarantine will get, by their first port. */
	readonly #postponed = new Map<number, Repair[]>();
	#isEntering = false;

	constructor(options: ForeignPortsOptions) {
		this.#options = options;
	}

	/** @param path of the collection that is watched: `/api/v1/pods` or `/api/v1/services`. */
	noticed(path: string, {type, object}: WatchEvent<KubernetesObject>, signal: AbortSignal): void {
		// The ports of a Pod never change, those of a Service may.
		const mayHavePorts = type === 'ADDED' || (type === 'MODIFIED' && path.endsWith('/services'));
		if (!mayHavePorts || isManaged(object) || this.#withoutPorts.has(templateOf(object.metadata) ?? '') || this.#waiting.size >= maximumWaiting) {
			return;
		}

		const {namespace = '', name} = object.metadata;
		this.#waiting.set(path.replace('/api/v1', `/api/v1/namespaces/${namespace}`) + `/${name}`, object);
		if (!this.#isEntering) {
			void this.#enterAll(signal);
		}
	}

	/** Never rejects. */
	async #enterAll(signal: AbortSignal): Promise<void> {
		const {logger} = this.#options;
		this.#isEntering = true;
		while (this.#waiting.size > 0 && !signal.aborted) {
			const group = [...this.#waiting].slice(0, maximumAtOnce);
			for (const [path] of group) {
				this.#waiting.delete(path);
			}

			try {
				await this.#enter(group, signal);
			} catch (error) {
				logger.debug({err: error}, 'ports of new Pods and Services could not be entered at once: the next pass enters them');
			}
		}

		this.#isEntering = false;
	}

	async #enter(group: ReadonlyArray<readonly [path: string, object: KubernetesObject]>, signal: AbortSignal): Promise<void> {
		const {ledger, clock, mintClaim} = this.#options;
		const inTime = AbortSignal.any([signal, clock.deadline(budgetMs)]);
		const uses = (await Promise.all(group.map(async ([path, {metadata}]) => this.#portsOf(path, metadata, inTime)))).flat();
		const since = timestamp(clock.date());
		const repairs = [...Map.groupBy(uses, ({port, protocol}) => entryKey(port, protocol))]
			.map(([key, ofKey]) => entering(key, ofKey, {since, mintClaim}))
			// A port with an entry is left to the next pass, and so is a Pod that says we gave it the port.
			.filter(({reason}) => reason === 'foreign');
		const byPage = Map.groupBy(repairs, ({key}) => pageOfKey(key, ledger.cache.blockSize));
		const isListed = (first: number) => ledger.cache.index.pageStarts.includes(first);
		if (![...byPage.keys()].every(first => isListed(first))) {
			// Another replica may have created the page. One that is created from now on gets entries for the ports in use.
			await ledger.readIndex(inTime);
		}

		await Promise.all([...byPage].filter(([first]) => isListed(first)).map(async ([first, ofPage]) => {
			await this.#enterInto(first, ofPage, inTime);
			if (ledger.cache.pages.get(first)?.quarantined) {
				this.#postpone(first, ofPage, signal);
			}
		}));
	}

	async #enterInto(first: number, repairs: readonly Repair[], signal: AbortSignal): Promise<void> {
		const {reservations, metrics, logger} = this.#options;
		const entered = await reservations.repair(repairs, signal);
		if (entered.length > 0) {
			metrics.repairs.inc({reason: 'foreign'}, entered.length);
			logger.debug({keys: entered.map(({key}) => key)}, `entered ports of new Pods and Services into the ConfigMap ${pageName(first)}`);
		}
	}

	/** A page in quarantine takes no repairs, and the list of Pods by which it is opened may have begun before these were stored. */
	#postpone(first: number, repairs: readonly Repair[], signal: AbortSignal): void {
		const postponed = this.#postponed.get(first) ?? [];
		postponed.push(...repairs);
		if (!this.#postponed.has(first)) {
			this.#postponed.set(first, postponed);
			void this.#enterOnceOpen(first, postponed, AbortSignal.any([signal, this.#options.clock.deadline(budgetMs)]));
		}
	}

	/** Never rejects. After a longer quarantine, the page is opened by a later list. */
	async #enterOnceOpen(first: number, repairs: readonly Repair[], signal: AbortSignal): Promise<void> {
		const {ledger, clock, logger} = this.#options;
		const untilOpen = async () => {
			while ((await ledger.readPage(first, signal))?.quarantined) {
				await clock.sleep(pollMs, signal);
			}
		};

		try {
			await untilOpen().finally(() => this.#postponed.delete(first));
			await this.#enterInto(first, repairs, signal);
		} catch (error) {
			logger.debug({err: error}, `ports could not be entered into the new ConfigMap ${pageName(first)}: the next pass enters them`);
		}
	}

	async #portsOf(path: string, metadata: ObjectMetadata, signal: AbortSignal): Promise<readonly HostPortUse[]> {
		const object = await this.#options.api.find<StoredPod | StoredService>(path, {signal});
		if (!object) {
			return [];
		}

		if (!('containers' in object.spec)) {
			return nodePortsOf(object as StoredService);
		}

		const uses = hostPortsOf(object as StoredPod);
		const template = templateOf(metadata);
		if (template !== undefined && uses.length === 0) {
			if (this.#withoutPorts.size >= maximumTemplates) {
				this.#withoutPorts.clear();
			}

			this.#withoutPorts.add(template);
		}

		return uses;
	}
}

/** The controller of a Pod and the revision of its template; undefined if the Pod may have ports that others of its controller lack. */
const templateOf = ({ownerReferences = [], labels = {}}: ObjectMetadata): string | undefined => {
	const owner = ownerReferences.find(({controller, kind}) => controller === true && singleTemplate.has(kind));
	return owner && `${owner.uid} ${labels['controller-revision-hash'] ?? ''}`;
};
