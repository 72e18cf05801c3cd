/** Installs the product on a cluster with the files in deploy/, and runs its replicas as processes of this machine, behind a balancer. */
import {mkdir} from 'node:fs/promises';
import path from 'node:path';
import {bundlePath} from '../scripts/build.ts';
import {nodeFlags as ownNodeFlags} from '../scripts/build/node-flags.ts';
import {startBalancer} from './balancer.ts';
import type {KubeClient} from './kube-client.ts';
import {applyRights, applyWebhook, redirectService, untilCalled, webhookConfiguration} from './product-objects.ts';
import {startReplica} from './replica.ts';
import type {LogLine, Replica} from './replica.ts';

export type Installation = AsyncDisposable & {
	/** The replicas that run. The balancer sends connections to them. */
	readonly replicas: () => readonly Replica[];
	readonly addReplica: (name: string) => Promise<Replica>;
	/** Sends the signal and resolves when the process is gone. */
	readonly removeReplica: (replica: Replica, signal: 'SIGKILL' | 'SIGTERM') => Promise<void>;
	/** Deletes the webhook configuration, so that Pods can be created again, and ends balancer and replicas. */
	readonly stop: () => Promise<void>;
};

export type InstallOptions = {
	readonly client: KubeClient;
	/** The replicas' own: one for all, or one for each by the replica's name. */
	readonly kubeconfig: string | ((replica: string) => string);
	/** For the replicas' logs. */
	readonly directory: string;
	readonly replicas: number;
	readonly flags?: readonly string[];
	/** Default: those of the first line of the bundle. */
	readonly nodeFlags?: readonly string[];
	/** The path of the program. Default: what `npm run build` writes. */
	readonly bundle?: string;
	readonly onLog?: (line: LogLine) => void;
	/** Session affinity, as the Service in deploy/ has it. Default false: connections go round, so that all replicas contend. */
	readonly affinity?: boolean;
	/**
	 * True: the product is installed already, and the replicas take the place of its Pods behind its Service. Its rights
	 * and its webhook configuration stay as they are, also after `stop`.
	 */
	readonly behindService?: boolean;
	/** Where that Service is. Default: operators. */
	readonly namespace?: string;
	/** Ends the attempt to install. */
	readonly signal?: AbortSignal;
};

/** Resolves once all replicas are ready and the API server calls them. */
export const install = async ({client, kubeconfig, directory, replicas: count, flags = [], nodeFlags = ownNodeFlags, bundle = bundlePath, onLog, affinity = false, behindService = false, namespace = 'operators', signal}: InstallOptions): Promise<Installation> => {
	await mkdir(directory, {recursive: true});
	const running = new Set<Replica>();
	const balancer = await startBalancer({targets: () => [...running].map(({webhookPort}) => ({host: '127.0.0.1', port: webhookPort})), affinity});

	const addReplica = async (name: string): Promise<Replica> => {
		const replica = await startReplica({
			name,
			logFile: path.join(directory, `${name}.log`),
			args: [
				...nodeFlags, bundle, 'serve', '--kubeconfig', typeof kubeconfig === 'string' ? kubeconfig : kubeconfig(name), '--identity', name, '--bind-address', '127.0.0.1', '--webhook-port', '0', '--health-port', '0', '--metrics-port', '0',
				'--namespace', namespace, '--log-format', 'json', '--shutdown-delay', '500ms', ...flags,
			],
			...(onLog && {onLog}),
			...(signal && {signal}),
		});
		running.add(replica);
		void replica.process.exited.then(() => running.delete(replica));
		return replica;
	};

	const stop = async (): Promise<void> => {
		if (!behindService) {
			await client.send('DELETE', webhookConfiguration).catch(() => undefined);
		}

		// First: a replica that is told to stop waits for clients whose connection is open and idle.
		await balancer.stop();
		await Promise.all([...running].map(async ({process}) => process.stop()));
	};

	try {
		if (!behindService) {
			await applyRights(client);
		}

		// First: a replica makes its certificate for the address in the webhook configuration.
		await (behindService ? redirectService(client, balancer.port, namespace) : applyWebhook(client, balancer.port));
		await Promise.all(Array.from({length: count}, async (_, index) => addReplica(`replica-${index + 1}`)));
		await untilCalled(client, signal);
	} catch (error) {
		await stop();
		throw error;
	}

	return {replicas: () => [...running], addReplica, removeReplica, stop, [Symbol.asyncDispose]: stop};
};

const removeReplica = async (replica: Replica, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> => {
	replica.process.kill(signal);
	await replica.process.exited;
};
