/** The load for a contender, and the measurements while it runs. */
import {setTimeout as sleep} from 'node:timers/promises';
import {createBurst} from '../harness/burst.ts';
import {countWrites} from '../harness/count-writes.ts';
import type {KubeClient} from '../harness/kube-client.ts';
import {duplicates, hostPorts} from '../harness/observe.ts';
import {podTemplate} from '../harness/pod-template.ts';
import {quantile, sum} from './figures.ts';
import {usageOf} from './process-usage.ts';

export const namespace = 'bench';
const podsPath = `/api/v1/namespaces/${namespace}/pods`;

export type BurstFigures = {
	readonly podsPerSecond: number;
	readonly p50Ms: number;
	readonly p99Ms: number;
	readonly failures: number;
	/** Requests to write ConfigMaps and Leases during the burst, rejected ones included. */
	readonly writesPerPod: number;
	/** All processes of the contender together. */
	readonly cpuSecondsPer1000Pods: number;
	/** API server and etcd together. */
	readonly controlPlaneCpuSecondsPer1000Pods: number;
};

/** Process IDs. */
export type Measured = {
	readonly contender: readonly number[];
	readonly controlPlane: readonly number[];
};

export const concurrency = 50;

const cpuSecondsOf = async (pids: readonly number[]): Promise<number> =>
	sum((await Promise.all(pids.map(usageOf))).map(({cpuSeconds}) => cpuSeconds));

export const measureBurst = async (client: KubeClient, count: number, {contender, controlPlane}: Measured): Promise<BurstFigures> => {
	const writesBefore = await countWrites(client);
	const before = {contender: await cpuSecondsOf(contender), controlPlane: await cpuSecondsOf(controlPlane)};
	const {created, failures, latenciesMs, durationMs} = await createBurst({client, count, concurrency, namespaces: [namespace]});
	const after = {contender: await cpuSecondsOf(contender), controlPlane: await cpuSecondsOf(controlPlane)};
	const writes = await countWrites(client);
	return {
		podsPerSecond: created / durationMs * 1000,
		p50Ms: quantile(latenciesMs, 0.5),
		p99Ms: quantile(latenciesMs, 0.99),
		failures: failures.length,
		writesPerPod: (writes.configMaps + writes.leases - writesBefore.configMaps - writesBefore.leases) / count,
		cpuSecondsPer1000Pods: (after.contender - before.contender) / count * 1000,
		controlPlaneCpuSecondsPer1000Pods: (after.controlPlane - before.controlPlane) / count * 1000,
	};
};

/** Latencies of `count` creations in milliseconds, one after the other with a pause between them. */
export const measureOneByOne = async (client: KubeClient, count: number, pauseMs: number): Promise<number[]> => {
	const samples: number[] = [];
	for (let index = 0; index < count; index++) {
		const sentAt = performance.now();
		await client.request('POST', podsPath, podTemplate('single'));
		samples.push(performance.now() - sentAt);
		await sleep(pauseMs);
	}

	return samples;
};

/** A ledger entry of the usual size. */
const entry = (since: string) => JSON.stringify({pod: 'game/game-server-7d9f- (ReplicaSet game-server-7d9f)', port: 'grpc', state: 'pending', claim: '00000000-0000-4000-8000-000000000000', since});

/** Latencies of `count` compare-and-swaps in milliseconds. Each changes one of 100 ledger entries in a ConfigMap. */
export const measureCompareAndSwap = async (client: KubeClient, count: number): Promise<number[]> => {
	const collection = `/api/v1/namespaces/${namespace}/configmaps`;
	const path = `${collection}/compare-and-swap`;
	const data = Object.fromEntries(Array.from({length: 100}, (_, index) => [`${30_558 + index}.tcp`, entry('never')]));
	type Stored = {readonly metadata: {readonly resourceVersion: string}};
	let {metadata: {resourceVersion}} = await client.request<Stored>('POST', collection, {apiVersion: 'v1', kind: 'ConfigMap', metadata: {name: 'compare-and-swap'}, data});
	const samples: number[] = [];
	for (let index = 0; index < count; index++) {
		const sentAt = performance.now();
		({metadata: {resourceVersion}} = await client.request<Stored>('PATCH', path, {metadata: {resourceVersion}, data: {'30558.tcp': entry(String(index))}}, 'application/strategic-merge-patch+json'));
		samples.push(performance.now() - sentAt);
	}

	await client.request('DELETE', path);
	return samples;
};

/** @throws if a port was given twice: then the measurement is worthless. */
export const assertNoDuplicates = async (client: KubeClient): Promise<void> => {
	const found = duplicates(await hostPorts(client));
	if (found.length > 0) {
		throw new Error(`${found.length} ports were given twice: ${found.slice(0, 3).join('; ')}`);
	}
};

/** Deletes Pods, ledger and Leases, so that every contender starts with the same cluster. */
export const clear = async (client: KubeClient): Promise<void> => {
	await client.request('DELETE', `${podsPath}?gracePeriodSeconds=0`);
	await client.request('DELETE', '/api/v1/namespaces/operators/configmaps?labelSelector=hostport.io/ledger');
	await client.request('DELETE', '/apis/coordination.k8s.io/v1/namespaces/operators/leases');
};
