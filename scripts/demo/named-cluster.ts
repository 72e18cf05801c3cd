/** The cluster that KUBECONFIG names, and the checks that it is one for the demo. Nothing here writes to the cluster. */
import {mkdtemp, rm} from 'node:fs/promises';
import {networkInterfaces, tmpdir} from 'node:os';
import path from 'node:path';
import {removeWithThisProcess} from '../../harness/control-plane/reaper.ts';
import {createKubeClient} from '../../harness/kube-client.ts';
import type {KubeClient} from '../../harness/kube-client.ts';
import {messageOf} from '../../src/errors.ts';
import {webhookConfiguration} from '../../harness/product-objects.ts';
import type {Cluster} from './cluster.ts';

/** @throws an Error if the cluster does not answer, or the demo must not or can't run in it. */
export const openNamed = async (kubeconfig: string, onProgress: (line: string) => void): Promise<Cluster> => {
	await using opened = new AsyncDisposableStack();
	const client = opened.use(await createKubeClient(kubeconfig));
	assertLoopback(client.server);
	onProgress(`Connected to Kubernetes ${await versionOf(client, kubeconfig)}`);
	await assertOnThisMachine(client);
	await assertNotInstalled(client);
	const directory = await mkdtemp(path.join(tmpdir(), 'hostport-demo-'));
	const forget = removeWithThisProcess(directory);
	opened.defer(async () => {
		await rm(directory, {recursive: true, force: true});
		forget();
	});
	const rest = opened.move();
	return {
		isOwn: false,
		client,
		kubeconfigPath: kubeconfig,
		replicaKubeconfig: kubeconfig,
		directory,
		ready: undefined,
		async [Symbol.asyncDispose]() {
			await rest.disposeAsync();
		},
	};
};

/** What to do instead in a cluster whose API server can't reach this machine. */
const elsewhere = 'The demo\'s replicas are processes of this machine, and the API server must call them at 127.0.0.1. Nothing was written to the cluster. '
	+ 'In a real cluster, install the operator and create the samples: "kubectl apply -k deploy/overlays/default", then "kubectl apply -f deploy/samples". '
	+ 'Without --use-cluster, the demo starts a control plane of its own';

/** @throws an Error if the URL's host is no loopback address. */
export const assertLoopback = (server: string): void => {
	const {hostname} = new URL(server);
	if (!(hostname === 'localhost' || /^127\.\d+\.\d+\.\d+$/.test(hostname) || hostname === '[::1]')) {
		throw new Error(`The API server that KUBECONFIG names, ${server}, is not on this machine: its address is no loopback address. ${elsewhere}`);
	}
};

type PodList = {readonly items: ReadonlyArray<{readonly status?: {readonly hostIP?: string}}>};

/** A tunnel, or a port of a container, has a loopback address too. The Pods of kubeadm, kind and minikube tell the machine. */
const assertOnThisMachine = async (client: KubeClient): Promise<void> => {
	const {status, body} = await client.send<PodList>('GET', '/api/v1/namespaces/kube-system/pods?labelSelector=component%3Dkube-apiserver');
	const hosts = status === 200 ? body.items.flatMap(pod => pod.status?.hostIP ?? []) : [];
	const ownAddresses = new Set(Object.values(networkInterfaces()).flatMap(addresses => addresses ?? []).map(({address}) => address));
	if (hosts.length > 0 && !hosts.some(host => ownAddresses.has(host))) {
		throw new Error(`The API server at ${client.server} runs on ${hosts.join(' and ')}, in a container or behind a tunnel, and not on this machine itself. ${elsewhere}`);
	}
};

const versionOf = async (client: KubeClient, kubeconfig: string): Promise<string> => {
	try {
		const {gitVersion} = await client.request<{gitVersion: string}>('GET', '/version');
		return gitVersion;
	} catch (error) {
		throw new Error(`The cluster that KUBECONFIG names (${kubeconfig}) does not answer: ${messageOf(error)}`, {cause: error});
	}
};

type WebhookConfiguration = {readonly webhooks?: ReadonlyArray<{readonly clientConfig: {readonly url?: string}}>};

/** The demo replaces the webhook configuration, and removes it at the end: a real installation would stop working. */
const assertNotInstalled = async (client: KubeClient): Promise<void> => {
	const {status, body} = await client.send<WebhookConfiguration>('GET', webhookConfiguration);
	const isReal = status === 200 && body.webhooks?.some(({clientConfig}) => !clientConfig.url?.startsWith('https://127.0.0.1:'));
	if (isReal) {
		throw new Error('The HostPort Operator is installed in this cluster, and the demo would replace it. Use another cluster, or leave out --use-cluster to start a new one');
	}
};
