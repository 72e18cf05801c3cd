/**
 * The files of `src` whose text is changed by the variants and the previous release. When one of them moves, update its path
 * here and nowhere else.
 */
export const productFiles = {
	allocator: 'ports/allocator.ts',
	apiClient: 'kubernetes/api-client.ts',
	batchPlan: 'ports/batch-plan.ts',
	gathering: 'ledger/gathering.ts',
	hostPortUse: 'ports/host-port-use.ts',
	indexQuarantine: 'ledger/index-quarantine.ts',
	leaseDecision: 'lease/lease-decision.ts',
	leaseView: 'lease/lease-view.ts',
	leaseWork: 'lease/lease-work.ts',
	ledger: 'ledger/ledger.ts',
	ledgerApi: 'ledger/ledger-api.ts',
	ledgerBlocks: 'ports/ledger-blocks.ts',
	ledgerIndex: 'ports/ledger-index.ts',
	ledgerMetadata: 'ports/ledger-metadata.ts',
	ledgerPage: 'ports/ledger-page.ts',
	markWatch: 'ledger/mark-watch.ts',
	mutatePod: 'admission/mutate-pod.ts',
	options: 'config/options.ts',
	pageQuarantine: 'ledger/page-quarantine.ts',
	podIdentity: 'admission/pod-identity.ts',
	preferredNumbers: 'ports/preferred-numbers.ts',
	reconciler: 'reconcile/reconciler.ts',
	repair: 'ports/repair.ts',
	repairPass: 'reconcile/repair-pass.ts',
	replica: 'replica.ts',
	requiredReads: 'ledger/required-reads.ts',
	reservations: 'ledger/reservations.ts',
} as const;

export type ProductFile = keyof typeof productFiles;
