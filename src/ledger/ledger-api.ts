/** The ledger's ConfigMaps on the API server: read, create, compare-and-swap. Nothing here decides anything. */
import {ApiError} from '../errors.ts';
import type {ApiClient, CompareAndSwap} from '../kubernetes/api-client.ts';
import {decodeIndex, indexData, indexName, pageStartsOf} from '../ports/ledger-index.ts';
import type {LedgerIndex} from '../ports/ledger-index.ts';
import {ledgerAnnotations, ledgerMetadata} from '../ports/ledger-metadata.ts';
import type {ConfigMap} from '../ports/ledger-metadata.ts';
import {commitMetadata, openingAnnotations, quarantineAnnotations} from '../ports/ledger-origin.ts';
import {blockRange, changesAsData, decodePage, pageName, withChanges} from '../ports/ledger-page.ts';
import type {LedgerPage, PageChanges} from '../ports/ledger-page.ts';

export type LedgerApiOptions = {
	readonly api: ApiClient;
	readonly namespace: string;
	/** Port numbers in a page. */
	readonly blockSize: number;
};

const aboutIndex = 'Lists the ConfigMaps that hold the host ports which the HostPort Operator has given to Pods. Written by its replicas; see the ConfigMaps with the label hostport.io/ledger=page.';
const aboutPage = 'Host ports that the HostPort Operator has given to Pods: <port>.<protocol> and the Pod that has it. pending: reserved, the Pod is not stored yet; bound: a live Pod has it; released: held back for a while; foreign: used by a Pod or Service that the operator does not manage.';

export class LedgerApi {
	readonly blockSize: number;
	readonly #api: ApiClient;
	readonly #collection: string;

	constructor({api, namespace, blockSize}: LedgerApiOptions) {
		this.#api = api;
		this.#collection = `/api/v1/namespaces/${namespace}/configmaps`;
		this.blockSize = blockSize;
	}

	/** @throws {LedgerFormatError} when the index exists and this version can't read it. */
	async readIndex(signal: AbortSignal): Promise<LedgerIndex | undefined> {
		const object = await this.#api.find<ConfigMap>(this.#path(indexName), {signal});
		return object && decodeIndex(object, this.blockSize);
	}

	/** Creates the index in quarantine, with all pages that exist. Does nothing if another replica was faster. */
	async createIndex(signal: AbortSignal): Promise<void> {
		await this.#createUnlessExists(indexName, ledgerMetadata('index', aboutIndex), indexData(await this.#existingPages(signal)), signal);
	}

	/** @returns undefined when the index is no longer this version. */
	async addToIndex(index: LedgerIndex, newStarts: readonly number[], signal: AbortSignal): Promise<LedgerIndex | undefined> {
		// A quarantine keeps the annotation by which replicas recognise it. Its end lists all pages that exist.
		const metadata = index.quarantined ? {resourceVersion: index.resourceVersion} : commitMetadata(index);
		return this.#writeIndex({metadata, data: indexData([...index.pageStarts, ...newStarts])}, signal);
	}

	/**
	 * Lists the opened pages that the index lacks. Those in quarantine are left to the replica that creates them.
	 *
	 * @returns undefined when the index is no longer this version.
	 */
	async addOpenedPages(index: LedgerIndex, signal: AbortSignal): Promise<LedgerIndex | undefined> {
		const existing = await this.#existingPages(signal, ({metadata}) => metadata.annotations?.[ledgerAnnotations.mark] === undefined);
		const unlisted = existing.filter(first => !index.pageStarts.includes(first));
		return unlisted.length === 0 ? index : this.addToIndex(index, unlisted, signal);
	}

	/**
	 * Ends the quarantine of the index, and lists all pages that exist: a copy may not name those that were created later.
	 *
	 * @returns undefined when the index is no longer this version.
	 */
	async liftIndexQuarantine(index: LedgerIndex, signal: AbortSignal): Promise<LedgerIndex | undefined> {
		const pageStarts = [...index.pageStarts, ...await this.#existingPages(signal)];
		return this.#writeIndex({metadata: commitMetadata(index, openingAnnotations(index)), data: indexData(pageStarts)}, signal);
	}

	/**
	 * Marks an index that was put back from a copy.
	 *
	 * @returns undefined when the index is no longer this version.
	 */
	async quarantineIndex(index: LedgerIndex, signal: AbortSignal): Promise<LedgerIndex | undefined> {
		return this.#writeIndex({metadata: commitMetadata(index, quarantineAnnotations)}, signal);
	}

	/** @param maybeStale see `RequestOptions`. */
	async readPage(first: number, signal: AbortSignal, maybeStale = false): Promise<LedgerPage | undefined> {
		const object = await this.#api.find<ConfigMap>(this.#path(pageName(first)), {signal, maybeStale});
		return object && decodePage(object, first, this.blockSize);
	}

	/** Creates a page, empty and in quarantine. Does nothing if another replica was faster. */
	async createPage(first: number, signal: AbortSignal): Promise<void> {
		await this.#createUnlessExists(pageName(first), ledgerMetadata('page', aboutPage, blockRange(first, this.blockSize)), {}, signal);
	}

	/**
	 * Ends the quarantine of a page and writes which Pods and Services use its ports, in one step.
	 *
	 * @returns undefined when the page is no longer this version.
	 */
	async liftPageQuarantine(page: LedgerPage, changes: PageChanges, signal: AbortSignal): Promise<LedgerPage | undefined> {
		const {first} = page;
		const object = await this.#api.tryCompareAndSwap<ConfigMap>(this.#path(pageName(first)), {
			metadata: commitMetadata(page, {...openingAnnotations(page), [ledgerAnnotations.block]: blockRange(first, this.blockSize)}),
			data: changesAsData(changes),
		}, {signal});
		return object && decodePage(object, first, this.blockSize);
	}

	/** The same as `quarantineIndex`, for a page. */
	async quarantinePage(page: LedgerPage, signal: AbortSignal): Promise<LedgerPage | undefined> {
		const object = await this.#api.tryCompareAndSwap<ConfigMap>(this.#path(pageName(page.first)), {metadata: commitMetadata(page, quarantineAnnotations)}, {signal});
		return object && decodePage(object, page.first, this.blockSize);
	}

	/** @throws {ApiError} 409 when the page is no longer this version, 404 when it is gone. */
	async commit(page: LedgerPage, changes: PageChanges, signal: AbortSignal): Promise<LedgerPage> {
		const {metadata} = await this.#api.compareAndSwap<ConfigMap>(this.#path(pageName(page.first)), {
			metadata: commitMetadata(page),
			data: changesAsData(changes),
		}, {signal, metadataOnly: true});
		return withChanges(page, changes, metadata.resourceVersion);
	}

	async #existingPages(signal: AbortSignal, isWanted = (_page: ConfigMap): boolean => true): Promise<number[]> {
		const {items} = await this.#api.get<{readonly items: readonly ConfigMap[] | null}>(this.#collection, {signal, metadataOnly: 'list'});
		// The API server answers null, not an empty array, to a request for metadata alone.
		return pageStartsOf((items ?? []).filter(isWanted), this.blockSize);
	}

	async #writeIndex(patch: CompareAndSwap, signal: AbortSignal): Promise<LedgerIndex | undefined> {
		const object = await this.#api.tryCompareAndSwap<ConfigMap>(this.#path(indexName), patch, {signal});
		return object && decodeIndex(object, this.blockSize);
	}

	async #createUnlessExists(name: string, metadata: ReturnType<typeof ledgerMetadata>, data: Readonly<Record<string, string>>, signal: AbortSignal): Promise<void> {
		try {
			await this.#api.create(this.#collection, {apiVersion: 'v1', kind: 'ConfigMap', metadata: {name, ...metadata}, data}, {signal});
		} catch (error) {
			if (!(error instanceof ApiError && error.status === 409)) {
				throw error;
			}
		}
	}

	#path(name: string): string {
		return `${this.#collection}/${name}`;
	}
}
