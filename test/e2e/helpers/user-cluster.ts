/** A control plane on which a test installs as a user does, by kubectl and helm. No containers run here: processes stand in for the Deployment's Pods. */
import {execFile} from 'node:child_process';
import {mkdtemp} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import {fileURLToPath} from 'node:url';
import {promisify} from 'node:util';
import type {ExecutionContext, TestFn} from 'ava';
import {obtainBinaries} from '../../../harness/control-plane/obtain.ts';
import {startControlPlane} from '../../../harness/control-plane/start.ts';
import type {ControlPlane} from '../../../harness/control-plane/start.ts';
import {createKubeClient} from '../../../harness/kube-client.ts';
import type {KubeClient} from '../../../harness/kube-client.ts';
import {serviceAccountIn} from '../../../harness/product-objects.ts';
import {install} from '../../../harness/replicas.ts';
import type {Installation} from '../../../harness/replicas.ts';
import {useFixture} from './fixture.ts';
import {enabled, podsPath} from './pods.ts';
import type {Pod} from './pods.ts';

export type Output = {readonly stdout: string; readonly stderr: string};

export type Installed = {
	/** Default: operators. */
	readonly namespace?: string;
	/** Default: hostport-operator. */
	readonly serviceAccountName?: string;
	/** How many processes. Default: 2. */
	readonly replicas?: number;
	readonly flags?: readonly string[];
};

export type UserCluster = {
	readonly controlPlane: ControlPlane;
	/** An administrator's. */
	readonly client: KubeClient;
	/** Runs a program in the root of the repository, against this cluster. */
	readonly run: (program: 'kubectl' | 'helm', ...args: readonly string[]) => Promise<Output>;
	/** Makes a new folder, removed with the cluster. */
	readonly newFolder: (name: string) => Promise<string>;
	/** Starts two processes in place of the installed Pods, behind the installed Service. */
	readonly standIn: (...flags: readonly string[]) => Promise<Installation>;
	/** The same for an installation that differs from the default. */
	readonly standInFor: (installed: Installed) => Promise<Installation>;
};

export const useUserCluster = (test: TestFn, {workloads}: {readonly workloads: boolean}): (() => UserCluster) => useFixture(test, async (t, started) => {
	const binaries = await obtainBinaries(['kubectl', 'helm'], {onProgress: line => t.log(line)});
	const controlPlane = started.use(await startControlPlane({workloads, onProgress: line => t.log(line)}));
	const client = started.use(await createKubeClient(controlPlane.kubeconfigPath));
	const newFolder = async (name: string) => mkdtemp(path.join(controlPlane.directory, `${name}-`));
	const home = await newFolder('home');
	const standInFor = async ({namespace = 'operators', serviceAccountName, replicas = 2, flags = []}: Installed) => install({
		client,
		kubeconfig: await controlPlane.kubeconfigFor(serviceAccountIn(namespace, serviceAccountName)),
		directory: await newFolder('replicas'),
		replicas,
		flags: ['--hold-time', '4s', '--api-request-timeout', '2s', ...flags],
		behindService: true,
		namespace,
	});
	return {
		controlPlane,
		client,
		newFolder,
		run: async (program, ...args) => promisify(execFile)(binaries[program], args, {
			cwd: fileURLToPath(new URL('../../..', import.meta.url)),
			// Without what the developer has configured for helm at home.
			env: {PATH: process.env['PATH'], HOME: home, KUBECONFIG: controlPlane.kubeconfigPath},
		}),
		standIn: async (...flags) => standInFor({flags}),
		standInFor,
	};
});

/** Returns standard output, and expects no warnings on standard error: neither the API server's nor the tool's. */
export const quiet = async (t: ExecutionContext, output: Promise<Output>): Promise<string> => {
	const {stdout, stderr} = await output;
	t.is(stderr, '');
	return stdout;
};

/** Creates a Pod, by default one that asks for a host port by its annotation, and returns the host port that it was given. */
export const createPod = async (client: KubeClient, name: string, metadata: Pick<Pod['metadata'], 'labels' | 'annotations'> = {annotations: enabled}, namespace = 'default'): Promise<string | undefined> => {
	const created = await client.request<Pod>('POST', podsPath(namespace), {
		apiVersion: 'v1',
		kind: 'Pod',
		metadata: {name, ...metadata},
		spec: {containers: [{name: 'main', image: 'none', ports: [{name: 'game', containerPort: 8080}]}]},
	});
	return created.metadata.annotations?.['hostport.io/allocated-game'];
};

/** Returns a line for each object of the installation that is still there. */
export const leftovers = async ({run}: UserCluster, ...kinds: readonly string[]): Promise<string> => {
	const all = ['clusterrole', 'clusterrolebinding', 'priorityclass', 'flowschema', 'prioritylevelconfiguration', 'mutatingwebhookconfiguration', 'validatingadmissionpolicy', 'validatingadmissionpolicybinding', 'role', 'rolebinding', 'serviceaccount', 'service', 'deployment', 'poddisruptionbudget', ...kinds];
	const {stdout} = await run('kubectl', 'get', all.join(), '--all-namespaces', '-l', 'app.kubernetes.io/name=hostport-operator', '-o', 'name');
	return stdout.trim();
};
