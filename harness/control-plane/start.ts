/**
 * Starts a Kubernetes control plane on this machine: etcd and one or several API servers, and on request the workload controllers, a
 * scheduler and simulated kubelets. It listens on 127.0.0.1 only, and ends when it is stopped or when this process ends.
 */
import {writeFile} from 'node:fs/promises';
import path from 'node:path';
import {createKubeClient, type KubeClient} from '../kube-client.ts';
import {apiServerArguments, etcdArguments} from './components.ts';
import {createCredentials} from './credentials.ts';
import {openDirectory, type DirectoryOptions} from './directory.ts';
import {findFreePorts} from './free-ports.ts';
import {renderKubeconfig} from './kubeconfig.ts';
import {createLauncher, type ComponentName, type Components, type ProgramName} from './launcher.ts';
import {obtainBinaries} from './obtain.ts';
import {ProcessCrashError} from './process.ts';
import {until} from './until.ts';
import {launchWorkloads} from './workloads.ts';

export type ControlPlaneOptions = DirectoryOptions & {
	/** True: Deployments, StatefulSets and Jobs have Pods, and these run. False: etcd and the API servers alone. */
	readonly workloads: boolean;
	/** How many nodes there are with `workloads`. Default 3. */
	readonly nodes?: number;
	/** How many API servers there are on the one etcd. Default 1. */
	readonly apiServers?: 1 | 2 | 3;
	/** Added to the command line of each API server. */
	readonly apiServerFlags?: readonly string[];
	readonly onProgress?: (line: string) => void;
	/** Called before the workloads are started, for work that needs an API server and no Pods. */
	readonly onApiServerReady?: (controlPlane: ControlPlane) => void;
	/** Ends the attempt to start. A control plane that has started is ended by `stop`. */
	readonly signal?: AbortSignal;
};

export type Subject = {
	readonly user: string;
	readonly groups?: readonly string[];
};

export type ControlPlane = AsyncDisposable & {
	/** Of an administrator (system:masters). */
	readonly kubeconfigPath: string;
	readonly serverUrl: string;
	/** Of all API servers. The first is `serverUrl`. */
	readonly serverUrls: readonly string[];
	readonly caCertificatePem: string;
	/** As the API server says, for instance "v1.36.3". */
	readonly version: string;
	readonly directory: string;
	/** From the start of the first process until all API servers were ready. */
	readonly readyMs: number;
	/** By name; the second API server is `kube-apiserver-2`. `restartApiServer` replaces the API server's entry. */
	readonly processes: Components;
	/**
	 * Writes a kubeconfig for another user, with the rights that RBAC gives that user, and returns its path.
	 *
	 * @param server the URL in the kubeconfig: of an API server (default: the first), or of a balancer on 127.0.0.1.
	 */
	readonly kubeconfigFor: (subject: Subject, server?: string) => Promise<string>;
	/** Ends an API server (default: the first, 0), if it still runs, and starts it again on the same port and data. The other components must run. Resolves when it is ready. */
	readonly restartApiServer: (index?: number) => Promise<void>;
	/** Ends everything. May be called again. */
	readonly stop: () => Promise<void>;
};

/**
 * @throws {MissingBinariesError} when a program is missing and can't be obtained.
 * @throws {ProcessCrashError} when one of them ends before all are up.
 * @throws {WaitTimeoutError} when they are not ready in time. In each case nothing is left running.
 */
export const startControlPlane = async (options: ControlPlaneOptions): Promise<ControlPlane> => {
	const {workloads, onProgress, signal} = options;
	const names = workloads ? allComponents : coreComponents;
	const binaries = await obtainBinaries<ProgramName>(names, {...(onProgress && {onProgress}), signal});
	for (let attempt = 1; ; attempt++) {
		try {
			return await startOnce(binaries, options);
		} catch (error) {
			// Another process may have taken a port since it was found free.
			const isPortTaken = error instanceof ProcessCrashError && error.logTail.includes('address already in use');
			if (!isPortTaken || attempt === 3) {
				throw error;
			}
		}
	}
};

const coreComponents: readonly ProgramName[] = ['etcd', 'kube-apiserver'];

/** The programs of a control plane with workloads. */
export const allComponents: readonly ProgramName[] = [...coreComponents, 'kube-controller-manager', 'kube-scheduler', 'kwok'];

const startOnce = async (binaries: Readonly<Record<ProgramName, string>>, options: ControlPlaneOptions): Promise<ControlPlane> => {
	const {workloads, nodes = 3, apiServers = 1, apiServerFlags = [], onProgress = () => {}, signal} = options;
	const {directory, remove} = await openDirectory(options);
	const {authority, files} = await createCredentials(directory);
	const [etcd = 0, ...apiServerPorts] = await findFreePorts(1 + apiServers);
	const serverUrls = apiServerPorts.map(port => `https://127.0.0.1:${port}`);
	const serverUrl = serverUrls[0]!;

	const writeKubeconfig = async (name: string, {user, groups = []}: Subject, serverUrl: string): Promise<string> => {
		const certificate = await authority.issue({commonName: user, organization: groups, usage: 'client'});
		const file = path.join(directory, name);
		await writeFile(file, renderKubeconfig({serverUrl, authorityPem: authority.certificatePem, ...certificate}, user), {mode: 0o600});
		return file;
	};

	let kubeconfigs = 0;
	const kubeconfigFor = async (subject: Subject, server = serverUrl): Promise<string> => {
		kubeconfigs += 1;
		return writeKubeconfig(`${subject.user.replaceAll(/[^\w.-]/g, '-')}-${kubeconfigs}.kubeconfig`, subject, server);
	};

	const kubeconfigPath = await writeKubeconfig('kubeconfig', administrator, serverUrl);
	const client = await createKubeClient(kubeconfigPath, {timeoutMs: requestTimeoutMs});
	const launcher = createLauncher(binaries, directory);
	const launchApiServer = async (index: number, signal?: AbortSignal): Promise<void> => {
		await launcher.launch(apiServerNames[index]!, [...apiServerArguments(files, {etcd, apiServer: apiServerPorts[index]!}, workloads), ...apiServerFlags]);
		await using own = await createKubeClient(await kubeconfigFor(administrator, serverUrls[index]), {timeoutMs: requestTimeoutMs});
		await launcher.whileAllRun(async signal => untilReady(own, signal), signal);
	};

	let stopping: Promise<void> | undefined;
	const stop = async (): Promise<void> => {
		stopping ??= (async () => {
			await client[Symbol.asyncDispose]();
			await launcher.stopAll();
			await remove();
		})();
		return stopping;
	};

	try {
		const startedMs = performance.now();
		await launcher.launch('etcd', etcdArguments(files, {etcd}));
		for (const index of serverUrls.keys()) {
			await launchApiServer(index, signal);
		}

		const readyMs = performance.now() - startedMs;
		const {gitVersion: version} = await client.request<{readonly gitVersion: string}>('GET', '/version');
		onProgress(`Kubernetes ${version} is ready at ${serverUrls.join(' and ')} after ${(readyMs / 1000).toFixed(1)} s`);
		const controlPlane: ControlPlane = {
			kubeconfigPath,
			serverUrl,
			serverUrls,
			caCertificatePem: authority.certificatePem,
			version,
			directory,
			readyMs,
			processes: launcher.components,
			kubeconfigFor,
			async restartApiServer(index = 0) {
				await launcher.stop(apiServerNames[index]!);
				await launchApiServer(index);
			},
			stop,
			[Symbol.asyncDispose]: stop,
		};
		options.onApiServerReady?.(controlPlane);
		if (workloads) {
			await launchWorkloads({launcher, files, client, nodes, kubeconfigFor, signal});
			onProgress(`${nodes} nodes are Ready after ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
		}

		return controlPlane;
	} catch (error) {
		await stop();
		throw error;
	}
};

const apiServerNames: readonly ComponentName[] = ['kube-apiserver', 'kube-apiserver-2', 'kube-apiserver-3'];

/** An API server that is starting may accept a connection and not answer. It is asked again after this. */
const requestTimeoutMs = 5000;

const administrator: Subject = {user: 'kubernetes-admin', groups: ['system:masters']};

/** The API server creates the namespace "default" a moment after it is ready; before that nothing can be created in it. */
const untilReady = async (client: KubeClient, signal: AbortSignal): Promise<unknown> =>
	until(async () => {
		await client.request('GET', '/readyz');
		return client.request('GET', '/api/v1/namespaces/default');
	}, {what: 'the API server to be ready', budgetMs: 60_000, signal});
