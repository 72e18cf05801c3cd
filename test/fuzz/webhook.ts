/** The product's webhook with a real listener and ledger, on an in-memory cluster, with a record of every reservation. */
import {createPodMutator} from '../../src/admission/mutate-pod.ts';
import {createNamespaceLabels} from '../../src/kubernetes/namespace-labels.ts';
import type {PodDemand} from '../../src/ports/demand.ts';
import {createWebhookApp} from '../../src/server/app.ts';
import {listen} from '../../src/server/listener.ts';
import {silent} from '../helpers/no-ops.ts';
import {startLedger} from '../helpers/start-ledger.ts';
import {defaultRanges} from '../helpers/pods.ts';

/** A reservation. */
export type Given = {readonly demand: PodDemand; readonly numbers: readonly number[]};

export type Trace = {
	readonly given: readonly Given[];
	/** The keys of the ledger's entries. */
	readonly entries: readonly string[];
};

/** Runs in this process or in a child. */
export type Webhook = AsyncDisposable & {
	readonly port: number;
	/** Everything reserved since the last call. The ledger is empty afterwards. */
	readonly takeTrace: () => Promise<Trace>;
};

export const startWebhook = async (): Promise<Webhook> => {
	let current = await freshMutator();
	const app = createWebhookApp({path: '/mutate-pods', mutatePod: async (body, signal) => current.mutatePod(body, signal), logger: silent, isStopping: () => false});
	const {port, close} = await listen(app, {host: '127.0.0.1', port: 0});
	return {
		port,
		async takeTrace() {
			const {given, entries} = current;
			current = await freshMutator();
			return {given, entries: Object.keys(entries())};
		},
		[Symbol.asyncDispose]: async () => close(0),
	};
};

const freshMutator = async () => {
	const {reservations, dryRun, api, entries, clock, metrics} = await startLedger({});
	const given: Given[] = [];
	const recorded = (give: (demand: PodDemand, signal: AbortSignal) => Promise<readonly number[]>) => async (demand: PodDemand, signal: AbortSignal) => {
		const numbers = await give(demand, signal);
		given.push({demand, numbers});
		return numbers;
	};

	const mutatePod = createPodMutator({
		reserve: recorded(async (demand, signal) => reservations.reserve(demand, signal)),
		dryRun: recorded(dryRun),
		namespaceLabels: createNamespaceLabels(api, clock, silent),
		ranges: defaultRanges,
		namespace: 'operators',
		maxPortsPerPod: 128,
		podSecurityCheck: 'warn',
		nodePortRange: [{first: 30_000, last: 32_767}],
		logger: silent,
		metrics,
	});
	return {mutatePod, given, entries};
};
