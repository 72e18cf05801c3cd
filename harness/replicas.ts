/** The product on a cluster, as processes of this machine: replicas behind a balancer, installed with the files in deploy/. */
import {mkdir} from 'node:fs/promises';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {startBalancer} from './balancer.ts';
import {bundlePath} from '../scripts/build.ts';
import {environment, nodeFlags as ownNodeFlags} from '../scripts/build/node-flags.ts';
import {startProcess} from './control-plane/process.ts';
import type {RunningProcess} from './control-plane/process.ts';
import {readManifests} from './kube-client.ts';
import type {KubeClient, Manifest} from './kube-client.ts';

export type Replica = {
	readonly name: string;
	readonly process: RunningProcess;
	readonly webhookPort: number;
	readonly healthPort: number;
	readonly metricsPort: number;
	/** With the random suffix, as the Lease shows it. */
	readonly identity: string;
	/** From the start of the process until it said that it was ready. */
	readonly readyMs: number;
};

/** A line of a replica's log. */
export type LogLine = {readonly identity: string; readonly level: string; readonly msg: string; readonly [member: string]: unknown};

export type Installation = AsyncDisposable & {
	/** Those that run; the balancer sends to them. */
	readonly replicas: () => readonly Replica[];
	readonly addReplica: (name: string) => Promise<Replica>;
	/** Ends a replica at once, or as SIGTERM does. Resolves when the process is gone. */
	readonly removeReplica: (replica: Replica, signal: 'SIGKILL' | 'SIGTERM') => Promise<void>;
	/** Ends replicas and balancer, and takes the webhook configuration away so that Pods can be created again. */
	readonly stop: () => Promise<void>;
};

export type InstallOptions = {
	readonly client: KubeClient;
	/** What the replicas are given. */
	readonly kubeconfig: string;
	/** For logs. */
	readonly directory: string;
	readonly replicas: number;
	readonly flags?: readonly string[];
	/** How Node runs them. Default: as the program's own first line has it. */
	readonly nodeFlags?: readonly string[];
	/** The program. Default: as `npm run build` has made it. */
	readonly bundle?: string;
	readonly onLog?: (line: LogLine) => void;
	/** As the Service in deploy/ has it. Default false: connections go round, so that all replicas contend. */
	readonly affinity?: boolean;
	/**
	 * True: a user's installation is there already, and the replicas take the place of its Pods behind its Service. Rights
	 * and webhook stay as that installation has made them, also when the replicas are stopped.
	 */
	readonly behindService?: boolean;
	/** Ends the attempt to install. */
	readonly signal?: AbortSignal;
};

const base = new URL('../deploy/base/', import.meta.url);

/** On the API server. */
export const webhookConfiguration = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/hostport-operator-hostport-mutating-webhook-configuration';

/** Resolves once all replicas are ready and the API server calls them. */
export const install = async ({client, kubeconfig, directory, replicas: count, flags = [], nodeFlags = ownNodeFlags, bundle = bundlePath, onLog, affinity = false, behindService = false, signal}: InstallOptions): Promise<Installation> => {
	await mkdir(directory, {recursive: true});
	const running = new Set<Replica>();
	const balancer = await startBalancer({targets: () => [...running].map(({webhookPort}) => ({host: '127.0.0.1', port: webhookPort})), affinity});

	const addReplica = async (name: string): Promise<Replica> => {
		const replica = await startReplica({
			name,
			logFile: path.join(directory, `${name}.log`),
			args: [
				...nodeFlags, bundle, 'serve', '--kubeconfig', kubeconfig, '--identity', name, '--bind-address', '127.0.0.1', '--webhook-port', '0', '--health-port', '0', '--metrics-port', '0',
				'--log-format', 'json', '--shutdown-delay', '500ms', ...flags,
			],
			...(onLog && {onLog}),
			...(signal && {signal}),
		});
		running.add(replica);
		void replica.process.exited.then(() => running.delete(replica));
		return replica;
	};

	const removeReplica = async (replica: Replica, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> => {
		replica.process.kill(signal);
		await replica.process.exited;
	};

	const stop = async (): Promise<void> => {
		if (!behindService) {
			await client.send('DELETE', webhookConfiguration).catch(() => undefined);
		}

		// First: a replica that is told to stop waits for those who have a connection and have not said anything yet.
		await balancer.stop();
		await Promise.all([...running].map(async ({process}) => process.stop()));
	};

	try {
		if (!behindService) {
			await applyRights(client);
		}

		// First: so the replicas' certificate is from the beginning good for the address by which they are called.
		await (behindService ? leadService : applyWebhook)(client, balancer.port);
		await Promise.all(Array.from({length: count}, async (_, index) => addReplica(`replica-${index + 1}`)));
		await untilCalled(client, signal);
	} catch (error) {
		await stop();
		throw error;
	}

	return {replicas: () => [...running], addReplica, removeReplica, stop, [Symbol.asyncDispose]: stop};
};

/** More than the two minutes for which a ledger that somebody has deleted is held closed. */
const readyBudgetMs = 150_000;

type ReplicaOptions = Pick<InstallOptions, 'onLog' | 'signal'> & {
	readonly name: string;
	readonly args: readonly string[];
	readonly logFile: string;
};

const startReplica = async ({name, args, logFile, onLog, signal}: ReplicaOptions): Promise<Replica> => {
	signal?.throwIfAborted();
	const startedAt = performance.now();
	const ready = Promise.withResolvers<LogLine>();
	const process = await startProcess({
		name,
		command: globalThis.process.execPath,
		args,
		env: {...globalThis.process.env, ...environment},
		logFile,
		onLine(text) {
			const line = JSON.parse(text) as LogLine;
			onLog?.(line);
			if (line.msg === 'ready') {
				ready.resolve(line);
			}
		},
	});
	const giveUp = () => {
		ready.reject(signal?.reason);
	};

	signal?.addEventListener('abort', giveUp, {once: true});
	const timer = setTimeout(() => ready.reject(new Error(`${name} was not ready after ${readyBudgetMs / 1000} s: see ${logFile}`)), readyBudgetMs);
	let line: LogLine;
	try {
		line = await Promise.race([ready.promise, process.crashed]);
	} catch (error) {
		await process.stop();
		throw error;
	} finally {
		clearTimeout(timer);
		signal?.removeEventListener('abort', giveUp);
	}

	return {
		name,
		process,
		webhookPort: Number(line['webhookPort']),
		healthPort: Number(line['healthPort']),
		metricsPort: Number(line['metricsPort']),
		identity: line.identity,
		readyMs: performance.now() - startedAt,
	};
};

/** Namespace, ServiceAccount and its rights, as `kubectl apply -k deploy/base` makes them. */
const applyRights = async (client: KubeClient): Promise<void> => {
	for (const file of ['namespace.yaml', 'rbac.yaml', 'certificate-rbac.yaml']) {
		for (const manifest of await readManifests(new URL(file, base))) {
			await client.apply(withNamespaces(manifest), 'operators');
		}
	}
};

/** What kustomize's `namespace:` does to the subjects of a binding. */
const withNamespaces = (manifest: Manifest): Manifest => Array.isArray(manifest['subjects'])
	? {...manifest, subjects: (manifest['subjects'] as object[]).map(subject => Object.assign(subject, {namespace: 'operators'}))}
	: manifest;

/**
 * The configuration from deploy/, but for the address: replicas outside the cluster are reached by URL.
 *
 * @param authorityPem whom to trust; replicas put that in themselves.
 */
export const applyWebhook = async (client: KubeClient, port: number, authorityPem?: string): Promise<void> => {
	const [manifest] = await readManifests(new URL('webhook.yaml', base)) as [Manifest & {webhooks: Array<{clientConfig: object}>}];
	const clientConfig = {url: `https://127.0.0.1:${port}/mutate-pods`, ...(authorityPem && {caBundle: Buffer.from(authorityPem).toString('base64')})};
	await client.apply({...manifest, webhooks: manifest.webhooks.map(webhook => Object.assign(webhook, {clientConfig}))});
};

/**
 * Leads the installation's Service to the replicas. The API server takes an ExternalName as the host to connect to, and checks
 * the certificate against the Service's own name all the same; an EndpointSlice may not have a loopback address.
 */
const leadService = async (client: KubeClient, port: number): Promise<void> => {
	await client.request('PATCH', '/api/v1/namespaces/operators/services/hostport-operator-webhook-service', {spec: {type: 'ExternalName', externalName: 'localhost'}}, 'application/merge-patch+json');
	await client.request('PATCH', webhookConfiguration, [{op: 'add', path: '/webhooks/0/clientConfig/service/port', value: port}], 'application/json-patch+json');
};

/** The API server notices a new configuration a moment later. Until then it would store Pods without ports. */
const untilCalled = async (client: KubeClient, signal: AbortSignal | undefined): Promise<void> => {
	const probe = {
		apiVersion: 'v1',
		kind: 'Pod',
		// The label is what counts where Pods opt in by label.
		metadata: {name: 'hostport-probe', labels: {'hostport.io/enabled': 'true'}, annotations: {'hostport.io/enabled': 'is the webhook there?'}},
		spec: {containers: [{name: 'none', image: 'none'}]},
	};
	const deadline = performance.now() + 20_000;
	for (;;) {
		const {status, body} = await client.send<{message?: string}>('POST', '/api/v1/namespaces/default/pods?dryRun=All', probe);
		if (status === 400 && body.message?.includes('hostport.io')) {
			return;
		}

		if (performance.now() > deadline) {
			throw new Error(`the API server does not call the webhook: ${status} ${body.message ?? ''}`);
		}

		await sleep(50, undefined, {signal});
	}
};

/** The namespace and name of the ServiceAccount as RBAC knows them: for a kubeconfig with no more rights than the product has. */
export const serviceAccount = {
	user: 'system:serviceaccount:operators:hostport-operator',
	groups: ['system:serviceaccounts', 'system:serviceaccounts:operators', 'system:authenticated'],
} as const;
