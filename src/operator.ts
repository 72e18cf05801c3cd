/** The composition root: builds the parts, starts them in order and stops them in reverse. */
import {randomUUID} from 'node:crypto';
import fs from 'node:fs/promises';
import pRetry from 'p-retry';
import type {Logger} from 'pino';
import {createPodMutator} from './admission/mutate-pod.ts';
import {ApiClient} from './cluster/api-client.ts';
import {systemClock} from './cluster/clock.ts';
import {connect} from './cluster/credentials.ts';
import {createDuplicateReporter} from './cluster/duplicate-reporter.ts';
import {LeaseLock} from './cluster/lease-lock.ts';
import {LedgerObjects} from './cluster/ledger-objects.ts';
import {LedgerPages} from './cluster/ledger-pages.ts';
import {LedgerStore} from './cluster/ledger-store.ts';
import {createNamespaceLabels} from './cluster/namespaces.ts';
import {Quarantine} from './cluster/quarantine.ts';
import {Reconciler} from './cluster/reconciler.ts';
import {holdMs} from './config.ts';
import type {Config} from './config.ts';
import {ApiError, ConfigurationError, LedgerFormatError} from './errors.ts';
import {createMetrics} from './metrics.ts';
import {createHealthApp, createMetricsApp, createWebhookApp} from './server/app.ts';
import {listen} from './server/listener.ts';

export type Operator = {
	readonly webhookPort: number;
	readonly healthPort: number;
	readonly metricsPort: number;
	/** Fails readiness, serves on for the shutdown delay, then answers what is in hand, hands the Lease on and closes. */
	readonly stop: () => Promise<void>;
};

const leaseName = 'hostport-ledger';

/** Nobody misses a reconciler for as long as a holder of the ledger's Lease: it renews, and expires, so much more slowly. */
const electionFactor = 5;

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
	const lifetime = new AbortController();
	// Ends first, for the reconciler's last commit needs the lock.
	const reconciling = new AbortController();
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
	const api = new ApiClient(connection);
	const {namespace} = config;
	const common = {api, clock, logger, namespace};
	const objects = new LedgerObjects(api, namespace);
	const quarantine = new Quarantine({...common, objects, leaseName, holdMs: holdMs(config), mintClaim: randomUUID, signal: lifetime.signal});
	const pages = new LedgerPages({objects, quarantine, clock, logger, metrics});
	const lock = new LeaseLock({...common, name: leaseName, identity, durationSeconds: config.leaseDuration, idleMs: config.leaseIdle, rereadMs: 1000, eager: true});
	const store = new LedgerStore({pages, lock, clock, logger, random: Math.random, mintClaim: randomUUID});
	const election = new LeaseLock({...common, name: 'hostport-reconciler', identity, durationSeconds: electionFactor * config.leaseDuration, idleMs: 0, rereadMs: 5000, eager: false});
	const reconciler = new Reconciler({
		api, pages, store, election, clock, logger,
		holdMs: holdMs(config),
		mintClaim: randomUUID,
		metrics,
		reportDuplicates: createDuplicateReporter({api, clock, logger, identity}),
	});
	const mutatePod = createPodMutator({
		reserve: async (demand, deadline) => store.reserve(demand, deadline),
		preview: async (demand, deadline) => store.preview(demand, deadline),
		namespaceLabels: createNamespaceLabels(api, clock, logger),
		ranges: config.portRange,
		logger,
		count: outcome => metrics.admissions.inc({outcome}),
	});

	await openLedger(pages, logger, AbortSignal.any([signal, lifetime.signal]));
	const webhook = await listen(createWebhookApp({mutatePod, logger, isStopping: () => isStopping}), {host: config.bindAddress, port: config.webhookPort, tls});
	const running = [lock.run(lifetime.signal), election.run(reconciling.signal), reconciler.run(reconciling.signal)] as const;
	notReady = undefined;
	logger.info({webhookPort: webhook.port, healthPort: health.port, metricsPort: metricsListener.port, namespace}, 'ready');

	const stop = async () => {
		notReady = 'stopping';
		isStopping = true;
		logger.info(`stopping: serving on for ${config.shutdownDelay} ms`);
		await clock.sleep(config.shutdownDelay, new AbortController().signal);
		await webhook.close(lastRequestsMs);
		reconciling.abort(new Error('the operator is stopping'));
		await store.idle();
		lifetime.abort(new Error('the operator is stopping'));
		await Promise.all(running);
		await Promise.all([health.close(0), metricsListener.close(0)]);
		connection.agent.destroy();
		logger.info('stopped');
	};

	return {webhookPort: webhook.port, healthPort: health.port, metricsPort: metricsListener.port, stop};
};

/** Goes on until it succeeds or is told to stop: a replica that starts before the API server is up must not crash. */
const openLedger = async (pages: LedgerPages, logger: Logger, signal: AbortSignal): Promise<void> =>
	pRetry(async () => pages.open(signal), {
		signal,
		retries: Infinity,
		minTimeout: 200,
		maxTimeout: 5000,
		onFailedAttempt: ({error}) => {
			logger.warn({err: error}, explain(error));
		},
	});

const explain = (error: Error): string => {
	if (error instanceof ApiError && (error.status === 401 || error.status === 403)) {
		return 'the API server does not let the operator read or make its ledger: check its ServiceAccount, Role and ClusterRole';
	}

	if (error instanceof ApiError && error.status === 404) {
		return 'the namespace of the ledger does not exist: create it, or set --namespace';
	}

	return error instanceof LedgerFormatError ? error.message : 'the ledger can not be opened yet: trying again';
};

const readTls = async ({tlsCertFile, tlsPrivateKeyFile}: Config): Promise<{cert: string; key: string}> => {
	try {
		const [cert, key] = await Promise.all([fs.readFile(tlsCertFile, 'utf8'), fs.readFile(tlsPrivateKeyFile, 'utf8')]);
		return {cert, key};
	} catch (error) {
		throw new ConfigurationError(`the webhook's certificate can't be read: ${error instanceof Error ? error.message : String(error)}`, {cause: error});
	}
};
