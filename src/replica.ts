/**
 * One replica, apart from HTTP, files and its process: the parts that share the ledger with other replicas. The operator
 * serves with it; the simulation runs it on a clock, a network and an API server of its own.
 */
import type {Logger} from 'pino';
import {createPodMutator} from './admission/mutate-pod.ts';
import type {AdmissionReview} from './admission/review.ts';
import type {ApiClient} from './kubernetes/api-client.ts';
import type {Clock} from './clock.ts';
import {createDuplicateReporter} from './reconcile/duplicate-events.ts';
import {LeaseLock} from './lease/lease-lock.ts';
import {LedgerObjects} from './ledger/ledger-api.ts';
import {LedgerPages} from './ledger/ledger.ts';
import {LedgerStore} from './ledger/reservations.ts';
import {createNamespaceLabels} from './kubernetes/namespace-labels.ts';
import {createQuarantine} from './ledger/quarantine.ts';
import {Reconciler} from './reconcile/reconciler.ts';
import {holdMs} from './config/options.ts';
import type {Config} from './config/options.ts';
import {ApiError, LedgerFormatError} from './errors.ts';
import {measuredLock, measuredMutator} from './measured.ts';
import type {Metrics} from './metrics.ts';

export type ReplicaOptions = {
	readonly api: ApiClient;
	readonly clock: Clock;
	/** Uniform in [0, 1). */
	readonly random: () => number;
	/** A token that nobody else mints. */
	readonly mintClaim: () => string;
	readonly logger: Logger;
	readonly metrics: Metrics;
	/** Unique for this process. */
	readonly identity: string;
	readonly config: Pick<Config, 'namespace' | 'portRange' | 'leaseDuration' | 'leaseIdle' | 'holdTime' | 'apiRequestTimeout'>;
};

export type Replica = {
	/** Finds or makes the ledger, however long that takes. Must have resolved before anything else. @throws the signal's reason. */
	readonly open: (signal: AbortSignal) => Promise<void>;
	/** See `createPodMutator`. */
	readonly mutatePod: (body: unknown, signal: AbortSignal) => Promise<AdmissionReview>;
	/** Takes part from now on: in the line for the Lease, and in the election of the reconciler. */
	readonly start: () => void;
	/** Ends what was started, once nobody waits any more: hands both Leases on. */
	readonly stop: () => Promise<void>;
};

const leaseName = 'hostport-ledger';

/** Nobody misses a reconciler for as long as a holder of the ledger's Lease: it renews, and expires, so much more slowly. */
const electionFactor = 5;

const firstRetryMs = 200;
const lastRetryMs = 5000;

export const createReplica = ({api, clock, random, mintClaim, logger, metrics, identity, config}: ReplicaOptions): Replica => {
	const lifetime = new AbortController();
	// Ends first, for the reconciler's last commit needs the lock.
	const reconciling = new AbortController();
	const {namespace, leaseDuration, leaseIdle, portRange} = config;
	const common = {api, clock, logger, namespace};
	const objects = new LedgerObjects(api, namespace);
	const quarantine = createQuarantine({...common, objects, leaseName, holdMs: holdMs(config), mintClaim, signal: lifetime.signal});
	const pages = new LedgerPages({objects, quarantine, clock, logger, metrics});
	const lease = (name: string) => ({name, onWrite: (change: string) => metrics.leaseWrites.inc({lease: name, change: change.replaceAll(' ', '_')})});
	const lock = new LeaseLock({...common, ...lease(leaseName), identity, durationSeconds: leaseDuration, idleMs: leaseIdle, rereadMs: 1000, eager: true});
	const store = new LedgerStore({pages, lock: measuredLock(lock, metrics), clock, logger, random, mintClaim, onBatch: size => metrics.batchSize.observe(size)});
	const election = new LeaseLock({...common, ...lease('hostport-reconciler'), identity, durationSeconds: electionFactor * leaseDuration, idleMs: 0, rereadMs: 5000, eager: false});
	const reconciler = new Reconciler({
		api, pages, store, election, clock, logger, mintClaim, metrics,
		holdMs: holdMs(config),
		ranges: portRange,
		reportDuplicates: createDuplicateReporter({api, clock, logger, identity}),
	});
	let running: ReadonlyArray<Promise<void>> = [];
	return {
		open: async signal => openLedger(pages, clock, logger, signal),
		mutatePod: measuredMutator(createPodMutator({
			reserve: async (demand, deadline) => store.reserve(demand, deadline),
			preview: async (demand, deadline) => store.preview(demand, deadline),
			namespaceLabels: createNamespaceLabels(api, clock, logger),
			ranges: portRange,
			logger,
		}), metrics),
		start() {
			running = [lock.run(lifetime.signal), election.run(reconciling.signal), reconciler.run(reconciling.signal)];
		},
		async stop() {
			reconciling.abort(new Error('the operator is stopping'));
			await store.idle();
			lifetime.abort(new Error('the operator is stopping'));
			await Promise.all(running);
		},
	};
};

/** Goes on until it succeeds or is told to stop: a replica that starts before the API server is up must not crash. */
const openLedger = async (pages: LedgerPages, clock: Clock, logger: Logger, signal: AbortSignal): Promise<void> => {
	for (let retryMs = firstRetryMs; ; retryMs = Math.min(retryMs * 2, lastRetryMs)) {
		try {
			return await pages.open(signal);
		} catch (error) {
			signal.throwIfAborted();
			logger.warn({err: error}, explain(error));
		}

		await clock.sleep(retryMs, signal);
	}
};

const explain = (error: unknown): string => {
	if (error instanceof ApiError && (error.status === 401 || error.status === 403)) {
		return 'the API server does not let the operator read or make its ledger: check its ServiceAccount, Role and ClusterRole';
	}

	if (error instanceof ApiError && error.status === 404) {
		return 'the namespace of the ledger does not exist: create it, or set --namespace';
	}

	return error instanceof LedgerFormatError ? error.message : 'the ledger can not be opened yet: trying again';
};
