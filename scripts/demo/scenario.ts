/** The demo's steps in order: set up, run the samples, scale to fifty Pods and kill a replica, check. */
import {setTimeout as delay} from 'node:timers/promises';
import {until} from '../../harness/control-plane/until.ts';
import type {Cluster} from './cluster.ts';
import {gatherEvidence} from './evidence.ts';
import type {Evidence} from './evidence.ts';
import {applySamples, finalWorkerCount, gameServer, gameWorker, initialWorkerCount, namespace, runBudgetMs, serverCount} from './samples.ts';
import {scaleAndKill} from './scale-and-kill.ts';
import {setUp} from './set-up.ts';
import type {Context, Setup} from './set-up.ts';
import {isRunning, podsOf} from './snapshot.ts';
import {steps} from './state.ts';

export type Outcome = {
	readonly cluster: Cluster;
	readonly evidence: Evidence;
	/** Writes that the API server accepted while the Deployment grew by `pods`. */
	readonly writes: {readonly pods: number; readonly ledger: number; readonly lease: number};
};

export const runScenario = async (context: Context): Promise<Outcome> => {
	const {state, output} = context;
	const setup = await setUp(context);
	await runSamples(context, setup);
	const before = {...state.writes};
	const kill = await scaleAndKill(context, setup);
	const writes = {
		pods: finalWorkerCount - initialWorkerCount,
		ledger: state.writes.ledger - before.ledger,
		lease: state.writes.lease - before.lease,
	};

	state.step = steps.indexOf('check');
	output.announce('Reading all Pods and the ledger again');
	const evidence = await gatherEvidence(context, setup, kill);
	state.step = steps.length;
	return {cluster: setup.cluster, evidence, writes};
};

const runSamples = async ({state, output, signal}: Context, {cluster}: Setup): Promise<void> => {
	const apps = [gameServer, gameWorker];
	const total = serverCount + initialWorkerCount;
	state.step = steps.indexOf('samples');
	state.goal = {apps, total};
	output.announce('Applying deploy/samples: a StatefulSet of game servers and a Deployment of workers, two host ports for each Pod');
	await applySamples(cluster.client, cluster.isOwn ? undefined : publicImage, signal);
	await until(async () => podsOf(state.pods.values(), apps).filter(pod => isRunning(pod)).length === total, {
		what: `the ${total} Pods of the samples to run ("kubectl get events -n ${namespace}" may say why they don't)`,
		budgetMs: runBudgetMs,
		signal,
	});
	output.announce('Each Pod runs with host ports of its own. Next, the Deployment grows to fifty Pods');
	if (output.isLive) {
		await delay(viewMs, undefined, {signal});
	}
};

/** The samples' images exist in no registry. The demo's own nodes pull nothing; other nodes need an image that exists. */
const publicImage = 'registry.k8s.io/pause:3.10';

/** Enough time to look at the picture. */
const viewMs = 2500;
