/** The components that turn Deployments into running Pods: controller manager, scheduler, and kwok in place of kubelets. */
import path from 'node:path';
import type {KubeClient} from '../kube-client.ts';
import {controllerManagerArguments, kwokArguments, schedulerArguments, type Files} from './components.ts';
import type {Launcher} from './launcher.ts';
import {createNodes, untilSchedulable} from './nodes.ts';

export type Workloads = {
	readonly launcher: Launcher;
	readonly files: Files;
	readonly client: KubeClient;
	/** How many nodes to create. */
	readonly nodes: number;
	readonly kubeconfigFor: (subject: {readonly user: string; readonly groups?: readonly string[]}) => Promise<string>;
	readonly signal: AbortSignal | undefined;
};

/** Resolves when Pods can be created and scheduled. */
export const launchWorkloads = async ({launcher, files, client, nodes, kubeconfigFor, signal}: Workloads): Promise<void> => {
	// The names under which RBAC knows the first two.
	const controllerManager = await kubeconfigFor({user: 'system:kube-controller-manager'});
	const scheduler = await kubeconfigFor({user: 'system:kube-scheduler'});
	const kwok = await kubeconfigFor({user: 'kwok', groups: ['system:masters']});
	await Promise.all([
		createNodes(client, nodes),
		launcher.launch('kube-controller-manager', controllerManagerArguments(files, controllerManager)),
		launcher.launch('kube-scheduler', schedulerArguments(scheduler)),
		launcher.launch('kwok', kwokArguments(kwok, path.join(import.meta.dirname, 'kwok.yaml'))),
	]);
	await launcher.whileAllRun(async signal => untilSchedulable(client, nodes, signal), signal);
};
