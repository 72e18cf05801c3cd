/** A control plane on which a test installs as a user does, with kubectl and helm. Nothing runs in the Deployment's Pods here: processes stand in for them. */
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
import {serviceAccount} from '../../../harness/product-objects.ts';
import {install} from '../../../harness/replicas.ts';
import type {Installation} from '../../../harness/replicas.ts';

export type Output = {readonly stdout: string; readonly stderr: string};

export type UserCluster = {
	readonly controlPlane: ControlPlane;
	/** Of an administrator. */
	readonly client: KubeClient;
	/** Runs it in the root of the repository, against this cluster. */
	readonly run: (program: 'kubectl' | 'helm', ...args: readonly string[]) => Promise<Output>;
	/** A new folder that goes with the cluster. */
	readonly newFolder: (name: string) => Promise<string>;
	/** Two processes for the Pods that have been installed, behind the Service that has been installed. */
	readonly standIn: (...flags: readonly string[]) => Promise<Installation>;
};

/** Starts it before the file's tests and ends it after them, whatever happens. */
export const useUserCluster = (test: TestFn, {workloads}: {readonly workloads: boolean}): (() => UserCluster) => {
	const started = new AsyncDisposableStack();
	let cluster: UserCluster | undefined;
	test.before(async t => {
		t.timeout(20 * 60_000, 'the control plane takes long the first time, when it is built');
		const binaries = await obtainBinaries(['kubectl', 'helm'], {onProgress: line => t.log(line)});
		const controlPlane = started.use(await startControlPlane({workloads, onProgress: line => t.log(line)}));
		const client = started.use(await createKubeClient(controlPlane.kubeconfigPath));
		const newFolder = async (name: string) => mkdtemp(path.join(controlPlane.directory, `${name}-`));
		const home = await newFolder('home');
		cluster = {
			controlPlane,
			client,
			newFolder,
			run: async (program, ...args) => promisify(execFile)(binaries[program], args, {
				cwd: fileURLToPath(new URL('../../..', import.meta.url)),
				// Whatever the user has set up for helm at home has no place here.
				env: {PATH: process.env['PATH'], HOME: home, KUBECONFIG: controlPlane.kubeconfigPath},
			}),
			standIn: async (...flags) => install({
				client,
				kubeconfig: await controlPlane.kubeconfigFor(serviceAccount),
				directory: await newFolder('replicas'),
				replicas: 2,
				flags: ['--hold-time', '4s', '--api-request-timeout', '2s', ...flags],
				behindService: true,
			}),
		};
	});
	test.after.always(async () => started.disposeAsync());
	return () => {
		if (!cluster) {
			throw new Error('the cluster has not started');
		}

		return cluster;
	};
};

/** Standard output, where nothing was said on the side: no warning of the API server's, and none of the tool's. */
export const quiet = async (t: ExecutionContext, output: Promise<Output>): Promise<string> => {
	const {stdout, stderr} = await output;
	t.is(stderr, '');
	return stdout;
};

export type PodMetadata = {readonly labels?: Readonly<Record<string, string>>; readonly annotations?: Readonly<Record<string, string>>};

/** Creates a Pod and returns the host port that it was given. By default, one that asks for it by the annotation. */
export const createPod = async (client: KubeClient, name: string, metadata: PodMetadata = {annotations: {'hostport.io/enabled': 'true'}}): Promise<string | undefined> => {
	const created = await client.request<{metadata: PodMetadata}>('POST', '/api/v1/namespaces/default/pods', {
		apiVersion: 'v1',
		kind: 'Pod',
		metadata: {name, ...metadata},
		spec: {containers: [{name: 'main', image: 'none', ports: [{name: 'game', containerPort: 8080}]}]},
	});
	return created.metadata.annotations?.['hostport.io/allocated-game'];
};

/** Whatever an installation has made, one line each. */
export const leftovers = async ({run}: UserCluster, ...kinds: readonly string[]): Promise<string> => {
	const all = ['clusterrole', 'clusterrolebinding', 'priorityclass', 'mutatingwebhookconfiguration', 'role', 'rolebinding', 'serviceaccount', 'service', 'deployment', 'poddisruptionbudget', ...kinds];
	const {stdout} = await run('kubectl', 'get', all.join(), '--all-namespaces', '-l', 'app.kubernetes.io/name=hostport-operator', '-o', 'name');
	return stdout.trim();
};
