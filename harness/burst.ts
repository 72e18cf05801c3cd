/** Creates many Pods at once, and measures how long each creation took and how many failed. */
import {setTimeout as sleep} from 'node:timers/promises';
import {messageOf} from '../src/errors.ts';
import type {KubeClient} from './kube-client.ts';
import {podTemplate} from './pod-template.ts';

export type BurstOptions = {
	readonly client: KubeClient;
	readonly count: number;
	readonly concurrency: number;
	/** Used in turn. */
	readonly namespaces: readonly string[];
	/** Ends the burst early, once the requests that have been sent are answered. */
	readonly signal?: AbortSignal;
	/** How often each Pod is tried, as a controller would. Default 1. */
	readonly attempts?: number;
	/** `hostport.io/base-port` of the Pods. */
	readonly basePort?: number;
};

export type Burst = {
	readonly created: number;
	/** Each failed creation: status and message, or `no answer` and the reason. */
	readonly failures: readonly string[];
	/** The duration of each creation that succeeded, milliseconds. */
	readonly latenciesMs: readonly number[];
	/** The longest time without a creation that succeeded. */
	readonly longestStallMs: number;
	readonly durationMs: number;
};

/** A controller backs off further each time. A burst lasts seconds, so one pause is near enough. */
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
					.catch((error: unknown) => ({status: 'no answer', body: {message: messageOf(error)}}));
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
