/** Kills a replica at the worst moment: while it holds the Lease and the others wait for it. */
import {setTimeout as delay} from 'node:timers/promises';
import type {Lease} from '../../src/lease/lease-record.ts';
import {until} from '../../harness/control-plane/until.ts';
import type {KubeClient} from '../../harness/kube-client.ts';
import type {Replica} from '../../harness/replica.ts';
import type {Installation} from '../../harness/replicas.ts';
import type {DemoState} from './state.ts';
import {leaseName, leasePath} from './watch-cluster.ts';

export type Kill = {
	readonly replica: Replica;
	/** When the replica was paused, and when it was killed: wall clock, milliseconds, as in the replicas' logs. */
	readonly stoppedAt: number;
	readonly killedAt: number;
};

export type KillOptions = {
	readonly client: KubeClient;
	readonly installation: Installation;
	readonly state: DemoState;
	/** Whether it is too early for the kill, the right time, or too late. */
	readonly phase: () => 'early' | 'now' | 'over';
	readonly signal: AbortSignal;
};

/** Enough for the API server to finish a request that the replica sent before it was paused. */
const settleMs = 20;

/** Resolves with undefined if the phase was "over" before a holder could be killed. */
export const killLeaseHolder = async ({client, installation, state, phase, signal}: KillOptions): Promise<Kill | undefined> => {
	/**
	 * A replica holds the Lease for milliseconds only, so another may hold it before a signal arrives. Therefore this pauses
	 * the replica, reads the Lease again, and kills the replica only if it is still the holder.
	 */
	const killIfHolder = async (replica: Replica): Promise<Kill | undefined> => {
		const stoppedAt = Date.now();
		replica.process.kill('SIGSTOP');
		let isHolder = false;
		try {
			await delay(settleMs);
			const {spec} = await client.request<Lease>('GET', `${leasePath}/${leaseName}`);
			isHolder = spec?.holderIdentity === replica.identity;
		} finally {
			if (!isHolder) {
				replica.process.kill('SIGCONT');
			}
		}

		if (!isHolder) {
			return undefined;
		}

		const killedAt = Date.now();
		state.replicas.set(replica.name, 'killed');
		await installation.removeReplica(replica, 'SIGKILL');
		return {replica, stoppedAt, killedAt};
	};

	let previous: string | undefined;
	const kill = await until(async () => {
		const holder = installation.replicas().find(({identity}) => identity === state.lease?.holder);
		// A new holder is working on Pods. One that has held the Lease for a while may be idle.
		const isNew = holder && holder.identity !== previous;
		previous = holder?.identity;
		if (phase() === 'now' && isNew) {
			return await killIfHolder(holder) ?? false;
		}

		return phase() === 'over' && 'over';
	}, {what: 'a replica to hold the Lease', budgetMs: 60_000, intervalMs: 2, signal});
	return kill === 'over' ? undefined : kill;
};
