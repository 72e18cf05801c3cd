/** Sets up the control plane, the replicas and the webhook, in parallel where possible. */
import {build} from '../build.ts';
import {buildDuration} from '../../harness/control-plane/build.ts';
import {ledgerEntries} from '../../harness/observe.ts';
import {install} from '../../harness/replicas.ts';
import type {Installation} from '../../harness/replicas.ts';
import {messageOf} from '../../src/errors.ts';
import {findChoice} from './choose-cluster.ts';
import type {ClusterChoice} from './choose-cluster.ts';
import {openCluster} from './cluster.ts';
import type {Cluster} from './cluster.ts';
import type {Output} from './output.ts';
import {leftoverLines} from './report.ts';
import {createNamespace, deleteNamespace, untilPodsCanBeCreated} from './samples.ts';
import {recordLogLine} from './state.ts';
import type {DemoState} from './state.ts';
import type {Line} from './styled-text.ts';
import {watchCluster} from './watch-cluster.ts';

export type Context = {
	/** What the user has chosen. Undefined: a real control plane if there is one, else the embedded one. */
	readonly choice: ClusterChoice | undefined;
	readonly state: DemoState;
	readonly output: Output;
	/** Writes text after the output has finished. */
	readonly print: (lines: readonly Line[]) => void;
	/** Stops whatever was started. */
	readonly cleanup: AsyncDisposableStack;
	/** Called when a process ends that the demo did not stop. */
	readonly onBroken: (error: unknown) => void;
	readonly signal: AbortSignal;
};

export type Setup = {
	readonly cluster: Cluster;
	readonly installation: Installation;
	/** Keys of the ledger's entries from before the demo. */
	readonly earlierEntries: ReadonlySet<string>;
};

export const setUp = async (context: Context): Promise<Setup> => {
	const {state, output, print, cleanup, onBroken, signal} = context;
	// Builds while the API server boots.
	const bundle = build();
	bundle.catch(() => {});
	const choice = context.choice ?? await findChoice({onProgress: output.announce, signal});
	output.announce(describeChoice(choice));
	const cluster = cleanup.use(await openCluster({choice, onProgress: output.announce, onBroken, signal}));
	signal.throwIfAborted();

	state.step = 1;
	output.announce(`Starting ${state.replicas.size} replicas behind a load balancer, and installing the webhook from deploy/`);
	await createNamespace(cluster.client, signal);
	if (!cluster.isOwn) {
		cleanup.defer(async () => {
			await deleteNamespace(cluster.client);
			print(leftoverLines());
		});
	}

	cleanup.use(await watchCluster(cluster.kubeconfigPath, state, output.update));
	const [entries] = await Promise.all([ledgerEntries(cluster.client), bundle]);
	const [installation] = await Promise.all([startReplicas(context, cluster), untilPodsCanBeCreated(cluster.client, signal)]);
	return {cluster, installation, earlierEntries: new Set(entries.keys())};
};

const describeChoice = (choice: ClusterChoice): string => {
	switch (choice.kind) {
		case 'named': {
			return `Using the cluster of KUBECONFIG=${choice.kubeconfig}`;
		}

		case 'embedded': {
			return `Starting an embedded stand-in for a Kubernetes control plane, in memory. To get the real one, run "npm run control-plane" once: without a download that takes ${buildDuration} on two cores. Later demos use it`;
		}

		default: {
			return 'Starting a Kubernetes control plane on this machine';
		}
	}
};

const startReplicas = async ({state, output, cleanup, onBroken, signal}: Context, {isOwn, client, replicaKubeconfig, directory}: Cluster): Promise<Installation> => {
	try {
		const installation = cleanup.use(await install({
			client,
			kubeconfig: replicaKubeconfig,
			directory: `${directory}/replicas`,
			replicas: state.replicas.size,
			onLog(line) {
				recordLogLine(state, line);
				output.update();
			},
			signal,
		}));
		for (const {name, process} of installation.replicas()) {
			process.crashed.catch(error => {
				if (state.replicas.get(name) !== 'killed') {
					onBroken(error);
				}
			});
		}

		return installation;
	} catch (error) {
		if (isOwn || signal.aborted) {
			throw error;
		}

		throw new Error(`${messageOf(error)}. With --use-cluster, the cluster's API server must run on this machine, because it calls the replicas at 127.0.0.1; `
			+ 'without it, the demo starts a control plane of its own', {cause: error});
	}
};
