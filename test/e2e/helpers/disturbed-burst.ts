/** Bursts of Pods in the middle of which something breaks, and the figures that are promised for it. */
import {setTimeout as sleep} from 'node:timers/promises';
import type {ExecutionContext} from 'ava';
import {createBurst} from '../../../harness/burst.ts';
import type {Burst} from '../../../harness/burst.ts';
import {duplicates, hostPorts, ledgerEntries, missingFromLedger} from '../../../harness/observe.ts';
import type {Replica} from '../../../harness/replica.ts';
import {until} from '../../../harness/control-plane/until.ts';
import {parseEntryKey} from '../../../src/ports/ledger-entry.ts';
import type {Lease} from '../../../src/lease/lease-record.ts';
import {untilFound} from './cluster.ts';
import type {Cluster} from './cluster.ts';

export type DisturbedBurst = Burst & {
	/** As they are right after the burst. */
	readonly duplicates: readonly string[];
	readonly missing: readonly string[];
};

export type Disturbance = {
	/** Made for it. */
	readonly namespace: string;
	/** Is called once the burst has well begun, with the first of its numbers. With `forAsLongAsItTakes` the burst goes on until it has resolved. */
	readonly disturb: (basePort: number) => Promise<void>;
	readonly forAsLongAsItTakes?: boolean;
};

/** Each Pod takes two numbers; what a failed creation leaves behind takes some more. */
export const usual = {count: 400, concurrency: 60, ports: 2000};

/** Lasts longer than whatever is done meanwhile. */
const long = {count: 6000, concurrency: 20, ports: 12_000};

/** After the last burst of a file. */
const reclaimBudgetMs = 90_000;

/** @param firstPort each burst has numbers of its own from here on, so that none exhausts the range. */
export const useDisturbances = (cluster: () => Cluster, firstPort: number) => {
	let nextBase = firstPort;
	const reclaims: Array<Promise<string>> = [];
	const patience = new AbortController();

	/** Each failed creation is tried again, as a controller would. The figures go to the test's log. */
	const disturbedBurst = async (t: ExecutionContext, {namespace, disturb, forAsLongAsItTakes = false}: Disturbance): Promise<DisturbedBurst> => {
		const {client, createNamespace, logs} = cluster();
		await createNamespace(namespace);
		const {count, concurrency, ports: portCount} = forAsLongAsItTakes ? long : usual;
		const basePort = nextBase;
		nextBase += portCount;
		const begun = logs.length;
		const over = new AbortController();
		const running = createBurst({client, count, concurrency, namespaces: [namespace], attempts: 50, basePort, signal: over.signal});
		await untilFound(async () => logs.slice(begun).filter(({msg}) => msg === 'allocated').length >= 150 ? true : undefined, 'the burst to begin');
		await disturb(basePort);
		if (forAsLongAsItTakes) {
			over.abort();
		}

		const burst = await running;
		const endedAt = performance.now();
		const ports = await hostPorts(client);
		const result = {...burst, duplicates: duplicates(ports), missing: await missingFromLedger(client, ports)};
		t.log(`${burst.created} created; failed creates: ${burst.failures.length}${kindsOf(burst.failures)}; duplicates: ${result.duplicates.length}; ports missing from the ledger: ${result.missing.length}; longest stall: ${burst.longestStallMs.toFixed(0)} ms`);
		const reclaim = reclaimed(namespace, [basePort, basePort + portCount], endedAt);
		reclaim.catch(() => {});
		reclaims.push(reclaim);
		t.true(!forAsLongAsItTakes || burst.created < count, 'Pods kept coming until the end');
		return result;
	};

	/** What has no Pod is gone in the end; how long that took is counted from the end of the burst. The next burst does not wait for it. */
	const reclaimed = async (namespace: string, [from, to]: readonly [number, number], sinceMs: number): Promise<string> => {
		const {client} = cluster();
		const leaks = async () => {
			const entries = await ledgerEntries(client);
			const used = new Set((await hostPorts(client)).map(({port, protocol}) => `${port}.${protocol.toLowerCase()}`));
			return [...entries].filter(([key]) => !used.has(key)).filter(([key]) => {
				const {port} = parseEntryKey(key) ?? {port: 0};
				return port >= from && port < to;
			});
		};

		const [first, ...others] = await leaks();
		if (!first) {
			return `${namespace}: no entry without a Pod`;
		}

		const count = others.length + 1;
		let left: readonly unknown[] = [];
		await until(async () => {
			left = await leaks();
			return left.length === 0;
		}, {what: 'these entries to be gone', budgetMs: Infinity, intervalMs: 1000, signal: patience.signal}).catch((error: unknown) => {
			throw new Error(`${namespace}: of ${count} entries without a Pod there are still ${left.length}, for instance ${String(left[0])}`, {cause: error});
		});
		return `${namespace}: ${count} entries without a Pod, for instance ${first.join(': ')}, were gone ${((performance.now() - sinceMs) / 1000).toFixed(1)} s after the burst`;
	};

	/** The last test of a file. */
	const testReclaim = async (t: ExecutionContext): Promise<void> => {
		const timer = setTimeout(() => patience.abort(new Error(`${reclaimBudgetMs / 1000} s have passed since the last burst`)), reclaimBudgetMs);
		try {
			for (const reclaim of reclaims) {
				t.log(await reclaim);
			}

			t.true(reclaims.length > 0);
		} finally {
			clearTimeout(timer);
		}
	};

	/** Stops (SIGSTOP) the replica that holds a Lease, and is sure that it does: it may hand it on while we read. */
	const stopHolder = async (lease: 'hostport-ledger' | 'hostport-reconciler'): Promise<Replica> => untilFound(async () => {
		const identity = await holderOf(lease);
		const replica = cluster().installation.replicas().find(candidate => candidate.identity === identity);
		replica?.process.kill('SIGSTOP');
		// What it sent before it was stopped has arrived by then.
		await sleep(100);
		if (identity && await holderOf(lease) === identity) {
			return replica;
		}

		replica?.process.kill('SIGCONT');
		return undefined;
	}, `a holder of the Lease ${lease}`);

	const holderOf = async (lease: string): Promise<string | undefined> => {
		const {status, body} = await cluster().client.send<Lease>('GET', `/apis/coordination.k8s.io/v1/namespaces/operators/leases/${lease}`);
		return status === 200 ? body.spec?.holderIdentity ?? undefined : undefined;
	};

	return {disturbedBurst, testReclaim, stopHolder};
};

/** All were created in the end, no port twice, and every port in the ledger. */
export const assertSound = (t: ExecutionContext, {created, duplicates, missing}: DisturbedBurst): void => {
	t.is(created, usual.count);
	t.deepEqual(duplicates, []);
	t.deepEqual(missing, []);
};

/** The end of a message says what broke; what comes before it names addresses and Pods. */
const kindsOf = (failures: readonly string[]): string => {
	const kinds = Map.groupBy(failures, failure => failure.split(': ').at(-1) ?? '');
	return failures.length === 0 ? '' : ` (${[...kinds].map(([kind, {length}]) => `${kind}: ${length}`).join(', ')})`;
};
