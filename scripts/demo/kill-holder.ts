/** Kills a replica at the worst moment: while it holds the Lease and others wait for it. */
import {setTimeout as delay} from 'node:timers/promises';
import type {Lease} from '../../src/lease/lease-record.ts';
import {until} from '../../harness/control-plane/until.ts';
import type {KubeClient} from '../../harness/kube-client.ts';
import type {Replica} from '../../harness/replica.ts';
import type {Installation} from '../../harness/replicas.ts';
import {leaseName, leasePath} from './observe-cluster.ts';
import type {Scene} from './scene.ts';

export type Kill = {
	readonly replica: Replica;
	/** Wall clock, as the replicas' logs have it: when it did its last. */
	readonly stoppedAt: number;
	readonly killedAt: number;
};

export type KillOptions = {
	readonly client: KubeClient;
	readonly installation: Installation;
	readonly scene: Scene;
	/** When to begin to look for a holder, and when it is too late. */
	readonly phase: () => 'early' | 'now' | 'over';
	readonly signal: AbortSignal;
};

/** Long enough for a request that the replica has sent before it was paused. */
const settleMs = 20;

/** Resolves with undefined when there was no holder to kill before it was over. */
export const killHolder = async ({client, installation, scene, phase, signal}: KillOptions): Promise<Kill | undefined> => {
	/**
	 * A replica keeps the Lease for milliseconds, so by the time that a signal reaches it, another may have it. Hence it
	 * is paused first, and killed only if the Lease, read anew, is still its own.
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
		scene.replicas.set(replica.name, 'killed');
		await installation.removeReplica(replica, 'SIGKILL');
		return {replica, stoppedAt, killedAt};
	};

	let earlier: string | undefined;
	const kill = await until(async () => {
		const holder = installation.replicas().find(({identity}) => identity === scene.lease?.holder);
		// Who has just got the Lease has Pods in hand; who has had it for a while may be idle.
		const isNew = holder && holder.identity !== earlier;
		earlier = holder?.identity;
		if (phase() === 'now' && isNew) {
			return await killIfHolder(holder) ?? false;
		}

		return phase() === 'over' && 'over';
	}, {what: 'a replica to hold the Lease', budgetMs: 60_000, intervalMs: 2, signal});
	return kill === 'over' ? undefined : kill;
};
