/** The demo's workloads: deploy/samples, in a namespace of their own. */
import {until} from '../../harness/control-plane/until.ts';
import type {KubeClient} from '../../harness/kube-client.ts';
import {readManifests} from '../../harness/manifests.ts';
import type {Manifest} from '../../harness/manifests.ts';

export const namespace = 'hostport-demo';

/** The `app` labels of the samples, which are also their names. */
export const gameServer = 'game-server';
export const gameWorker = 'game-worker';

/** Replicas of the StatefulSet and the Deployment, as in deploy/samples. */
export const serverCount = 2;
export const initialWorkerCount = 3;

/** Replicas that the Deployment is scaled to. */
export const finalWorkerCount = 50;

/** How long Pods may take to run: nodes may have to pull an image. */
export const runBudgetMs = 120_000;

const samples = new URL('../../deploy/samples/', import.meta.url);

const namespacePath = `/api/v1/namespaces/${namespace}`;

/** @throws an Error if the namespace exists, because its Pods may not be the demo's. */
export const createNamespace = async (client: KubeClient, signal: AbortSignal): Promise<void> => {
	await until(async () => {
		const {status, body} = await client.send<{status?: {phase?: string}}>('GET', namespacePath);
		return status === 404 || body.status?.phase !== 'Terminating';
	}, {what: `the namespace ${namespace} of an earlier demo to be deleted`, budgetMs: 60_000, signal});
	const {status, body} = await client.send<{message?: string}>('POST', '/api/v1/namespaces', {apiVersion: 'v1', kind: 'Namespace', metadata: {name: namespace}});
	if (status === 409) {
		throw new Error(`The cluster already has a namespace ${namespace}, perhaps from a demo that is running or was interrupted. `
			+ `Delete it with "kubectl delete namespace ${namespace}", and start again`);
	}

	if (status > 299) {
		throw new Error(`Creating the namespace ${namespace} failed: ${status} ${body.message ?? ''}`);
	}
};

/** Waits until the namespace has its ServiceAccount: Pods can't be created before. */
export const untilPodsCanBeCreated = async (client: KubeClient, signal: AbortSignal): Promise<void> => {
	await until(async () => client.request('GET', `${namespacePath}/serviceaccounts/default`), {
		what: `the controller manager to create the ServiceAccount of the namespace ${namespace}`, budgetMs: 60_000, signal,
	});
};

export const deleteNamespace = async (client: KubeClient): Promise<void> => {
	await client.send('DELETE', namespacePath);
};

/**
 * Applies the StatefulSet and the Deployment.
 *
 * @param image replaces the samples' images, which can't be pulled.
 */
export const applySamples = async (client: KubeClient, image: string | undefined, signal: AbortSignal): Promise<void> => {
	for (const file of ['statefulset-example.yaml', 'deployment-example.yaml']) {
		for (const manifest of await readManifests(new URL(file, samples))) {
			await client.apply(image ? withImage(manifest as Workload, image) : manifest, namespace);
			signal.throwIfAborted();
		}
	}
};

type Workload = Manifest & {readonly spec: {readonly template: {readonly spec: {readonly containers: readonly object[]}}}};

const withImage = (manifest: Workload, image: string): Workload => {
	const {spec} = manifest;
	const {template} = spec;
	// Without the probe, because it calls a game server that this image doesn't have.
	const containers = template.spec.containers.map(container => ({...container, image, readinessProbe: undefined}));
	return {...manifest, spec: {...spec, template: {...template, spec: {...template.spec, containers}}}};
};

export const scaleWorkers = async (client: KubeClient, replicas: number): Promise<void> => {
	await client.request('PATCH', `/apis/apps/v1/namespaces/${namespace}/deployments/${gameWorker}/scale`, {spec: {replicas}}, 'application/merge-patch+json');
};

/** How many Pod creations the webhook failed, by the controllers' Events. Waits a moment for the first, because Events are late. */
export const countFailedCreations = async (client: KubeClient, signal: AbortSignal): Promise<number> => {
	const path = `${namespacePath}/events?fieldSelector=reason%3DFailedCreate`;
	try {
		return await until(async () => {
			const {items} = await client.request<{items: Array<{count?: number; message?: string}>}>('GET', path);
			const failures = items.filter(({message}) => message?.includes('hostport.io'));
			return failures.reduce((sum, {count = 1}) => sum + count, 0) || undefined;
		}, {what: 'Events', budgetMs: 500, signal});
	} catch {
		signal.throwIfAborted();
		return 0;
	}
};
