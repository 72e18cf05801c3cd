/** Fifty Pods, and in the middle of them the death of the replica that everybody waits for. */
import {until, WaitTimeoutError} from '../../harness/control-plane/until.ts';
import {killHolder} from './kill-holder.ts';
import type {Kill} from './kill-holder.ts';
import {fewWorkers, manyWorkers, runBudgetMs} from './numbers.ts';
import {isRunning, podsOf} from './picture.ts';
import type {Prepared, Stage} from './prepare.ts';
import {gameWorker, scaleWorkers} from './samples.ts';
import {steps} from './scene.ts';
import type {Allocation} from './scene.ts';
import {seconds} from './text.ts';

export type Killed = Kill & {readonly podsBefore: number; readonly next: Allocation | undefined};

export const growAndKill = async (stage: Stage, {cluster: {client}, installation}: Prepared): Promise<Killed | undefined> => {
	const {scene, show, signal} = stage;
	scene.step = steps.indexOf('50 Pods and a kill');
	scene.goal = {apps: [gameWorker], total: manyWorkers};
	show.say(`Scaling the Deployment from ${fewWorkers} to ${manyWorkers}. Once some are there, the replica that holds the Lease is killed`);
	const workers = () => podsOf(scene.pods.values(), [gameWorker]);
	await scaleWorkers(client, manyWorkers);
	const kill = await killHolder({
		client,
		installation,
		scene,
		phase: () => workers().length < someWorkers ? 'early' : (workers().length < manyWorkers ? 'now' : 'over'),
		signal,
	});
	const podsBefore = workers().length;
	let next: Allocation | undefined;
	if (kill) {
		const {name} = kill.replica;
		show.say(`Killed ${name} with "kill -9" while it held the Lease, with ${podsBefore} of ${manyWorkers} Pods there. The others go on when its Lease has expired, after 3 s`);
		next = await orNot(until(async () => scene.allocations.find(({replica, at}) => replica !== name && at > kill.killedAt), {
			what: 'another replica to give ports', budgetMs: 30_000, signal,
		}));
		if (next) {
			show.say(`${next.replica} goes on, ${seconds(next.at - kill.stoppedAt)} after the kill. What was asked of ${name} is asked again by the Deployment's controller`);
		}
	}

	await orNot(until(async () => workers().filter(pod => isRunning(pod)).length === manyWorkers, {what: 'all Pods to run', budgetMs: runBudgetMs, signal}));
	return kill && {...kill, podsBefore, next};
};

/** Few enough that the burst is not over before the kill, many enough that it is well under way. */
const someWorkers = 15;

/** What did not come in time is for the verdict to say. */
const orNot = async <Answer>(waiting: Promise<Answer>): Promise<Answer | undefined> => {
	try {
		return await waiting;
	} catch (error) {
		if (error instanceof WaitTimeoutError) {
			return undefined;
		}

		throw error;
	}
};
