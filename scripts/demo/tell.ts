/** The story of the demo, from an empty machine to fifty Pods and a dead replica. */
import {setTimeout as delay} from 'node:timers/promises';
import {until} from '../../harness/control-plane/until.ts';
import type {Cluster} from './cluster.ts';
import {gatherEvidence} from './gather-evidence.ts';
import {growAndKill} from './grow-and-kill.ts';
import {fewWorkers, manyWorkers, runBudgetMs, servers} from './numbers.ts';
import {isRunning, podsOf} from './picture.ts';
import {prepare} from './prepare.ts';
import type {Prepared, Stage} from './prepare.ts';
import {applySamples, gameServer, gameWorker, namespace} from './samples.ts';
import {steps} from './scene.ts';
import type {Evidence} from './verdict.ts';

export type Told = {
	readonly cluster: Cluster;
	readonly evidence: Evidence;
	/** What the API server accepted while the Deployment grew. */
	readonly cost: {readonly pods: number; readonly ledgerWrites: number; readonly leaseWrites: number};
};

export const tell = async (stage: Stage): Promise<Told> => {
	const prepared = await prepare(stage);
	await showSamples(stage, prepared);
	const writes = {...stage.scene.writes};
	const kill = await growAndKill(stage, prepared);
	const cost = {
		pods: manyWorkers - fewWorkers,
		ledgerWrites: stage.scene.writes.ledger - writes.ledger,
		leaseWrites: stage.scene.writes.lease - writes.lease,
	};

	stage.scene.step = steps.indexOf('check');
	stage.show.say('Reading all Pods and the ledger anew');
	const evidence = await gatherEvidence(stage, prepared, kill);
	stage.scene.step = steps.length;
	return {cluster: prepared.cluster, evidence, cost};
};

const showSamples = async ({scene, show, signal}: Stage, {cluster}: Prepared): Promise<void> => {
	scene.step = steps.indexOf('samples');
	scene.goal = {apps: [gameServer, gameWorker], total: servers + fewWorkers};
	show.say('Applying deploy/samples: a StatefulSet of game servers and a Deployment of workers, two host ports for each Pod');
	await applySamples(cluster.client, cluster.isOwn ? undefined : publicImage, signal);
	await until(async () => podsOf(scene.pods.values(), [gameServer, gameWorker]).filter(pod => isRunning(pod)).length === servers + fewWorkers, {
		what: `the ${servers + fewWorkers} Pods of the samples to run ("kubectl get events -n ${namespace}" may say why they don't)`,
		budgetMs: runBudgetMs,
		signal,
	});
	show.say('Each Pod runs with ports of its own. Next, the Deployment grows to fifty');
	if (show.isLive) {
		await delay(lookMs, undefined, {signal});
	}
};

/** The samples' images exist in no registry; on our own nodes nothing is pulled. */
const publicImage = 'registry.k8s.io/pause:3.10';

/** Time to take in a picture. */
const lookMs = 2500;
