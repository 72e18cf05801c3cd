/** The Pods of the demo: those of deploy/samples, in a namespace of their own. */
import {until} from '../../harness/control-plane/until.ts';
import type {KubeClient} from '../../harness/kube-client.ts';
import {readManifests} from '../../harness/manifests.ts';
import type {Manifest} from '../../harness/manifests.ts';

export const namespace = 'hostport-demo';

/** The labels `app` of the samples, which are also their names. */
export const gameServer = 'game-server';
export const gameWorker = 'game-worker';

const samples = new URL('../../deploy/samples/', import.meta.url);

const namespacePath = `/api/v1/namespaces/${namespace}`;

/** @throws an Error when the namespace is there: whose Pods it has, nobody knows. */
export const createNamespace = async (client: KubeClient, signal: AbortSignal): Promise<void> => {
	await until(async () => {
		const {status, body} = await client.send<{status?: {phase?: string}}>('GET', namespacePath);
		return status === 404 || body.status?.phase !== 'Terminating';
	}, {what: `the namespace ${namespace} of an earlier demo to be gone`, budgetMs: 60_000, signal});
	const {status, body} = await client.send<{message?: string}>('POST', '/api/v1/namespaces', {apiVersion: 'v1', kind: 'Namespace', metadata: {name: namespace}});
	if (status === 409) {
		throw new Error(`The cluster has a namespace ${namespace} already, perhaps of a demo that runs or was interrupted. `
			+ `Delete it with "kubectl delete namespace ${namespace}", and start again`);
	}

	if (status > 299) {
		throw new Error(`The namespace ${namespace} can't be created: ${status} ${body.message ?? ''}`);
	}
};

/** Without its ServiceAccount a namespace has no Pods. */
export const untilPodsMayCome = async (client: KubeClient, signal: AbortSignal): Promise<void> => {
	await until(async () => client.request('GET', `${namespacePath}/serviceaccounts/default`), {
		what: `the ServiceAccount of the namespace ${namespace}, which the controller manager makes`, budgetMs: 60_000, signal,
	});
};

export const deleteNamespace = async (client: KubeClient): Promise<void> => {
	await client.send('DELETE', namespacePath);
};

/**
 * Applies the StatefulSet and the Deployment.
 *
 * @param image instead of the samples' own, which exist only where nothing is pulled.
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
	// Without the probe: it asks a game server that is not in that image.
	const containers = template.spec.containers.map(container => ({...container, image, readinessProbe: undefined}));
	return {...manifest, spec: {...spec, template: {...template, spec: {...template.spec, containers}}}};
};

export const scaleWorkers = async (client: KubeClient, replicas: number): Promise<void> => {
	await client.request('PATCH', `/apis/apps/v1/namespaces/${namespace}/deployments/${gameWorker}/scale`, {spec: {replicas}}, 'application/merge-patch+json');
};

/** How many Pods a controller was refused because of the webhook, as its Events say. They come a moment later: this waits for the first. */
export const countFailedCreations = async (client: KubeClient, signal: AbortSignal): Promise<number> => {
	const path = `${namespacePath}/events?fieldSelector=reason%3DFailedCreate`;
	try {
		return await until(async () => {
			const {items} = await client.request<{items: Array<{count?: number; message?: string}>}>('GET', path);
			const refusals = items.filter(({message}) => message?.includes('hostport.io'));
			return refusals.reduce((sum, {count = 1}) => sum + count, 0) || undefined;
		}, {what: 'Events', budgetMs: 500, signal});
	} catch {
		signal.throwIfAborted();
		return 0;
	}
};
