/** Creates Pods continuously until it is stopped, so that no failure can fall between two bursts. */
import {setTimeout as sleep} from 'node:timers/promises';
import type {KubeClient} from '../../../harness/kube-client.ts';
import {podTemplate} from '../../../harness/pod-template.ts';

export type Load = AsyncDisposable & {
	/** How many Pods have been created so far. */
	readonly created: () => number;
	/** The time and answer of each failed creation. None is tried again. */
	readonly failures: () => readonly string[];
	/** Resolves when the last request is answered. */
	readonly stop: () => Promise<void>;
};

export type LoadOptions = {
	readonly client: KubeClient;
	readonly namespace: string;
	readonly workers: number;
	/** The pause of each worker after a creation. */
	readonly pauseMs: number;
};

export const startLoad = ({client, namespace, workers, pauseMs}: LoadOptions): Load => {
	let created = 0;
	const over = new AbortController();
	const failures: string[] = [];
	const work = async (): Promise<void> => {
		while (!over.signal.aborted) {
			const {status, body} = await client.send<{message?: string}>('POST', `/api/v1/namespaces/${namespace}/pods`, podTemplate('load', 5000));
			if (status === 201) {
				created++;
			} else {
				failures.push(`${new Date().toISOString()} ${status} ${body.message}`);
			}

			await sleep(pauseMs);
		}
	};

	const working = Promise.all(Array.from({length: workers}, work));
	const stop = async () => {
		over.abort();
		await working;
	};

	return {created: () => created, failures: () => failures, stop, [Symbol.asyncDispose]: stop};
};
