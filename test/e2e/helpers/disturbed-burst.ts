/** Bursts of Pods in the middle of which something breaks. */
import {setTimeout as sleep} from 'node:timers/promises';
import type {ExecutionContext} from 'ava';
import {createBurst} from '../../../harness/burst.ts';
import type {Burst} from '../../../harness/burst.ts';
import {until} from '../../../harness/control-plane/until.ts';
import type {KubeClient} from '../../../harness/kube-client.ts';
import {duplicates, entriesWithoutPod, hostPorts, missingFromLedger} from '../../../harness/observe.ts';
import type {Replica} from '../../../harness/replica.ts';
import type {Lease} from '../../../src/lease/lease-record.ts';
import type {Cluster} from './cluster.ts';
import {untilFound, untilTrue} from './until.ts';

export type DisturbedBurst<Result = unknown> = Burst & {
	/** What `disturb` resolved with. */
	readonly disturbance: Result;
	/** Right after the burst: ports that several live Pods have. */
	readonly duplicates: readonly string[];
	/** Right after the burst: ports of live Pods that the ledger lacks. */
	readonly missing: readonly string[];
};

export type Disturbance<Result> = {
	/** Created for this burst. */
	readonly namespace: string;
	/** The Pods' base port. Each Pod takes two ports, and a failed creation may leave two more behind for a while. */
	readonly basePort: number;
	/** Called once 150 Pods have their ports. */
	readonly disturb: () => Promise<Result>;
	/** True: the burst lasts until `disturb` has resolved. Default false: it has 400 Pods. */
	readonly lastsUntilDisturbed?: boolean;
};

const usual = {count: 400, concurrency: 60};

/** More Pods than can be created while something is disturbed. */
const long = {count: 6000, concurrency: 20};

/** Runs a burst in which each failed creation is tried again, as a controller would. The figures go to the test's log. */
export const disturbedBurst = async <Result>(
	t: ExecutionContext,
	{client, createNamespace, logs}: Cluster,
	{namespace, basePort, disturb, lastsUntilDisturbed = false}: Disturbance<Result>,
): Promise<DisturbedBurst<Result>> => {
	await createNamespace(namespace);
	const {count, concurrency} = lastsUntilDisturbed ? long : usual;
	const begun = logs.length;
	const over = new AbortController();
	const running = createBurst({client, count, concurrency, namespaces: [namespace], attempts: 50, basePort, signal: over.signal});
	await untilTrue(() => logs.slice(begun).filter(({msg}) => msg === 'allocated').length >= 150, 'the burst to begin');
	const disturbance = await disturb();
	if (lastsUntilDisturbed) {
		over.abort();
	}

	const burst = await running;
	const ports = await hostPorts(client);
	const result = {...burst, disturbance, duplicates: duplicates(ports), missing: await missingFromLedger(client, ports)};
	t.log(`${burst.created} created; failed creates: ${burst.failures.length}${kindsOf(burst.failures)}; duplicates: ${result.duplicates.length}; ports missing from the ledger: ${result.missing.length}; longest stall: ${burst.longestStallMs.toFixed(0)} ms`);
	t.true(!lastsUntilDisturbed || burst.created < count, 'Pods were created until the end');
	return result;
};

/** Expects that all Pods were created in the end. */
export const assertAllCreated = (t: ExecutionContext, {created}: DisturbedBurst): void => {
	t.is(created, usual.count);
};

/** Expects that no two live Pods have the same port, and that the ledger holds every port. */
export const assertSound = (t: ExecutionContext, {duplicates, missing}: DisturbedBurst): void => {
	t.deepEqual(duplicates, []);
	t.deepEqual(missing, []);
};

/** More than the hold time, and a pass of the reconciler after it. */
const reclaimBudgetMs = 90_000;

/** Waits until the entries that failed creations left behind are freed. Call it after the last burst of a file. */
export const assertReclaimed = async (t: ExecutionContext, {client}: Cluster): Promise<void> => {
	const startedAt = performance.now();
	const before = await entriesWithoutPod(client);
	let left = before;
	await until(async () => {
		left = await entriesWithoutPod(client);
		return left.length === 0;
	}, {what: 'the entries without a Pod to be freed', budgetMs: reclaimBudgetMs, intervalMs: 1000}).catch((error: unknown) => {
		throw new Error(`of ${before.length} entries without a Pod ${left.length} are left, for instance ${left[0]?.join(': ')}`, {cause: error});
	});
	t.log(`${before.length} entries without a Pod were freed within ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
	t.pass();
};

/** Stops (SIGSTOP) the replica that holds a Lease. Tries again if the Lease was handed on in the meantime. */
export const stopHolder = async ({client, installation}: Cluster, lease: 'hostport-ledger' | 'hostport-reconciler'): Promise<Replica> => untilFound(async () => {
	const identity = await holderOf(client, lease);
	const replica = installation.replicas().find(candidate => candidate.identity === identity);
	replica?.process.kill('SIGSTOP');
	// Requests that it had sent arrive within this time.
	await sleep(100);
	if (identity && await holderOf(client, lease) === identity) {
		return replica;
	}

	replica?.process.kill('SIGCONT');
	return undefined;
}, `a holder of the Lease ${lease}`);

const holderOf = async (client: KubeClient, lease: string): Promise<string | undefined> => {
	const {status, body} = await client.send<Lease>('GET', `/apis/coordination.k8s.io/v1/namespaces/operators/leases/${lease}`);
	return status === 200 ? body.spec?.holderIdentity ?? undefined : undefined;
};

/** Counts failures by the end of their messages, which says what broke. The start names addresses and Pods. */
const kindsOf = (failures: readonly string[]): string => {
	const kinds = Map.groupBy(failures, failure => failure.split(': ').at(-1) ?? '');
	return failures.length === 0 ? '' : ` (${[...kinds].map(([kind, {length}]) => `${kind}: ${length}`).join(', ')})`;
};
