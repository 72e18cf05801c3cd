/** The composition root: builds the parts, starts them in order and stops them in reverse. */
import {randomUUID} from 'node:crypto';
import fs from 'node:fs/promises';
import type {Logger} from 'pino';
import {ApiClient} from './cluster/api-client.ts';
import {systemClock} from './cluster/clock.ts';
import {connect} from './cluster/credentials.ts';
import type {Config} from './config.ts';
import {ConfigurationError} from './errors.ts';
import {createMetrics} from './metrics.ts';
import {createReplica} from './replica.ts';
import {createHealthApp, createMetricsApp, createWebhookApp} from './server/app.ts';
import {listen} from './server/listener.ts';

export type Operator = {
	readonly webhookPort: number;
	readonly healthPort: number;
	readonly metricsPort: number;
	/** Fails readiness, serves on for the shutdown delay, then answers what is in hand, hands the Lease on and closes. */
	readonly stop: () => Promise<void>;
};

/** A stopping replica waits this long for the last requests; none may take longer than 10 s. */
const lastRequestsMs = 12_000;

/**
 * Resolves once the operator is ready to serve.
 *
 * @param identity unique for this process.
 * @param signal ends a start that still waits for the API server or the ledger.
 * @throws {ConfigurationError} when a file, an address or the credentials can't be used.
 */
export const startOperator = async (config: Config, identity: string, logger: Logger, signal: AbortSignal): Promise<Operator> => {
	let notReady: string | undefined = 'the ledger is not open yet';
	let isStopping = false;
	const clock = systemClock;
	const metrics = createMetrics();
	const [connection, tls, health, metricsListener] = await Promise.all([
		connect(config.kubeconfig, clock.now),
		readTls(config),
		listen(createHealthApp({whyNotReady: () => notReady}, logger), {host: config.bindAddress, port: config.healthPort}),
		listen(createMetricsApp(metrics.registry, logger), {host: config.bindAddress, port: config.metricsPort}),
	]);
	const replica = createReplica({
		api: new ApiClient(connection),
		clock,
		random: Math.random,
		mintClaim: randomUUID,
		logger,
		metrics,
		identity,
		config,
	});
	await replica.open(signal);
	const webhook = await listen(createWebhookApp({mutatePod: replica.mutatePod, logger, isStopping: () => isStopping}), {host: config.bindAddress, port: config.webhookPort, tls});
	replica.start();
	notReady = undefined;
	logger.info({webhookPort: webhook.port, healthPort: health.port, metricsPort: metricsListener.port, namespace: config.namespace}, 'ready');

	const stop = async () => {
		notReady = 'stopping';
		isStopping = true;
		logger.info(`stopping: serving on for ${config.shutdownDelay} ms`);
		await clock.sleep(config.shutdownDelay, new AbortController().signal);
		await webhook.close(lastRequestsMs);
		await replica.stop();
		await Promise.all([health.close(0), metricsListener.close(0)]);
		connection.agent.destroy();
		logger.info('stopped');
	};

	return {webhookPort: webhook.port, healthPort: health.port, metricsPort: metricsListener.port, stop};
};

const readTls = async ({tlsCertFile, tlsPrivateKeyFile}: Config): Promise<{cert: string; key: string}> => {
	try {
		const [cert, key] = await Promise.all([fs.readFile(tlsCertFile, 'utf8'), fs.readFile(tlsPrivateKeyFile, 'utf8')]);
		return {cert, key};
	} catch (error) {
		throw new ConfigurationError(`the webhook's certificate can't be read: ${error instanceof Error ? error.message : String(error)}`, {cause: error});
	}
};
