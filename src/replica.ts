/**
 * One replica, apart from HTTP, files and its process: the parts that share the ledger with other replicas. The operator
 * serves with it; the simulation runs it on a clock, a network and an API server of its own.
 */
import {createPodMutator} from './admission/mutate-pod.ts';
import type {AdmissionReview} from './admission/review.ts';
import type {Config} from './config/options.ts';
import {allowedRanges, holdMs} from './config/read-config.ts';
import {ApiError, LedgerFormatError} from './errors.ts';
import {createNamespaceLabels} from './kubernetes/namespace-labels.ts';
import {LeaseLock} from './lease/lease-lock.ts';
import {createLedger, electionLeaseName, ledgerLeaseName} from './ledger/create-ledger.ts';
import type {CreateLedgerOptions} from './ledger/create-ledger.ts';
import type {PodDemand} from './ports/demand.ts';
import {heldLimitsOf} from './ports/held-numbers.ts';
import {createDuplicateReporter} from './reconcile/duplicate-events.ts';
import {Reconciler} from './reconcile/reconciler.ts';
import {createUnservedPodReporter} from './reconcile/unserved-pods.ts';
import {retry} from './retry.ts';

export type ReplicaOptions = Pick<CreateLedgerOptions, 'api' | 'clock' | 'random' | 'mintClaim' | 'logger' | 'metrics' | 'blockSize'> & {
	/** Unique for this process. */
	readonly identity: string;
	readonly config: Pick<Config, 'namespace' | 'portRange' | 'excludePorts' | 'maxPortsPerPod' | 'maxHeldPortsPerNamespace' | 'podSecurityCheck' | 'nodePortRange' | 'leaseDuration' | 'leaseIdle' | 'holdTime' | 'apiRequestTimeout'>;
};

export type Replica = {
	/** Finds or creates the ledger, however long that takes. Must resolve before anything else is called. @throws the signal's reason. */
	readonly load: (signal: AbortSignal) => Promise<void>;
	/** See `createPodMutator`. */
	readonly mutatePod: (body: unknown, signal: AbortSignal) => Promise<AdmissionReview>;
	/** Starts to take part in the queue for the ledger's Lease and in the election of the reconciler. */
	readonly start: () => void;
	/** Ends what was started, once no request waits: hands both Leases over. */
	readonly stop: () => Promise<void>;
};

/** A missing reconciler does less harm than a missing holder of the ledger's Lease, so its Lease is renewed, and expires, five times as slowly. */
const electionFactor = 5;

export const createReplica = ({api, clock, random, mintClaim, logger, metrics, identity, config, blockSize}: ReplicaOptions): Replica => {
	const lifetime = new AbortController();
	// Aborted before `lifetime`: the reconciler's last commit still needs the Lease.
	const reconciling = new AbortController();
	const {namespace, leaseDuration, leaseIdle, maxPortsPerPod, maxHeldPortsPerNamespace, podSecurityCheck, nodePortRange} = config;
	const ranges = allowedRanges(config);
	const common = {api, clock, random, logger, metrics, mintClaim, namespace, holdMs: holdMs(config)};
	const lock = new LeaseLock({...common, name: ledgerLeaseName, identity, durationSeconds: leaseDuration, idleMs: leaseIdle, rereadMs: 1000, eager: true});
	const {newPages, reservations, ...parts} = createLedger({...common, lock, blockSize, signal: lifetime.signal});
	const election = new LeaseLock({...common, name: electionLeaseName, identity, durationSeconds: electionFactor * leaseDuration, idleMs: 0, rereadMs: 5000, eager: false});
	const reconciler = new Reconciler({
		...common, newPages, blockSize: parts.blockSize, ledger: parts.ledger, reservations, election,
		ranges,
		reportDuplicates: createDuplicateReporter({api, clock, logger, identity}),
		reportPodsWithoutPorts: createUnservedPodReporter({api, clock, logger, identity}),
	});
	metrics.showLease(ledgerLeaseName, () => lock.isHeld);
	metrics.showLease(electionLeaseName, () => election.isHeld);
	metrics.showQueue(() => reservations.waiting);
	const withLimits = (demand: PodDemand): PodDemand => ({...demand, heldLimits: heldLimitsOf(ranges, demand.basePort, maxHeldPortsPerNamespace)});

	let running: ReadonlyArray<Promise<void>> = [];
	return {
		load: async signal => retry(async () => parts.load(signal), {
			// A replica that starts before the API server must not crash.
			clock, random, firstMs: 200, longestMs: 5000, signal,
			onFailure: error => logger.warn({err: error}, explain(error)),
		}),
		mutatePod: createPodMutator({
			reserve: async (demand, deadline) => reservations.reserve(withLimits(demand), deadline),
			dryRun: async (demand, deadline) => parts.dryRun(withLimits(demand), deadline),
			namespaceLabels: createNamespaceLabels(api, clock, logger),
			ranges,
			maxPortsPerPod,
			podSecurityCheck,
			nodePortRange,
			namespace,
			logger,
			metrics,
		}),
		start() {
			running = [lock.run(lifetime.signal), election.run(reconciling.signal), reconciler.run(reconciling.signal)];
		},
		async stop() {
			reconciling.abort(new Error('the operator is stopping'));
			await reservations.idle();
			lifetime.abort(new Error('the operator is stopping'));
			await Promise.all(running);
		},
	};
};

const explain = (error: unknown): string => {
	if (error instanceof ApiError && (error.status === 401 || error.status === 403)) {
		return 'the API server does not let the operator read or create its ledger: check its ServiceAccount, Role and ClusterRole';
	}

	if (error instanceof ApiError && error.status === 404) {
		return 'the namespace of the ledger does not exist: create it, or set --namespace';
	}

	return error instanceof LedgerFormatError ? error.message : 'the ledger can not be loaded yet: trying again';
};
