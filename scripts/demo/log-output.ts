/** Output for a file or a pipe: one line for each event, without control characters. */
import type {Output} from './output.ts';
import {describeLedger, snapshotOf} from './snapshot.ts';
import type {Snapshot} from './snapshot.ts';
import type {DemoState} from './state.ts';
import {seconds} from './styled-text.ts';

/** Events within this time are written together, in the order of `linesBetween`. */
const collectMs = 50;

/** Writes only what happens from now on. */
export const createLogOutput = (state: DemoState, stream: NodeJS.WriteStream): Output => {
	let written: Snapshot = snapshotOf(state, '', 0);
	let isFinished = false;
	let timer: NodeJS.Timeout | undefined;
	const write = (sentence: string) => {
		stream.write(`${seconds(performance.now()).padStart(8)}  ${sentence}\n`);
	};

	const writeChanges = () => {
		clearTimeout(timer);
		timer = undefined;
		const snapshot = snapshotOf(state, '', 0);
		for (const line of linesBetween(written, snapshot)) {
			write(line);
		}

		written = snapshot;
	};

	return {
		isLive: false,
		announce(sentence) {
			writeChanges();
			write(sentence);
		},
		update() {
			if (!isFinished) {
				timer ??= setTimeout(writeChanges, collectMs);
			}
		},
		finish() {
			if (!isFinished) {
				writeChanges();
				isFinished = true;
			}
		},
		continueAsLog() {
			isFinished = false;
			written = snapshotOf(state, '', 0);
		},
	};
};

/** The events between two snapshots, one line each. Pure. */
export const linesBetween = (before: Snapshot, after: Snapshot): string[] => {
	const runningBefore = new Set(before.pods.filter(({isRunning}) => isRunning).map(({name}) => name));
	return [
		...after.replicas.flatMap(({name, state}, index) => state === 'ready' && before.replicas[index]?.state !== 'ready' ? [`${name} is ready`] : []),
		...after.pods
			.filter(({name, isRunning}) => isRunning && !runningBefore.has(name))
			.map(({name, ports, replica, node}) => `${name} runs on ${node} and has ${ports || 'no ports'}${replica ? ` from ${replica}` : ''}`),
		...(after.lease?.holder !== undefined && after.lease.holder !== before.lease?.holder ? [describeLease(after.lease.holder, after.lease.waiters)] : []),
		...(isStepDone(before, after) ? [`Ledger: ${describeLedger(after.ledger)}`, `Ledger: the last entry is ${after.ledger.lastEntry}`] : []),
	];
};

const describeLease = (holder: string, waiters: readonly string[]): string =>
	`Lease: held by ${holder}${waiters.length > 0 ? `; in line: ${waiters.join(', ')}` : ''}`;

/** Only steps that created Pods: before the samples the ledger is empty, and the check does not change it. */
const isStepDone = (before: Snapshot, after: Snapshot): boolean =>
	after.ledger.entries > 0 && after.steps.some(({state}, index) => state === 'doing' && before.steps[index]?.state !== 'doing');
