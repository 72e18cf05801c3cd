/** The composition root: builds the parts, starts them in order and stops them in reverse order. */
import {randomBytes} from 'node:crypto';
import type {Logger} from 'pino';
import {createTlsSource} from './certificates/tls-source.ts';
import {systemClock} from './clock.ts';
import type {Config} from './config/options.ts';
import {allowedRanges} from './config/read-config.ts';
import {warningAboutRanges} from './config/port-range-warning.ts';
import {connect} from './kubernetes/credentials.ts';
import {HttpApiClient} from './kubernetes/http-api-client.ts';
import {createMissingRightLog} from './kubernetes/missing-right.ts';
import {addProcessMetrics, createMetrics} from './metrics.ts';
import {createReplica} from './replica.ts';
import {createHealthApp, createMetricsApp, createWebhookApp} from './server/app.ts';
import {listen} from './server/listener.ts';

export type Operator = {
	readonly webhookPort: number;
	readonly healthPort: number;
	readonly metricsPort: number;
	/** Fails readiness, keeps serving for the shutdown delay, answers the last requests, hands over the Leases and closes. */
	readonly stop: () => Promise<void>;
};

/**
 * After accepting stops, open connections are served this long, each until its next answer: the API server may have a request
 * on its way on any of them. One second is far longer than a request travels.
 */
const drainMs = 1000;

/** How long stopping waits for the last requests. The webhook gives each at most 10 s (server/app.ts). */
const lastRequestsMs = 12_000;

/** 96 random bits in 16 characters. A UUID has 36, and every ledger entry has a claim: a commit's cost grows with its bytes. */
const mintClaim = (): string => randomBytes(12).toString('base64url');

/**
 * Resolves once the operator is ready to serve.
 *
 * @param identity unique for this process.
 * @param signal aborts a start that waits for the API server.
 * @throws {ConfigurationError} if a file, an address or the credentials can't be used.
 * @throws the signal's reason if it is aborted first.
 */
export const startOperator = async (config: Config, identity: string, logger: Logger, signal: AbortSignal): Promise<Operator> => {
	const lifetime = new AbortController();
	let whyNotReady: string | undefined = 'the ledger and the webhook\'s certificate are not loaded yet';
	let isStopping = false;
	const rangeWarning = warningAboutRanges(allowedRanges(config), config.nodePortRange);
	if (rangeWarning) {
		logger.warn(rangeWarning);
	}

	const clock = systemClock;
	const metrics = createMetrics();
	addProcessMetrics(metrics);
	const [connection, health, metricsListener] = await Promise.all([
		connect(config.kubeconfig, clock.now),
		listen(createHealthApp({whyNotReady: () => whyNotReady}, logger), {host: config.bindAddress, port: config.healthPort}),
		listen(createMetricsApp(metrics.registry, logger), {host: config.bindAddress, port: config.metricsPort}),
	]);
	const api = new HttpApiClient(connection, {clock, onDenied: createMissingRightLog(config.namespace, clock, logger), onAnswer: answer => metrics.apiRequests.inc(answer)});
	const replica = createReplica({api, clock, random: Math.random, mintClaim, logger, metrics, identity, config});
	const certificates = createTlsSource(config, {api, clock, logger, metrics});
	const [tls] = await Promise.all([certificates.start(signal), replica.load(signal)]);
	const webhook = await listen(createWebhookApp({path: config.webhookPath, mutatePod: replica.mutatePod, logger, isStopping: () => isStopping}), {host: config.bindAddress, port: config.webhookPort, tls});
	const keepingCertificate = certificates.run(webhook.useTls, lifetime.signal);
	replica.start();
	whyNotReady = undefined;
	logger.info({webhookPort: webhook.port, healthPort: health.port, metricsPort: metricsListener.port, namespace: config.namespace}, 'ready');

	const stop = async () => {
		whyNotReady = 'stopping';
		isStopping = true;
		logger.info(`stopping: serving for another ${config.shutdownDelay} ms`);
		await clock.sleep(config.shutdownDelay, new AbortController().signal);
		webhook.stopAccepting();
		await clock.sleep(drainMs, new AbortController().signal);
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
