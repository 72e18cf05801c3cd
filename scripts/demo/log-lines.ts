/** What a log says of the way from one picture to the next: one line for each thing that happened. Pure. */
import type {LedgerSummary, Picture} from './picture.ts';

export const linesBetween = (before: Picture, after: Picture): string[] => {
	const ran = new Set(before.pods.filter(({isRunning}) => isRunning).map(({name}) => name));
	return [
		...after.replicas.flatMap(({name, state}, index) => state === 'ready' && before.replicas[index]?.state !== 'ready' ? [`${name} is ready`] : []),
		...after.pods
			.filter(({name, isRunning}) => isRunning && !ran.has(name))
			.map(({name, ports, replica, node}) => `${name} runs on ${node} and has ${ports || 'no ports'}${replica ? ` from ${replica}` : ''}`),
		...(after.lease?.holder !== undefined && after.lease.holder !== before.lease?.holder ? [`Lease: ${describeLease(after.lease)}`] : []),
		...(isStepDone(before, after) ? [`Ledger: ${describeLedger(after.ledger)}`, `Ledger: the last of them is ${after.ledger.lastEntry}`] : []),
	];
};

/** A step that made Pods: before the samples the ledger is empty, and after the check it is what it was. */
const isStepDone = (before: Picture, after: Picture): boolean =>
	after.ledger.entries > 0 && after.steps.some(({state}, index) => state === 'doing' && before.steps[index]?.state !== 'doing');

export const describeLease = (lease: Picture['lease']): string => {
	if (!lease) {
		return 'there is none yet';
	}

	const waiting = lease.waiters.length > 0 ? `; in line: ${lease.waiters.join(', ')}` : '';
	return `${lease.holder ? `held by ${lease.holder}` : 'nobody holds it (idle)'}${waiting}`;
};

export const describeLedger = ({pages, entries, lowest, highest, states}: LedgerSummary): string => {
	if (entries === 0) {
		return pages === 0 ? 'there is none yet' : 'empty';
	}

	const counts = [...states].map(([state, count]) => `${count} ${state}`).join(', ');
	return `${entries} entries in ${pages} ConfigMap${pages === 1 ? '' : 's'}, ports ${lowest} to ${highest}: ${counts}`;
};
