/**
 * Broken variants of the product. Each breaks one rule; the simulation must catch every one. A variant replaces text of files
 * in `src` while they are loaded, so `src` has no code for it. A text that is missing, or is there twice, is an error: when
 * you change a line of `src` that a variant replaces, update the variant so that it still breaks the same rule.
 */

import type {ThemeName} from '../faults/themes.ts';
import type {ProductFile} from './product-files.ts';

export type Edit = {
	readonly file: ProductFile;
	readonly replace: string;
	readonly with: string;
};

export type Variant = {
	/** What is broken. */
	readonly name: string;
	readonly edits: readonly Edit[];
	/** The theme in which the rule matters, if the first seeds do not catch the variant without it. */
	readonly theme?: ThemeName;
};

const edit = (file: ProductFile, replace: string, replacement: string): Edit => ({file, replace, with: replacement});

export const variants: readonly Variant[] = [
	{
		name: 'pages are written without a resourceVersion',
		edits: [edit('ledgerApi', 'metadata: commitMetadata(page),\n\t\t\tdata: changesAsData(changes)', 'metadata: {} as {resourceVersion: string},\n\t\t\tdata: changesAsData(changes)')],
	},
	{
		name: 'entries are freed on the first sighting',
		edits: [edit('repair', 'now - sighting.firstSeen >= holdMs', 'now - sighting.firstSeen >= 0 * holdMs')],
	},
	{
		name: 'Pods are listed before the ledger is read',
		theme: 'long passes',
		edits: [
			edit('repairPass', 'const snapshot = await newPages.readAll(signal);', 'const {uses, podsWithoutPorts} = await surveyHostPorts(api, signal);\n\t\tconst snapshot = await newPages.readAll(signal);'),
			edit('repairPass', 'const {uses, podsWithoutPorts} = await surveyHostPorts(api, signal);\n\t\tconst pass', 'const pass'),
		],
	},
	{
		name: 'request.uid is trusted as identity',
		edits: [
			edit('mutatePod', 'const mutatePod = async', 'const numbersByUid = new Map<string, readonly number[]>();\n\nconst mutatePod = async'),
			edit(
				'mutatePod',
				'const numbers = await (request.dryRun ? dryRun : reserve)(plan.demand, signal);',
				'const numbers = numbersByUid.get(request.uid) ?? await (request.dryRun ? dryRun : reserve)(plan.demand, signal);\n\tif (!request.dryRun) numbersByUid.set(request.uid, numbers);',
			),
		],
	},
	{
		name: 'the Lease is trusted instead of the compare-and-swap',
		edits: [edit(
			'ledgerApi',
			'metadata: commitMetadata(page),\n\t\t\tdata: changesAsData(changes)',
			'metadata: {resourceVersion: (await this.readPage(page.first, signal))?.resourceVersion ?? page.resourceVersion},\n\t\t\tdata: changesAsData(changes)',
		)],
	},
	{
		name: 'a Lease expires by the holder\'s clock',
		edits: [
			edit('leaseState', "readonly clock: Pick<Clock, 'now'>;", 'readonly clock: Clock;'),
			edit('leaseState', 'this.#observedAt + this.#record.durationMs', "Date.parse(this.#record.renewTime ?? '2000-01-01') + this.#record.durationMs + this.#now - this.#options.clock.date().getTime()"),
		],
	},
	{
		name: 'a write of unknown outcome is repeated blindly',
		theme: 'unknown outcomes',
		edits: [edit(
			'ledger',
			'this.cache.invalidate(page.first);\n\t\t\tthrow error;',
			`this.cache.invalidate(page.first);
			if (!(error instanceof ApiError && error.status < 500)) {
				const fresh = await ledgerApi.readPage(page.first, signal);
				if (fresh) {
					this.cache.storePage(await ledgerApi.commit(fresh, changes, signal));
					return;
				}
			}

			throw error;`,
		)],
	},
	{
		name: 'ages are kept by port, not by (port, claim, state)',
		edits: [edit('sightings', 'sighting && sighting.claim === claim && sighting.state === state ? sighting : {claim, state, firstSeen: now}', '({claim, state, firstSeen: sighting?.firstSeen ?? now})')],
	},
	{
		name: 'a repair is applied to an entry that has changed since it was judged',
		theme: 'crowds',
		edits: [edit('batchPlan', '&& isSameEntry(page.entries.get(key), judged)', '&& (isSameEntry(page.entries.get(key), judged) || true)')],
	},
	{
		name: 'entries expire after one request timeout',
		edits: [edit('readConfig', 'Math.max(holdTime, 2 * apiRequestTimeout)', 'Math.max(0 * holdTime, apiRequestTimeout)')],
	},
	{
		name: 'the quarantine of a page is kept in memory only',
		theme: 'makers die',
		edits: [edit('ledgerMetadata', "[ledgerAnnotations.mark]: 'quarantine',", "...(kind === 'index' && {[ledgerAnnotations.mark]: 'quarantine'}),")],
	},
	{
		name: 'a quarantine is lifted without a new list of Pods',
		edits: [edit('openingEntries', 'if (change) {', 'if (change && key === \'\') {')],
	},
	{
		name: 'a quarantine is lifted at once',
		edits: [edit('quarantine', 'await clock.sleep(holdMs, signal);', 'await clock.sleep(holdMs / 1000, signal);')],
	},
	{
		name: 'a page is opened before the index lists it',
		theme: 'vanishing pages',
		edits: [
			edit('ledgerApi', 'const unlisted = existing.filter(', 'const unlisted = existing.slice(0, 0).filter('),
			edit('newPages', 'async first => ledgerApi.createPage(first,', 'async first => this.#createAndLift(first,'),
			edit('newPages', '\t/** An index that was deleted while', `
				async #createAndLift(first: number, signal: AbortSignal): Promise<void> {
					const {ledger, ledgerApi, quarantine} = this.#options;
					await ledgerApi.createPage(first, signal);
					const made = await ledger.readPage(first, signal);
					for (const lifted of made?.quarantined && !ledger.cache.index.pageStarts.includes(first) ? await quarantine.liftPages([made], signal) : []) {
						ledger.cache.storePage(lifted);
					}
				}

				/** An index that was deleted while`),
		],
	},
	{
		name: 'a quarantine is lifted although the index does not list the page',
		theme: 'makers die',
		edits: [edit('quarantine', 'index.pageStarts.includes(first) || await', 'index.pageStarts.includes(first) || first > 0 || await')],
	},
	{
		name: 'an expired deadline is answered as an internal error',
		theme: 'successors',
		edits: [edit('mutatePod', 'problem instanceof DenialError || !signal.aborted ? problem', 'problem instanceof DenialError || signal ? problem')],
	},
	{
		name: 'a new index is not in quarantine',
		theme: 'deleted ledgers',
		edits: [edit('ledgerMetadata', "[ledgerAnnotations.mark]: 'quarantine',", "...(kind === 'page' && {[ledgerAnnotations.mark]: 'quarantine'}),")],
	},
	{
		name: 'a change of the waiters restarts a Lease\'s expiry',
		edits: [edit('leaseState', 'if (record?.holder !== previous?.holder || record?.renewTime !== previous?.renewTime) {', 'if (record?.resourceVersion !== previous?.resourceVersion) {')],
	},
	{
		name: 'a waiting replica does not check that it is still queued',
		edits: [
			edit('leaseDecision', 'const decideAsHolder =', 'const queued = new Set<string>();\n\nconst decideAsHolder ='),
			edit('leaseDecision', 'const [next, ...rest] = waiters.filter(waiter => waiter !== identity);', 'const [next, ...rest] = waiters.filter(waiter => waiter !== identity);\n\tqueued.delete(identity);'),
			edit('leaseDecision', 'return isQueued ? {action: \'rest\'}', 'if (isQueued) queued.add(identity);\n\treturn queued.has(identity) ? {action: \'rest\'}'),
		],
	},
	{
		name: 'a take-over keeps dead waiters in the queue',
		edits: [edit('leaseDecision', "because: 'take over', holder: identity, waiters: []", "because: 'take over', holder: identity, waiters: others")],
	},
	{
		name: 'earlier claims are forgotten after a conflict',
		theme: 'narrow pages',
		edits: [edit('reservations', "logger.debug({err: error}, 'another writer has changed the ledger: planning again');", "for (const request of this.#committer.batch) if (request.kind === 'admission') request.earlierClaims.length = 0;")],
	},
	{
		name: 'earlier claims are never looked up',
		theme: 'narrow pages',
		edits: [edit('allocator', 'withReservedEarlier(startSearch(space, demand), earlierClaims)', 'withReservedEarlier(startSearch(space, demand), earlierClaims.slice(0, 0))')],
	},
	{
		name: 'all attempts of a request use one claim',
		theme: 'unknown outcomes',
		edits: [edit('batchCommitter', 'request.claim = mintClaim();', 'request.claim ||= mintClaim();')],
	},
	{
		name: 'requests are answered before the commit',
		edits: [edit('batchCommitter', "outcome.kind === 'allocated' && touchedPages.isSubsetOf(committed)", "outcome.kind === 'allocated' && (touchedPages.isSubsetOf(committed) || true)")],
	},
	{
		name: 'a dry run reserves ports',
		edits: [edit('mutatePod', 'request.dryRun ? dryRun : reserve', 'request.dryRun && false ? dryRun : reserve')],
	},
	{
		name: 'only Pods with the label are listed',
		edits: [edit('apiClient', '`${path}?limit=', '`${path}?${path === \'/api/v1/pods\' ? \'labelSelector=hostport.io%2Fmanaged%3Dtrue&\' : \'\'}limit=')],
	},
	{
		name: 'Pods are listed from the API server\'s cache',
		theme: 'late Pods',
		edits: [edit('apiClient', '`${path}?limit=', '`${path}?resourceVersion=0&limit=')],
	},
	{
		name: 'only the first page of a list is read',
		theme: 'broken lists',
		edits: [edit('apiClient', '} while (token);', '} while (token && found.length === -1);')],
	},
	{
		name: 'a terminating Pod counts as deleted',
		edits: [edit('hostPortUse', 'export const isLive = ({status}: StoredPod): boolean => status', 'export const isLive = ({status, metadata}: StoredPod): boolean => !(\'deletionTimestamp\' in metadata) && status')],
	},
	{
		name: 'entries follow the Pod\'s name, not the port',
		theme: 'strangers',
		edits: [edit('entryStates', 'if (uses.length === 0) {', 'if (!uses.some(({pod}) => !entry || pod === entry.pod || entry.pod.includes(\' \'))) {')],
	},
	{
		name: 'Pods without a fixed name take over from one another',
		edits: [edit('preferredNumbers', 'return demand.hasFixedName ? withEntries', 'return demand.pod ? withEntries'), edit('podIdentity', '(${origin})`, hasFixedName: false', '(${origin})`.replace(/.* /, \'game/\'), hasFixedName: false'),],
	},
	{
		name: 'unreadable entries count as free ports',
		theme: 'edited pages',
		edits: [edit('ledgerPage', 'for (const {reserves} of damaged) {', 'for (const {reserves} of damaged.slice(0, 0)) {')],
	},
	{
		name: 'ports are given from a page in quarantine',
		edits: [edit('ledgerPage', "if (mark === 'quarantine') {", "if (mark === 'quarantine' && range === '') {"), edit('ledgerPage', "if (mark === undefined && origin !== 'opened') {", "if (mark === undefined && origin === 'copied') {"), edit('ledgerPage', 'return mark === undefined ? undefined :', "return mark === undefined || mark === 'quarantine' ? undefined :")],
	},
	{
		name: 'a re-created index counts as a first installation',
		theme: 'deleted ledgers',
		edits: [edit('quarantine', 'await this.#isFirstInstallation(signal)', 'await this.#isFirstInstallation(signal) || index.quarantined')],
	},
	{
		name: 'new pages are opened while the index is in quarantine',
		theme: 'deleted ledgers',
		edits: [
			edit('newPages', 'index.quarantined ? [] : unlisted', 'unlisted'),
			edit('newPages', 'if (cache.index.quarantined && (', 'if (cache.pages.size < 0 && ('),
		],
	},
	{
		name: 'a quarantine is lifted without a resourceVersion',
		theme: 'vanishing pages',
		edits: [edit(
			'ledgerApi',
			'commitMetadata(page, {...openingAnnotations(page), [ledgerAnnotations.block]: blockRange(first, this.blockSize)})',
			'{...commitMetadata(page, {...openingAnnotations(page), [ledgerAnnotations.block]: blockRange(first, this.blockSize)}), resourceVersion: undefined as unknown as string}',
		)],
	},
	{
		name: 'released entries are freed at once',
		theme: 'crowds',
		edits: [edit('entryStates', 'return isHoldOver ?', "return isHoldOver || entry.state === 'released' ?")],
	},
	{
		name: 'ports that are missing in the ledger are never added',
		theme: 'strangers',
		edits: [edit('repair', 'if (page && !page.unusable && isVacant(page, key)', 'if (page?.unusable && isVacant(page, key)')],
	},
	{
		name: 'a holder keeps the Lease while it has work',
		edits: [edit('leaseDecision', 'if (next !== undefined && (hasWorked || !isWanted)) {', 'if (next !== undefined && !isWanted && !isRecentlyUsed) {')],
	},
	{
		name: 'a turn lasts as long as Pods arrive',
		edits: [edit('reservations', 'clock.now() < turnEndsAt && tenure.isHeld()', 'turnEndsAt > 0 && tenure.isHeld()')],
	},
	{
		name: 'an expired list counts as empty',
		theme: 'broken lists',
		edits: [edit('apiClient', 'if (!(error instanceof ApiError && error.status === 410) ||', 'if (error instanceof ApiError && error.status === 410) return [];\n\t\t\t\tif (!(error instanceof ApiError) ||')],
	},
	{
		name: 'a given port is freed with a foreign Pod that used it too',
		theme: 'strangers',
		edits: [edit('entryStates', "if (entry.state === 'bound' || (entry.state === 'foreign' && entry.claim !== undefined)) {", "if (entry.state === 'bound') {")],
	},
	{
		name: 'requests are answered after the first of several commits',
		theme: 'narrow pages',
		edits: [edit('batchCommitter', "outcome.kind === 'allocated' && touchedPages.isSubsetOf(committed)", "outcome.kind === 'allocated' && (touchedPages.size === 0 || !touchedPages.isDisjointFrom(committed))")],
	},
	{
		name: 'predecessors are looked up in cached pages of the API server',
		theme: 'full ranges',
		edits: [edit('requiredReads', "require(first, mustSeeAll ? allReadAfter : now - fullPageLifetimeMs);\n\t\t\tif (mustSeeAll) {", "require(first, mustSeeAll ? allReadAfter : now - fullPageLifetimeMs);\n\t\t\tif (outcome.kind === 'exhausted') {")],
	},
	{
		name: 'predecessors are looked up in pages read long ago',
		theme: 'full ranges',
		edits: [edit('requiredReads', 'Math.max(soleHolderSince, Math.max(startedAt, arrivedAt) - predecessorLifetimeMs)', 'startedAt - 60 * predecessorLifetimeMs')],
	},
	{
		name: 'a denial rests on cached pages of the API server',
		theme: 'full ranges',
		edits: [edit('requiredReads', "require(first, mustSeeAll ? allReadAfter : now - fullPageLifetimeMs);\n\t\t\tif (mustSeeAll) {", "require(first, mustSeeAll ? allReadAfter : now - fullPageLifetimeMs);\n\t\t\tif (demand.hasFixedName && outcome.kind !== 'exhausted') {")],
	},
	{
		name: 'a denial rests on pages read long ago',
		theme: 'full ranges',
		edits: [edit('requiredReads', "outcome.kind === 'exhausted' ? startedAt :", "outcome.kind === 'exhausted' ? startedAt - 60_000 :")],
	},
	{
		name: 'a page is believed without its UID',
		theme: 'copies',
		// Its owner alone would tell that it was created by another client, so that is not looked at either.
		edits: [edit('ledgerOrigin', '(openedAs !== undefined && openedAs !== uid) || (previousVersion !== undefined', '(openedAs === uid && previousVersion !== undefined')],
	},
	{
		name: 'a replica believes a page without looking who wrote its last commit',
		theme: 'copies',
		edits: [edit('ledgerOrigin', ' && !managedFields.some(fields => isOfCommit(fields))', ' && managedFields.length < 0')],
	},
	{
		name: 'a starting replica does not compare the pages with the live Pods',
		theme: 'copies without replicas',
		edits: [edit('startComparison', 'const {pageStarts} = ledger.cache.index;', 'const pageStarts: readonly number[] = ledger.cache.index.pageStarts.slice(0, 0);')],
	},
	{
		name: 'a failed page fails the batch',
		theme: 'failing pages',
		edits: [edit('batchCommitter', "if (!ledger.cache.failures.failed(first, error, 'write')) {", "if (!ledger.cache.failures.failed(first, error, 'write') || first > 0) {")],
	},
	{
		name: 'unmanaged ports are not entered',
		edits: [edit('ownPorts', 'request.demand.ownPorts.filter(', 'request.demand.ownPorts.slice(0, 0).filter(')],
	},
	{
		name: 'an unmanaged port is entered whoever has its number',
		edits: [edit('ownPorts', 'if (!holder || !isOfSamePod(holder, request)) {', 'if (!holder) {')],
	},
	{
		name: 'the number of an unmanaged port is refused because of a cached page',
		theme: 'fixed numbers',
		edits: [edit('requiredReads', "require(first, startedAt);\n\t\t\tconsistent.add(first);", 'require(first, startedAt - 60_000);')],
	},
	{
		name: 'pending without a bound',
		theme: 'rejected tenants',
		edits: [edit('heldNumbers', 'if (sum > limit.most) {', 'if (sum > limit.most * 100) {')],
	},
];
