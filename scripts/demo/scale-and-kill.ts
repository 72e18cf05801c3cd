/** Scales the Deployment to fifty Pods, kills the replica that holds the Lease meanwhile, and waits for the others to continue. */
import {until, WaitTimeoutError} from '../../harness/control-plane/until.ts';
import {killLeaseHolder} from './kill-lease-holder.ts';
import type {Kill} from './kill-lease-holder.ts';
import {finalWorkerCount, gameWorker, initialWorkerCount, runBudgetMs, scaleWorkers} from './samples.ts';
import type {Context, Setup} from './set-up.ts';
import {isRunning, podsOf} from './snapshot.ts';
import {steps} from './state.ts';
import type {Allocation} from './state.ts';
import {seconds} from './styled-text.ts';

export type KillOutcome = Kill & {
	readonly podsBefore: number;
	/** The first ports from another replica after the kill. Undefined if none came in time. */
	readonly next: Allocation | undefined;
};

/** Resolves with undefined if all Pods existed before a replica could be killed. */
export const scaleAndKill = async ({state, output, signal}: Context, {cluster: {client}, installation}: Setup): Promise<KillOutcome | undefined> => {
	state.step = steps.indexOf('50 Pods and a kill');
	state.goal = {apps: [gameWorker], total: finalWorkerCount};
	output.announce(`Scaling the Deployment from ${initialWorkerCount} to ${finalWorkerCount}. During this, the demo kills the replica that holds the Lease`);
	const workers = () => podsOf(state.pods.values(), [gameWorker]);
	await scaleWorkers(client, finalWorkerCount);
	const kill = await killLeaseHolder({
		client,
		installation,
		state,
		phase: () => workers().length < workersBeforeKill ? 'early' : (workers().length < finalWorkerCount ? 'now' : 'over'),
		signal,
	});
	const podsBefore = workers().length;
	let next: Allocation | undefined;
	if (kill) {
		const {name} = kill.replica;
		output.announce(`Killed ${name} with "kill -9" while it held the Lease and ${podsBefore} of ${finalWorkerCount} Pods existed. The other replicas continue when the Lease has expired, after 3 s`);
		next = await unlessTimeout(until(async () => state.allocations.find(({replica, at}) => replica !== name && at > kill.killedAt), {
			what: 'another replica to allocate ports', budgetMs: 30_000, signal,
		}));
		if (next) {
			output.announce(`${next.replica} continues, ${seconds(next.at - kill.stoppedAt)} after the kill. The Deployment's controller repeats the requests that ${name} did not answer`);
		}
	}

	await unlessTimeout(until(async () => workers().filter(pod => isRunning(pod)).length === finalWorkerCount, {what: 'all Pods to run', budgetMs: runBudgetMs, signal}));
	return kill && {...kill, podsBefore, next};
};

/** Low enough that many Pods are still to come after the kill, high enough that all replicas are busy. */
const workersBeforeKill = 15;

/** Turns a timeout into undefined: the report says what is missing. */
const unlessTimeout = async <Answer>(waiting: Promise<Answer>): Promise<Answer | undefined> => {
	try {
		return await waiting;
	} catch (error) {
		if (error instanceof WaitTimeoutError) {
			return undefined;
		}

		throw error;
	}
};
