/** The ledger's ConfigMaps on the API server: read, create, compare-and-swap. Nothing here decides anything. */
import {ApiError} from '../errors.ts';
import {ledgerAnnotations, ledgerMetadata} from '../ports/ledger-metadata.ts';
import type {ConfigMap} from '../ports/ledger-metadata.ts';
import {blockSizeOf, blocksOf, firstsOf} from '../ports/ledger-blocks.ts';
import type {Block} from '../ports/ledger-blocks.ts';
import {decodeIndex, indexData, indexName} from '../ports/ledger-index.ts';
import type {LedgerIndex} from '../ports/ledger-index.ts';
import {blockRange, changesAsData, decodePage, pageName, withChanges} from '../ports/ledger-page.ts';
import type {LedgerPage, PageChanges} from '../ports/ledger-page.ts';
import type {ApiClient} from '../kubernetes/api-client.ts';

const aboutIndex = 'Which ConfigMaps hold the host ports that the HostPort Operator has given to Pods. Written by its replicas; see the ConfigMaps with the label hostport.io/ledger=page.';
const aboutPage = 'Host ports that the HostPort Operator has given to Pods: <port>.<protocol> and who has it. pending: reserved, Pod on its way; bound: a live Pod has it; released: held back for a while; foreign: not ours.';

export class LedgerObjects {
	readonly #api: Pick<ApiClient, 'get' | 'find' | 'create' | 'compareAndSwap'>;
	readonly #collection: string;

	constructor(api: Pick<ApiClient, 'get' | 'find' | 'create' | 'compareAndSwap'>, namespace: string) {
		this.#api = api;
		this.#collection = `/api/v1/namespaces/${namespace}/configmaps`;
	}

	/** @throws {LedgerFormatError} when it is there and can't be read by this version. */
	async readIndex(signal: AbortSignal): Promise<LedgerIndex | undefined> {
		const object = await this.#api.find<ConfigMap>(`${this.#collection}/${indexName}`, {signal});
		return object && decodeIndex(object);
	}

	/** The blocks of all pages that are there, whether or not an index names them. */
	async listBlocks(signal: AbortSignal): Promise<Block[]> {
		const {items} = await this.#api.get<{readonly items: readonly ConfigMap[] | null}>(this.#collection, {signal, metadataOnly: 'list'});
		// Of metadata alone, a list of nothing is no list.
		return blocksOf(items ?? []);
	}

	/**
	 * Creates the index in quarantine, for the pages that are there, or with blocks of this size where there are none. Does
	 * nothing where somebody else was faster.
	 */
	async createIndex(blockSize: number, signal: AbortSignal): Promise<void> {
		const blocks = await this.listBlocks(signal);
		const size = blockSizeOf(blocks, blockSize);
		await this.#createUnlessExists(indexName, ledgerMetadata('index', aboutIndex), indexData(size, firstsOf(blocks, size)), signal);
	}

	/** Makes the index, which keeps its mark, one of these blocks. @throws {ApiError} 409 when it is no longer this version. */
	async changeBlocks(index: LedgerIndex, blockSize: number, firsts: readonly number[], signal: AbortSignal): Promise<LedgerIndex> {
		return decodeIndex(await this.#api.compareAndSwap<ConfigMap>(`${this.#collection}/${indexName}`, {
			metadata: {resourceVersion: index.resourceVersion},
			data: indexData(blockSize, firsts),
		}, {signal}));
	}

	/**
	 * Takes its block from a page, so that nobody who has read it can open it any more.
	 *
	 * @throws {ApiError} 409 when it is no longer this version, 404 when it is gone.
	 */
	async disown({name, resourceVersion}: Block, signal: AbortSignal): Promise<void> {
		await this.#api.compareAndSwap(`${this.#collection}/${name}`, {
			metadata: {resourceVersion, annotations: {[ledgerAnnotations.ports]: null}},
		}, {signal, metadataOnly: true});
	}

	/** @throws {ApiError} 409 when the index is no longer this version. */
	async addToIndex(index: LedgerIndex, firsts: readonly number[], signal: AbortSignal): Promise<LedgerIndex> {
		return decodeIndex(await this.#api.compareAndSwap<ConfigMap>(`${this.#collection}/${indexName}`, {
			metadata: {resourceVersion: index.resourceVersion},
			data: {pages: indexData(index.blockSize, [...index.pages, ...firsts]).pages},
		}, {signal}));
	}

	/** @throws {ApiError} 409 when the index is no longer this version. */
	async openIndex(index: LedgerIndex, signal: AbortSignal): Promise<LedgerIndex> {
		return decodeIndex(await this.#api.compareAndSwap<ConfigMap>(`${this.#collection}/${indexName}`, {
			metadata: {resourceVersion: index.resourceVersion, annotations: {[ledgerAnnotations.mark]: null}},
		}, {signal}));
	}

	/** @param maybeStale see `RequestOptions`. */
	async readPage(first: number, blockSize: number, signal: AbortSignal, maybeStale = false): Promise<LedgerPage | undefined> {
		const object = await this.#api.find<ConfigMap>(`${this.#collection}/${pageName(first)}`, {signal, maybeStale});
		return object && decodePage(object, first, blockSize);
	}

	/** Creates a page: empty and in quarantine, as every page begins. Does nothing where somebody else was faster. */
	async createPage(first: number, blockSize: number, signal: AbortSignal): Promise<void> {
		await this.#createUnlessExists(pageName(first), ledgerMetadata('page', aboutPage, blockRange(first, blockSize)), {}, signal);
	}

	/** Gives its block to a page that has none, or another; it stays marked. @throws {ApiError} 409 when the page is no longer this version. */
	async own({first, blockSize, resourceVersion}: LedgerPage, signal: AbortSignal): Promise<void> {
		await this.#api.compareAndSwap(`${this.#collection}/${pageName(first)}`, {
			metadata: {resourceVersion, annotations: {[ledgerAnnotations.ports]: blockRange(first, blockSize)}},
		}, {signal, metadataOnly: true});
	}

	/**
	 * Ends the quarantine of a page that owns its block, and writes who has its ports, in one step.
	 *
	 * @throws {ApiError} 409 when the page is no longer this version.
	 */
	async openPage(page: LedgerPage, changes: PageChanges, signal: AbortSignal): Promise<LedgerPage> {
		return decodePage(await this.#api.compareAndSwap<ConfigMap>(`${this.#collection}/${pageName(page.first)}`, {
			metadata: {
				resourceVersion: page.resourceVersion,
				annotations: {[ledgerAnnotations.mark]: null},
				// One empty element ends the tracking of fields: thousands of keys would otherwise be listed twice.
				managedFields: [{}],
			},
			data: changesAsData(changes),
		}, {signal}), page.first, page.blockSize);
	}

	/** @throws {ApiError} 409 when the page is no longer this version, 404 when it is gone. */
	async commit(page: LedgerPage, changes: PageChanges, signal: AbortSignal): Promise<LedgerPage> {
		const {metadata} = await this.#api.compareAndSwap<ConfigMap>(`${this.#collection}/${pageName(page.first)}`, {
			metadata: {resourceVersion: page.resourceVersion},
			data: changesAsData(changes),
		}, {signal, metadataOnly: true});
		return withChanges(page, changes, metadata.resourceVersion);
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
}
