/**
 * The files of `src` whose text is changed by the variants and the previous release. When one of them moves, update its path
 * here and nowhere else.
 */
export const productFiles = {
	allocator: 'ports/allocator.ts',
	apiClient: 'kubernetes/api-client.ts',
	batchCommitter: 'ledger/batch-committer.ts',
	batchPlan: 'ports/batch-plan.ts',
	batchWindow: 'ledger/batch-window.ts',
	entryStates: 'ports/entry-states.ts',
	heldNumbers: 'ports/held-numbers.ts',
	hostPortUse: 'ports/host-port-use.ts',
	leaseDecision: 'lease/lease-decision.ts',
	leaseState: 'lease/lease-state.ts',
	ledger: 'ledger/ledger.ts',
	ledgerApi: 'ledger/ledger-api.ts',
	ledgerMetadata: 'ports/ledger-metadata.ts',
	ledgerOrigin: 'ports/ledger-origin.ts',
	ledgerPage: 'ports/ledger-page.ts',
	mutatePod: 'admission/mutate-pod.ts',
	newPages: 'ledger/new-pages.ts',
	openingEntries: 'ports/opening-entries.ts',
	ownPorts: 'ports/own-ports.ts',
	podIdentity: 'admission/pod-identity.ts',
	preferredNumbers: 'ports/preferred-numbers.ts',
	quarantine: 'ledger/quarantine.ts',
	readConfig: 'config/read-config.ts',
	reconciler: 'reconcile/reconciler.ts',
	repair: 'ports/repair.ts',
	repairPass: 'reconcile/repair-pass.ts',
	replica: 'replica.ts',
	requiredReads: 'ledger/required-reads.ts',
	reservations: 'ledger/reservations.ts',
	sightings: 'ports/sightings.ts',
	startComparison: 'ledger/start-comparison.ts',
} as const;

export type ProductFile = keyof typeof productFiles;
