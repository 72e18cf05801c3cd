/** Composes the parts of the ledger for one replica. */
import type {Logger} from 'pino';
import type {Clock} from '../clock.ts';
import type {ApiClient} from '../kubernetes/api-client.ts';
import type {LeaseLock} from '../lease/lease-lock.ts';
import type {Metrics} from '../metrics.ts';
import type {PodDemand} from '../ports/demand.ts';
import {schemaBlockSize} from '../ports/ledger-metadata.ts';
import {dryRun} from './dry-run.ts';
import {LedgerApi} from './ledger-api.ts';
import {Ledger} from './ledger.ts';
import {NewPages} from './new-pages.ts';
import {Quarantine} from './quarantine.ts';
import {Reservations} from './reservations.ts';
import {StartComparison} from './start-comparison.ts';

export type CreateLedgerOptions = {
	readonly api: ApiClient;
	readonly clock: Clock;
	/** Uniform in [0, 1). */
	readonly random: () => number;
	/** A token that no other call returns, in this process or another. */
	readonly mintClaim: () => string;
	readonly logger: Logger;
	readonly metrics: Metrics;
	readonly namespace: string;
	/** How long an admitted Pod may be on its way to storage. */
	readonly holdMs: number;
	/** Orders the writes of the replicas. */
	readonly lock: Pick<LeaseLock, 'acquire'>;
	/** Port numbers in a page: tests make it smaller, for all replicas of one ledger alike. */
	readonly blockSize?: number | undefined;
	/** Ends what runs in the background. */
	readonly signal: AbortSignal;
};

/** The Lease of the ledger's writers. */
export const ledgerLeaseName = 'hostport-ledger';

/** The Lease of the reconciler. */
export const electionLeaseName = 'hostport-reconciler';

export const createLedger = ({blockSize = schemaBlockSize, ...options}: CreateLedgerOptions) => {
	const ledgerApi = new LedgerApi({...options, blockSize});
	const quarantine = new Quarantine({...options, ledgerApi, leaseNames: [ledgerLeaseName, electionLeaseName]});
	const ledger = new Ledger({...options, ledgerApi, quarantine});
	const startComparison = new StartComparison({...options, ledger, quarantine});
	const newPages = new NewPages({...options, ledger, ledgerApi, quarantine});
	const reservations = new Reservations({...options, ledger, newPages});
	return {
		ledgerApi, quarantine, ledger, newPages, reservations, blockSize,
		/** Finds or creates the index, waits for its quarantine, and compares the pages with the live Pods. */
		load: async (signal: AbortSignal): Promise<void> => {
			await ledger.start(signal);
			await startComparison.run(signal);
		},
		dryRun: async (demand: PodDemand, signal: AbortSignal) => dryRun({...options, ledger}, demand, signal),
	};
};
