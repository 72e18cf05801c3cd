/** What the demo has shown, or has failed to show. Pure. */
import type {HostPortUse} from '../../src/ports/host-port-use.ts';
import {seconds} from './text.ts';

export type Finding = {readonly holds: boolean; readonly sentence: string};

type Share = {readonly running: number; readonly expected: number};

/** All of it read from the API server after the burst, but for the kill. */
export type Evidence = {
	/** Pods of the Deployment. */
	readonly workers: Share;
	/** Pods of the StatefulSet. */
	readonly servers: Share;
	/** Of the demo's live Pods. */
	readonly uses: readonly HostPortUse[];
	/** Of all live Pods. */
	readonly duplicates: readonly string[];
	readonly missingFromLedger: readonly string[];
	/** Entries that came with the demo and belong to none of its Pods. */
	readonly leaked: number;
	readonly kill: {
		readonly replica: string;
		readonly podsBefore: number;
		readonly failedCreations: number;
		/** Undefined where nobody gave ports after it. */
		readonly next: {readonly replica: string; readonly afterMs: number} | undefined;
	} | undefined;
};

export const judge = (evidence: Evidence): Finding[] => {
	const {workers, servers, uses, duplicates, missingFromLedger, leaked} = evidence;
	const pods = new Set(uses.map(({uid}) => uid)).size;
	const portless = workers.expected + servers.expected - pods;
	return [
		{
			holds: workers.running === workers.expected && servers.running === servers.expected,
			sentence: `${workers.running} of ${workers.expected} Pods of the Deployment run, and ${servers.running} of ${servers.expected} of the StatefulSet`,
		},
		{
			holds: duplicates.length === 0 && portless === 0,
			sentence: `${pods} Pods have ${uses.length} host ports`
				+ (portless === 0 ? '' : `, ${portless} ${portless === 1 ? 'has' : 'have'} none`)
				+ (duplicates.length === 0 ? '; none was given twice' : `; given twice: ${duplicates.join('; ')}`),
		},
		{
			holds: missingFromLedger.length === 0 && uses.length > 0,
			sentence: missingFromLedger.length === 0
				? `the ledger has all ${uses.length} of them${describeLeaked(leaked)}`
				: `the ledger lacks ${missingFromLedger.join(', ')}`,
		},
		judgeKill(evidence.kill, workers.expected),
	];
};

/** What was reserved inside the killed process, or for an answer that never arrived. */
const describeLeaked = (entries: number): string =>
	entries > 0 ? `, and ${entries} more of creations that failed: they are given back after two minutes` : '';

const judgeKill = (kill: Evidence['kill'], wanted: number): Finding => {
	if (!kill) {
		return {holds: false, sentence: 'no replica was killed: the burst was over before one was seen to hold the Lease. Try again'};
	}

	const {replica, podsBefore, failedCreations, next} = kill;
	const failed = failedCreations > 0 ? `; ${failedCreations} creation${failedCreations === 1 ? '' : 's'} failed and ${failedCreations === 1 ? 'was' : 'were'} tried again` : '';
	return {
		holds: next !== undefined,
		sentence: `${replica} was killed while it held the Lease, with ${podsBefore} of ${wanted} Pods there${failed}; `
			+ (next ? `${next.replica} gave the next ports ${seconds(next.afterMs)} later` : 'nobody gave ports after that'),
	};
};
