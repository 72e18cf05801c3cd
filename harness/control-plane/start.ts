/**
 * Starts a Kubernetes control plane on this machine: etcd and an API server, and on request the workload controllers, a
 * scheduler and simulated kubelets. It listens on 127.0.0.1 only, and ends when it is stopped or when this process ends.
 */
import {mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {createKubeClient, type KubeClient} from '../kube-client.ts';
import {apiServerArguments, etcdArguments} from './components.ts';
import {createCredentials} from './credentials.ts';
import {findFreePorts} from './free-ports.ts';
import {renderKubeconfig} from './kubeconfig.ts';
import {createLauncher, type ComponentName, type Components} from './launcher.ts';
import {obtainBinaries} from './obtain.ts';
import {ProcessCrashError} from './process.ts';
import {removeWithThisProcess} from './reaper.ts';
import {until} from './until.ts';
import {launchWorkloads} from './workloads.ts';

export type ControlPlaneOptions = {
	/** True: Deployments, StatefulSets and Jobs have Pods, and these run. False: etcd and the API server alone. */
	readonly workloads: boolean;
	/** How many nodes there are with `workloads`. Default 3. */
	readonly nodes?: number;
	/** Where data, keys and logs go. Default: a new folder, removed by `stop`. A folder named here is kept. */
	readonly directory?: string;
	/** Keep the new folder too. */
	readonly keep?: boolean;
	/** Added to the API server's command line. */
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
	readonly caCertificatePem: string;
	/** As the API server says, for instance "v1.36.3". */
	readonly version: string;
	readonly directory: string;
	/** From the start of the first process until the API server was ready. */
	readonly readyMs: number;
	/** By name. `restartApiServer` replaces the API server's entry. */
	readonly processes: Components;
	/** Writes a kubeconfig for another user, with the rights that RBAC gives that user, and returns its path. */
	readonly kubeconfigFor: (subject: Subject) => Promise<string>;
	/** Ends the API server, if it still runs, and starts it again on the same port and data. Resolves when it is ready. */
	readonly restartApiServer: () => Promise<void>;
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
	const names = workloads ? [...coreComponents, ...workloadComponents] : coreComponents;
	const binaries = await obtainBinaries<ComponentName>(names, {...(onProgress && {onProgress}), signal});
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

const coreComponents: readonly ComponentName[] = ['etcd', 'kube-apiserver'];
const workloadComponents: readonly ComponentName[] = ['kube-controller-manager', 'kube-scheduler', 'kwok'];

const startOnce = async (binaries: Readonly<Record<ComponentName, string>>, options: ControlPlaneOptions): Promise<ControlPlane> => {
	const {workloads, nodes = 3, apiServerFlags = [], onProgress = () => {}, signal} = options;
	const {directory, remove} = await openDirectory(options);
	const {authority, files} = await createCredentials(directory);
	const [etcd = 0, apiServer = 0] = await findFreePorts(2);
	const serverUrl = `https://127.0.0.1:${apiServer}`;

	const writeKubeconfig = async (name: string, {user, groups = []}: Subject): Promise<string> => {
		const certificate = await authority.issue({commonName: user, organization: groups, usage: 'client'});
		const file = path.join(directory, name);
		await writeFile(file, renderKubeconfig({serverUrl, authorityPem: authority.certificatePem, ...certificate}, user), {mode: 0o600});
		return file;
	};

	let kubeconfigs = 0;
	const kubeconfigFor = async (subject: Subject): Promise<string> => {
		kubeconfigs += 1;
		return writeKubeconfig(`${subject.user.replaceAll(/[^\w.-]/g, '-')}-${kubeconfigs}.kubeconfig`, subject);
	};

	const kubeconfigPath = await writeKubeconfig('kubeconfig', administrator);
	const client = await createKubeClient(kubeconfigPath, {timeoutMs: requestTimeoutMs});
	const launcher = createLauncher(binaries, directory);
	const launchApiServer = async (signal?: AbortSignal): Promise<void> => {
		await launcher.launch('kube-apiserver', [...apiServerArguments(files, {etcd, apiServer}, workloads), ...apiServerFlags]);
		await launcher.whileAllRun(async signal => untilReady(client, signal), signal);
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
		await launcher.launch('etcd', etcdArguments(files, {etcd, apiServer}));
		await launchApiServer(signal);
		const readyMs = performance.now() - startedMs;
		const {gitVersion: version} = await client.request<{readonly gitVersion: string}>('GET', '/version');
		onProgress(`Kubernetes ${version} is ready at ${serverUrl} after ${(readyMs / 1000).toFixed(1)} s`);
		const controlPlane: ControlPlane = {
			kubeconfigPath,
			serverUrl,
			caCertificatePem: authority.certificatePem,
			version,
			directory,
			readyMs,
			processes: launcher.components,
			kubeconfigFor,
			async restartApiServer() {
				await launcher.stop('kube-apiserver');
				await launchApiServer();
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

/** An API server that is starting may accept a connection and not answer. It is asked again after this. */
const requestTimeoutMs = 5000;

const administrator: Subject = {user: 'kubernetes-admin', groups: ['system:masters']};

const openDirectory = async ({directory, keep = false}: ControlPlaneOptions): Promise<{directory: string; remove: () => Promise<void>}> => {
	if (directory !== undefined) {
		await mkdir(directory, {recursive: true, mode: 0o700});
		return {directory: path.resolve(directory), remove: async () => {}};
	}

	const fresh = await mkdtemp(path.join(tmpdir(), 'hostport-control-plane-'));
	if (keep) {
		return {directory: fresh, remove: async () => {}};
	}

	const forget = removeWithThisProcess(fresh);
	return {
		directory: fresh,
		async remove() {
			await rm(fresh, {recursive: true, force: true, maxRetries: 3});
			forget();
		},
	};
};

/** The API server creates the namespace "default" a moment after it is ready; before that nothing can be created in it. */
const untilReady = async (client: KubeClient, signal: AbortSignal): Promise<unknown> =>
	until(async () => {
		await client.request('GET', '/readyz');
		return client.request('GET', '/api/v1/namespaces/default');
	}, {what: 'the API server to be ready', budgetMs: 60_000, signal});
