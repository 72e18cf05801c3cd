/** The composition root: builds the parts, starts them in order and stops them in reverse. */
import {randomBytes} from 'node:crypto';
import type {Logger} from 'pino';
import {HttpApiClient} from './kubernetes/http-api-client.ts';
import {systemClock} from './clock.ts';
import {connect} from './kubernetes/credentials.ts';
import {createMissingRightLog} from './kubernetes/missing-right.ts';
import type {Config} from './config/options.ts';
import {addProcessMetrics, createMetrics} from './metrics.ts';
import {createReplica} from './replica.ts';
import {createHealthApp, createMetricsApp, createWebhookApp} from './server/app.ts';
import {listen} from './server/listener.ts';
import {createTlsSource} from './certificates/tls-source.ts';

export type Operator = {
	readonly webhookPort: number;
	readonly healthPort: number;
	readonly metricsPort: number;
	/** Fails readiness, serves on for the shutdown delay, then answers what is in hand, hands the Lease on and closes. */
	readonly stop: () => Promise<void>;
};

/**
 * Connections that are there when no more are accepted are served for so long, each until its next answer: one that is not
 * used meanwhile may be closed, where one that is may have a request on its way.
 */
const lingerMs = 1000;

/** A stopping replica waits this long for the last requests; none may take longer than 10 s. */
const lastRequestsMs = 12_000;

/** 96 random bits, in 16 characters and not the 36 of a UUID: each entry has a claim, and what a commit costs grows with its bytes. */
const mintClaim = (): string => randomBytes(12).toString('base64url');

/**
 * Resolves once the operator is ready to serve.
 *
 * @param identity unique for this process.
 * @param signal ends a start that still waits for the API server or the ledger.
 * @throws {ConfigurationError} when a file, an address or the credentials can't be used.
 */
export const startOperator = async (config: Config, identity: string, logger: Logger, signal: AbortSignal): Promise<Operator> => {
	const lifetime = new AbortController();
	let notReady: string | undefined = 'the ledger and the webhook\'s certificate are not there yet';
	let isStopping = false;
	const clock = systemClock;
	const metrics = createMetrics();
	addProcessMetrics(metrics);
	const [connection, health, metricsListener] = await Promise.all([
		connect(config.kubeconfig, clock.now),
		listen(createHealthApp({whyNotReady: () => notReady}, logger), {host: config.bindAddress, port: config.healthPort}),
		listen(createMetricsApp(metrics.registry, logger), {host: config.bindAddress, port: config.metricsPort}),
	]);
	const api = new HttpApiClient(connection, createMissingRightLog(config.namespace, clock, logger));
	const replica = createReplica({api, clock, random: Math.random, mintClaim, logger, metrics, identity, config});
	const certificates = createTlsSource(config, {api, clock, logger, metrics});
	const [tls] = await Promise.all([certificates.start(signal), replica.open(signal)]);
	const webhook = await listen(createWebhookApp({mutatePod: replica.mutatePod, logger, isStopping: () => isStopping}), {host: config.bindAddress, port: config.webhookPort, tls});
	const keepingCertificate = certificates.run(webhook.useTls, lifetime.signal);
	replica.start();
	notReady = undefined;
	logger.info({webhookPort: webhook.port, healthPort: health.port, metricsPort: metricsListener.port, namespace: config.namespace}, 'ready');

	const stop = async () => {
		notReady = 'stopping';
		isStopping = true;
		logger.info(`stopping: serving on for ${config.shutdownDelay} ms`);
		await clock.sleep(config.shutdownDelay, new AbortController().signal);
		webhook.stopAccepting();
		await clock.sleep(lingerMs, new AbortController().signal);
		await webhook.close(lastRequestsMs);
		await replica.stop();
		lifetime.abort(new Error('the operator is stopping'));
		await keepingCertificate;
		await Promise.all([health.close(0), metricsListener.close(0)]);
		connection.agent.destroy();
		logger.info('stopped');
	};

	return {webhookPort: webhook.port, healthPort: health.port, metricsPort: metricsListener.port, stop};
};
