/** Control plane, replicas and webhook: as much of it at once as can be. */
import {build} from '../build.ts';
import {ledgerEntries} from '../../harness/observe.ts';
import {install} from '../../harness/replicas.ts';
import type {Installation} from '../../harness/replicas.ts';
import {leftLines} from './closing-lines.ts';
import {openCluster} from './cluster.ts';
import type {Cluster} from './cluster.ts';
import {observeCluster} from './observe-cluster.ts';
import {createNamespace, deleteNamespace, untilPodsMayCome} from './samples.ts';
import {hear} from './scene.ts';
import type {Scene} from './scene.ts';
import type {Show} from './show.ts';
import type {Line} from './text.ts';

export type Stage = {
	/** Of a cluster to use instead of a new one. */
	readonly kubeconfig: string | undefined;
	readonly scene: Scene;
	readonly show: Show;
	/** For what is to be said when the show is over. */
	readonly print: (lines: readonly Line[]) => void;
	/** What is started ends with this. */
	readonly opened: AsyncDisposableStack;
	/** Called should something end that nobody has told to. */
	readonly onBroken: (error: unknown) => void;
	readonly signal: AbortSignal;
};

export type Prepared = {
	readonly cluster: Cluster;
	readonly installation: Installation;
	/** What the ledger held already. */
	readonly earlierEntries: ReadonlySet<string>;
};

export const prepare = async (stage: Stage): Promise<Prepared> => {
	const {kubeconfig, scene, show, print, opened, onBroken, signal} = stage;
	show.say(kubeconfig ? `Using the cluster of KUBECONFIG=${kubeconfig}` : 'Starting a Kubernetes control plane on this machine');
	// While the API server boots.
	const bundle = build();
	bundle.catch(() => {});
	const cluster = opened.use(await openCluster({kubeconfig, onProgress: show.say, onBroken, signal}));
	signal.throwIfAborted();

	scene.step = 1;
	show.say(`Starting ${scene.replicas.size} replicas behind a balancer, and installing the webhook from deploy/`);
	await createNamespace(cluster.client, signal);
	if (!cluster.isOwn) {
		opened.defer(async () => {
			await deleteNamespace(cluster.client);
			print(leftLines());
		});
	}

	opened.use(await observeCluster(cluster.kubeconfigPath, scene, show.changed));
	const [entries] = await Promise.all([ledgerEntries(cluster.client), bundle]);
	const [installation] = await Promise.all([startReplicas(stage, cluster), untilPodsMayCome(cluster.client, signal)]);
	return {cluster, installation, earlierEntries: new Set(entries.keys())};
};

const startReplicas = async ({scene, show, opened, onBroken, signal}: Stage, {isOwn, client, replicaKubeconfig, directory}: Cluster): Promise<Installation> => {
	try {
		const installation = opened.use(await install({
			client,
			kubeconfig: replicaKubeconfig,
			directory: `${directory}/replicas`,
			replicas: scene.replicas.size,
			onLog(line) {
				hear(scene, line);
				show.changed();
			},
			signal,
		}));
		for (const {name, process} of installation.replicas()) {
			process.crashed.catch(error => {
				if (scene.replicas.get(name) !== 'killed') {
					onBroken(error);
				}
			});
		}

		return installation;
	} catch (error) {
		if (isOwn || signal.aborted) {
			throw error;
		}

		throw new Error(`${messageOf(error)}. The API server of a cluster that KUBECONFIG names must run on this machine, because it calls the replicas at 127.0.0.1; `
			+ 'without KUBECONFIG the demo starts a control plane of its own', {cause: error});
	}
};

const messageOf = (error: unknown): string => error instanceof Error ? error.message : String(error);
