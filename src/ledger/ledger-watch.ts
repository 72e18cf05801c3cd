/**
 * Watches the metadata of the ledger's objects, so that every replica knows the latest version of each of them, and reads an
 * object at once that was put back from a copy. No decision rests on an event: each one only leads to a read.
 */
import type {Logger} from 'pino';
import type {Clock} from '../clock.ts';
import type {ApiClient, WatchEvent} from '../kubernetes/api-client.ts';
import {keepWatching, watchSeconds} from '../kubernetes/keep-watching.ts';
import type {KubernetesObject} from '../kubernetes/object.ts';
import {indexName, pageStartsOf} from '../ports/ledger-index.ts';
import {originOf, versionOf} from '../ports/ledger-origin.ts';
import type {Ledger} from './ledger.ts';

export type LedgerWatchOptions = {
	readonly api: Pick<ApiClient, 'get' | 'watch'>;
	readonly ledger: Ledger;
	readonly namespace: string;
	readonly clock: Clock;
	readonly logger: Logger;
};

const restMs = 1000;

/** Where the operator may not watch ConfigMaps, it asks twice a minute. Plans find copies of pages when they read them. */
const longestRestMs = 30_000;

/** Watches until the signal is aborted. Never rejects. */
export const watchLedger = async ({api, ledger, namespace, clock, logger}: LedgerWatchOptions, signal: AbortSignal): Promise<void> => {
	const collection = `/api/v1/namespaces/${namespace}/configmaps`;
	const read = async (object: KubernetesObject): Promise<void> => {
		const {name} = object.metadata;
		const [first] = pageStartsOf([object], ledger.cache.blockSize);
		const isLedger = name === indexName || first !== undefined;
		const isSuspicious = isLedger && (ledger.latest.note(name, versionOf(object.metadata)) || originOf(object.metadata) === 'copied');
		if (isSuspicious) {
			await (first === undefined ? ledger.readIndex(signal) : ledger.readPage(first, signal));
		}
	};

	const onObject = (object: KubernetesObject): void => {
		read(object).catch((error: unknown) => logger.debug({err: error}, `the ConfigMap ${object.metadata.name} could not be read: the next plan that needs it reads it`));
	};

	return keepWatching({
		clock, signal, restMs, longestRestMs,
		start: () => events(api, collection, onObject, signal),
		onEvent: ({type, object}) => {
			if (type !== 'DELETED' && type !== 'BOOKMARK') {
				onObject(object);
			}
		},
		onBroken: error => logger.debug({err: error}, 'the watch of the ledger ended: starting it again'),
	});
};

/** Yields the events after a list, whose objects go to `onListed`: a watch has no events from before its start. */
async function * events(api: LedgerWatchOptions['api'], collection: string, onListed: (object: KubernetesObject) => void, signal: AbortSignal): AsyncGenerator<WatchEvent<KubernetesObject>> {
	const {metadata: {resourceVersion}, items} = await api.get<{readonly metadata: {readonly resourceVersion: string}; readonly items: readonly KubernetesObject[] | null}>(collection, {signal, metadataOnly: 'list'});
	for (const object of items ?? []) {
		onListed(object);
	}

	yield * api.watch<KubernetesObject>(`${collection}?resourceVersion=${resourceVersion}`, {signal, timeoutSeconds: watchSeconds, metadataOnly: true});
}
