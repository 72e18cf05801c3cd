/** Many Pods at once, and what became of them. */
import {setTimeout as sleep} from 'node:timers/promises';
import type {KubeClient} from './kube-client.ts';

export {duplicates, hostPorts, ledgerEntries, missingFromLedger} from './observe.ts';

export type BurstOptions = {
	readonly client: KubeClient;
	readonly count: number;
	readonly concurrency: number;
	/** Taken in turn. */
	readonly namespaces: readonly string[];
	/** Ends it, once those Pods are created that are under way. */
	readonly signal?: AbortSignal;
	/** Tries again, as a controller does, until this many creations of one Pod have failed. Default 1: none. */
	readonly attempts?: number;
	/** `hostport.io/base-port` of the Pods. */
	readonly basePort?: number;
};

export type Burst = {
	readonly created: number;
	/** The status and message of every creation that was refused, and `no answer` with the reason where there was none. */
	readonly failures: readonly string[];
	/** Milliseconds of each creation that succeeded. */
	readonly latenciesMs: readonly number[];
	/** The longest time in which no creation was answered with success. */
	readonly longestStallMs: number;
	readonly durationMs: number;
};

/** A Pod as a Deployment would make it: no name yet, two ports. */
export const podTemplate = (name: string, basePort = 30_558) => ({
	apiVersion: 'v1',
	kind: 'Pod',
	metadata: {generateName: `${name}-`, labels: {app: name}, annotations: {'hostport.io/enabled': 'true', 'hostport.io/base-port': String(basePort)}},
	spec: {
		// Nothing runs them: the API server's cost is the same, and the scheduler's stays out of the figures.
		schedulerName: 'none',
		containers: [{
			name: 'server',
			image: 'registry.example.com/game-server:1.0',
			ports: [{name: 'grpc', containerPort: 19_805}, {name: 'health', containerPort: 9090}],
		}],
	},
});

/** Controllers wait a little longer each time; for a burst of seconds this is near enough. */
const retryAfterMs = 200;

export const createBurst = async ({client, count, concurrency, namespaces, attempts = 1, basePort, signal}: BurstOptions): Promise<Burst> => {
	const failures: string[] = [];
	const latenciesMs: number[] = [];
	const startedAt = performance.now();
	let lastSuccessAt = startedAt;
	let longestStallMs = 0;
	let next = 0;
	const isOver = () => next >= count || signal?.aborted;
	const work = async (): Promise<void> => {
		while (!isOver()) {
			const namespace = namespaces[next++ % namespaces.length]!;
			for (let attempt = 1; attempt <= attempts; attempt++) {
				const sentAt = performance.now();
				const {status, body} = await client.send<{message?: string}>('POST', `/api/v1/namespaces/${namespace}/pods`, podTemplate('burst', basePort))
					.catch((error: Error) => ({status: 'no answer', body: {message: error.message}}));
				if (status === 201) {
					const now = performance.now();
					latenciesMs.push(now - sentAt);
					longestStallMs = Math.max(longestStallMs, now - lastSuccessAt);
					lastSuccessAt = now;
					break;
				}

				failures.push(`${status} ${body.message}`);
				await sleep(retryAfterMs);
			}
		}
	};

	await Promise.all(Array.from({length: concurrency}, work));
	return {created: latenciesMs.length, failures, latenciesMs, longestStallMs, durationMs: performance.now() - startedAt};
};

/** How many writes of ConfigMaps and Leases the API server has been asked for so far, also those that it refused. */
export const countWrites = async (client: KubeClient): Promise<{readonly configMaps: number; readonly leases: number; readonly refused: number}> => {
	const metrics = await client.request<string>('GET', '/metrics');
	const counts = {configMaps: 0, leases: 0, refused: 0};
	for (const [, labels, value] of metrics.matchAll(/^apiserver_request_total\{(.*)\} (\d+)$/gm)) {
		const label = (name: string) => new RegExp(`(?:^|,)${name}="([^"]*)"`).exec(labels ?? '')?.[1] ?? '';
		if (!['POST', 'PUT', 'PATCH', 'APPLY', 'DELETE'].includes(label('verb'))) {
			continue;
		}

		if (label('resource') === 'configmaps') {
			counts.configMaps += Number(value);
		} else if (label('resource') === 'leases') {
			counts.leases += Number(value);
		} else {
			continue;
		}

		counts.refused += label('code').startsWith('2') ? 0 : Number(value);
	}

	return counts;
};
