/**
 * Deliberately broken versions of the product, each with one rule left out. A variant is a change of the text of a file in
 * `src`, made while the file is loaded, so that nothing in `src` knows of it; a text that is no longer there, or is there
 * twice, is an error. The simulation must catch every one.
 */

import type {ThemeName} from '../faults/themes.ts';
import type {ProductFile} from './product-files.ts';

export type Edit = {
	readonly file: ProductFile;
	readonly replace: string;
	readonly with: string;
};

export type Variant = {
	/** What is wrong with it. */
	readonly name: string;
	readonly edits: readonly Edit[];
	/** The world in which its rule matters, where those of the first seeds do not show that it is gone. */
	readonly theme?: ThemeName;
};

const edit = (file: ProductFile, replace: string, replacement: string): Edit => ({file, replace, with: replacement});

export const variants: readonly Variant[] = [
	{
		name: 'no resourceVersion on writes of a page',
		edits: [edit('ledgerApi', 'metadata: {resourceVersion: page.resourceVersion},\n\t\t\tdata: changesAsData(changes)', 'metadata: {} as {resourceVersion: string},\n\t\t\tdata: changesAsData(changes)')],
	},
	{
		name: 'free on first sighting',
		edits: [edit('repair', 'now - sighting.firstSeen >= holdMs', 'now - sighting.firstSeen >= 0 * holdMs')],
	},
	{
		name: 'list Pods before the ledger',
		theme: 'long passes',
		edits: [
			edit('repairPass', 'const snapshot = await newPages.readAll(signal);', 'const uses = await listHostPortsInUse(api, signal);\n\t\tconst snapshot = await newPages.readAll(signal);'),
			edit('repairPass', 'const uses = await listHostPortsInUse(api, signal);\n\t\tconst {', 'const {'),
		],
	},
	{
		name: 'trust request.uid as identity',
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
		name: 'believe the Lease instead of the compare-and-swap',
		edits: [edit(
			'ledgerApi',
			'metadata: {resourceVersion: page.resourceVersion},\n\t\t\tdata: changesAsData(changes)',
			'metadata: {resourceVersion: (await this.readPage(page.first, signal))?.resourceVersion ?? page.resourceVersion},\n\t\t\tdata: changesAsData(changes)',
		)],
	},
	{
		name: 'remote clock for expiry',
		edits: [
			edit('leaseState', "readonly clock: Pick<Clock, 'now'>;", 'readonly clock: Clock;'),
			edit('leaseState', 'this.#observedAt + this.#record.durationMs', "Date.parse(this.#record.renewTime ?? '2000-01-01') + this.#record.durationMs + this.#now - this.#options.clock.date().getTime()"),
		],
	},
	{
		name: 'retry an unknown outcome blindly',
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
		name: 'ages kept by port instead of by (port, claim, state)',
		edits: [edit('sightings', 'sighting && sighting.claim === claim && sighting.state === state ? sighting : {claim, state, firstSeen: now}', '({claim, state, firstSeen: sighting?.firstSeen ?? now})')],
	},
	{
		name: 'a repair applied to an entry that has changed since it was judged',
		theme: 'successors',
		edits: [edit('batchPlan', '&& isSameEntry(page.entries.get(key), judged)', '&& (isSameEntry(page.entries.get(key), judged) || true)')],
	},
	{
		name: 'expiry after exactly one request timeout',
		edits: [edit('options', 'Math.max(holdTime, 2 * apiRequestTimeout)', 'Math.max(0 * holdTime, apiRequestTimeout)')],
	},
	{
		name: 'quarantine kept in memory only',
		edits: [edit('ledgerMetadata', "[ledgerAnnotations.mark]: 'quarantine',", "...(kind === 'index' && {[ledgerAnnotations.mark]: 'quarantine'}),")],
	},
	{
		name: 'quarantine lifted without a new list',
		edits: [edit('quarantine', '.filter(([key]) => !isKept.has(key)));', '.filter(([key]) => !isKept.has(key) && key === \'\'));')],
	},
	{
		name: 'quarantine lifted at once',
		edits: [edit('quarantine', 'await clock.sleep(holdMs, signal);', 'await clock.sleep(holdMs / 1000, signal);')],
	},
	{
		name: 'a page created before the index names it',
		theme: 'makers die',
		edits: [
			edit('newPages', 'async first => ledgerApi.createPage(first,', 'async first => this.#createAndLift(first,'),
			edit('newPages', '\t/** Lifts the quarantine of new pages.', `
				async #createAndLift(first: number, signal: AbortSignal): Promise<void> {
					const {ledger, ledgerApi, quarantine} = this.#options;
					await ledgerApi.createPage(first, signal);
					const made = await ledger.readPage(first, signal);
					for (const lifted of made?.quarantined && !ledger.cache.index.pageStarts.includes(first) ? await quarantine.liftPages([made], signal) : []) {
						ledger.cache.storePage(lifted);
					}
				}

				/** Lifts the quarantine of new pages.`),
		],
	},
	{
		name: 'a page opened although the index does not name it',
		theme: 'makers die',
		edits: [edit('quarantine', 'index.pageStarts.includes(first) || await', 'index.pageStarts.includes(first) || first > 0 || await')],
	},
	{
		name: 'a spent deadline answered as a failure of ours',
		theme: 'successors',
		edits: [edit('mutatePod', 'problem instanceof DenialError || !signal.aborted ? problem', 'problem instanceof DenialError || signal ? problem')],
	},
	{
		name: 'an index born open',
		theme: 'deleted ledgers',
		edits: [edit('ledgerMetadata', "[ledgerAnnotations.mark]: 'quarantine',", "...(kind === 'page' && {[ledgerAnnotations.mark]: 'quarantine'}),")],
	},
	{
		name: 'the waiters\' line restarting the expiry clock',
		edits: [edit('leaseState', 'if (record?.holder !== previous?.holder || record?.renewTime !== previous?.renewTime) {', 'if (record?.resourceVersion !== previous?.resourceVersion) {')],
	},
	{
		name: 'a waiter that believes it is queued',
		edits: [
			edit('leaseDecision', 'const decideAsHolder =', 'const queued = new Set<string>();\n\nconst decideAsHolder ='),
			edit('leaseDecision', 'const [next, ...rest] = waiters.filter(waiter => waiter !== identity);', 'const [next, ...rest] = waiters.filter(waiter => waiter !== identity);\n\tqueued.delete(identity);'),
			edit('leaseDecision', 'return isQueued ? {action: \'rest\'}', 'if (isQueued) queued.add(identity);\n\treturn queued.has(identity) ? {action: \'rest\'}'),
		],
	},
	{
		name: 'dead waiters kept in line by whoever takes over',
		edits: [edit('leaseDecision', "because: 'take over', holder: identity, waiters: []", "because: 'take over', holder: identity, waiters: others")],
	},
	{
		name: 'a claim looked up only after an error',
		theme: 'narrow pages',
		edits: [edit('reservations', "logger.debug({err: error}, 'another writer has changed the ledger: planning again');", "for (const request of this.#committer.batch) if (request.kind === 'admission') request.earlierClaims.length = 0;")],
	},
	{
		name: 'a claim never looked up',
		theme: 'narrow pages',
		edits: [edit('allocator', 'withReservedEarlier(startSearch(space, demand), earlierClaims)', 'withReservedEarlier(startSearch(space, demand), earlierClaims.slice(0, 0))')],
	},
	{
		name: 'one claim for all attempts of a request',
		theme: 'unknown outcomes',
		edits: [edit('batchCommitter', 'request.claim = mintClaim();', 'request.claim ||= mintClaim();')],
	},
	{
		name: 'answers before the commit',
		edits: [edit('batchCommitter', "outcome.kind === 'allocated' && touched.isSubsetOf(committed)", "outcome.kind === 'allocated' && (touched.isSubsetOf(committed) || true)")],
	},
	{
		name: 'a dry run that reserves',
		edits: [edit('mutatePod', 'request.dryRun ? dryRun : reserve', 'request.dryRun && false ? dryRun : reserve')],
	},
	{
		name: 'Pods listed by their label',
		edits: [edit('apiClient', '`${path}?limit=', '`${path}?${path === \'/api/v1/pods\' ? \'labelSelector=hostport.io%2Fmanaged%3Dtrue&\' : \'\'}limit=')],
	},
	{
		name: 'Pods listed from the API server\'s cache',
		theme: 'late Pods',
		edits: [edit('apiClient', '`${path}?limit=', '`${path}?resourceVersion=0&limit=')],
	},
	{
		name: 'a list that breaks off taken for a whole one',
		theme: 'broken lists',
		edits: [edit('apiClient', '} while (token);', '} while (token && found.length === -1);')],
	},
	{
		name: 'a terminating Pod taken for gone',
		edits: [edit('hostPortUse', 'export const isLive = ({status}: StoredPod): boolean => status', 'export const isLive = ({status, metadata}: StoredPod): boolean => !(\'deletionTimestamp\' in metadata) && status')],
	},
	{
		name: 'entries that follow a name instead of the port',
		theme: 'strangers',
		edits: [edit('entryStates', 'if (uses.length === 0) {', 'if (!uses.some(({pod}) => !entry || pod === entry.pod || entry.pod.includes(\' \'))) {')],
	},
	{
		name: 'Pods without a name taking over from one another',
		edits: [edit('preferredNumbers', 'return demand.hasFixedName ? withEntries', 'return demand.pod ? withEntries'), edit('podIdentity', '(${origin})`, hasFixedName: false', '(${origin})`.replace(/.* /, \'game/\'), hasFixedName: false'),],
	},
	{
		name: 'what can not be read taken for nothing',
		theme: 'edited pages',
		edits: [edit('ledgerPage', 'for (const {port} of damaged) {', 'for (const {port} of damaged.slice(0, 0)) {')],
	},
	{
		name: 'ports given from a marked page',
		edits: [edit('ledgerPage', "if (mark === 'quarantine') {", "if (mark === 'quarantine' && range === '') {"), edit('ledgerPage', 'return mark === undefined ? undefined :', "return mark === undefined || mark === 'quarantine' ? undefined :")],
	},
	{
		name: 'an index that is made again taken for a first installation',
		theme: 'deleted ledgers',
		edits: [edit('quarantine', 'await this.#isFirstInstallation(signal)', 'await this.#isFirstInstallation(signal) || index.quarantined')],
	},
	{
		name: 'pages of a marked index opened at once',
		theme: 'deleted ledgers',
		edits: [edit('newPages', 'index.quarantined ? [] : unlisted', 'unlisted')],
	},
	{
		name: 'a mark lifted whatever has become of the page',
		theme: 'vanishing pages',
		edits: [edit('ledgerApi', 'resourceVersion,\n\t\t\t\tannotations: {[ledgerAnnotations.mark]: null', 'resourceVersion: undefined as unknown as string,\n\t\t\t\tannotations: {[ledgerAnnotations.mark]: null')],
	},
	{
		name: 'a released entry freed at once',
		theme: 'crowds',
		edits: [edit('entryStates', 'return isHoldOver ?', "return isHoldOver || entry.state === 'released' ?")],
	},
	{
		name: 'what the ledger lacks never written there',
		theme: 'strangers',
		edits: [edit('repair', 'if (page && !page.unusable && !page.entries.has(key)', 'if (page?.unusable && !page.entries.has(key)')],
	},
	{
		name: 'a holder that keeps the Lease while it has work',
		edits: [edit('leaseDecision', 'if (next !== undefined && (hasWorked || !isWanted)) {', 'if (next !== undefined && !isWanted && !isRecentlyUsed) {')],
	},
	{
		name: 'a turn that lasts as long as Pods come',
		edits: [edit('reservations', 'clock.now() < turnEndsAt && tenure.isHeld()', 'turnEndsAt > 0 && tenure.isHeld()')],
	},
	{
		name: 'a list that has expired taken for an empty one',
		theme: 'broken lists',
		edits: [edit('apiClient', 'if (!(error instanceof ApiError && error.status === 410) ||', 'if (error instanceof ApiError && error.status === 410) return [];\n\t\t\t\tif (!(error instanceof ApiError) ||')],
	},
	{
		name: 'a port that was given freed with the stranger who had it too',
		theme: 'strangers',
		edits: [edit('entryStates', "if (entry.state === 'bound' || (entry.state === 'foreign' && entry.claim !== undefined)) {", "if (entry.state === 'bound') {")],
	},
	{
		name: 'an answer after the first of several commits',
		theme: 'narrow pages',
		edits: [edit('batchCommitter', "outcome.kind === 'allocated' && touched.isSubsetOf(committed)", "outcome.kind === 'allocated' && (touched.size === 0 || !touched.isDisjointFrom(committed))")],
	},
	{
		name: 'predecessors looked for in pages from the API server\'s cache',
		theme: 'full ranges',
		edits: [edit('requiredReads', "require(first, mustSeeAll ? allReadAfter : now - fullPageLifetimeMs);\n\t\t\tif (mustSeeAll) {", "require(first, mustSeeAll ? allReadAfter : now - fullPageLifetimeMs);\n\t\t\tif (outcome.kind === 'exhausted') {")],
	},
	{
		name: 'predecessors looked for in pages that were read long ago',
		theme: 'full ranges',
		edits: [edit('requiredReads', 'Math.max(soleHolderSince, Math.max(startedAt, arrivedAt) - predecessorLifetimeMs)', 'startedAt - 60 * predecessorLifetimeMs')],
	},
	{
		name: 'a refusal that rests on pages from the API server\'s cache',
		theme: 'full ranges',
		edits: [edit('requiredReads', "require(first, mustSeeAll ? allReadAfter : now - fullPageLifetimeMs);\n\t\t\tif (mustSeeAll) {", "require(first, mustSeeAll ? allReadAfter : now - fullPageLifetimeMs);\n\t\t\tif (demand.hasFixedName && outcome.kind !== 'exhausted') {")],
	},
	{
		name: 'a refusal that rests on pages that were read long ago',
		theme: 'full ranges',
		edits: [edit('requiredReads', "outcome.kind === 'exhausted' ? startedAt :", "outcome.kind === 'exhausted' ? startedAt - 60_000 :")],
	},
];
