/** The demo's state, summed up for the outputs: which Pod has which ports from which replica, the Lease and the ledger. Pure. */
import {hostPortsOf} from '../../src/ports/host-port-use.ts';
import type {HostPortUse} from '../../src/ports/host-port-use.ts';
import {parseEntry, parseEntryKey} from '../../src/ports/ledger-entry.ts';
import {replicaName, steps} from './state.ts';
import type {Allocation, DemoPod, DemoState, ReplicaState} from './state.ts';

export type Snapshot = {
	readonly elapsedMs: number;
	/** What the demo is doing, as a sentence. */
	readonly caption: string;
	readonly steps: ReadonlyArray<{readonly name: string; readonly state: 'done' | 'doing' | 'to do'}>;
	/** In the order in which the demo first saw them. */
	readonly pods: readonly PodRow[];
	readonly replicas: ReadonlyArray<{readonly name: string; readonly state: ReplicaState; readonly pods: number}>;
	/** Undefined before it is created. */
	readonly lease: {readonly holder: string | undefined; readonly waiters: readonly string[]} | undefined;
	readonly ledger: LedgerSummary;
	readonly progress: {readonly running: number; readonly total: number} | undefined;
};

export type PodRow = {
	readonly name: string;
	/** `grpc 30558/tcp, health 30559/tcp` */
	readonly ports: string;
	/** The replica that gave the ports. Undefined if no replica of the demo has logged it. */
	readonly replica: string | undefined;
	/** Undefined before it is scheduled. */
	readonly node: string | undefined;
	readonly isRunning: boolean;
};

export type LedgerSummary = {
	readonly pages: number;
	readonly entries: number;
	readonly lowest: number | undefined;
	readonly highest: number | undefined;
	/** The entry with the highest port, as text. */
	readonly lastEntry: string | undefined;
	/** `bound` → 10 */
	readonly states: ReadonlyMap<string, number>;
};

export const snapshotOf = (state: DemoState, caption: string, elapsedMs: number): Snapshot => {
	const replicaByAllocation = indexAllocations(state.allocations);
	const pods = [...state.pods.values()].map(pod => describePod(pod, replicaByAllocation));
	return {
		elapsedMs,
		caption,
		steps: steps.map((name, index) => ({name, state: index < state.step ? 'done' : (index === state.step ? 'doing' : 'to do')})),
		pods,
		replicas: [...state.replicas].map(([name, replicaState]) => ({name, state: replicaState, pods: pods.filter(({replica}) => replica === name).length})),
		lease: state.lease && {holder: state.lease.holder && replicaName(state.lease.holder), waiters: state.lease.waiters.map(waiter => replicaName(waiter))},
		ledger: summarise(state),
		progress: state.goal && {running: podsOf(state.pods.values(), state.goal.apps).filter(pod => isRunning(pod)).length, total: state.goal.total},
	};
};

/** The Pods whose `app` label is one of these. */
export const podsOf = (pods: Iterable<DemoPod>, apps: readonly string[]): DemoPod[] =>
	[...pods].filter(({metadata}) => apps.includes(metadata.labels?.['app'] ?? ''));

export const isRunning = ({status}: DemoPod): boolean => status?.phase === 'Running';

/**
 * Replicas by Pod and first port. The port alone is ambiguous, because 30558/tcp and 30558/udp may belong to two Pods. So is
 * the Pod alone, because Pods of a ReplicaSet have no name yet when they get their ports.
 */
const indexAllocations = (allocations: readonly Allocation[]): ReadonlyMap<string, string> =>
	new Map(allocations.map(({pod, ports, replica}) => [`${pod.split(' ')[0]} ${ports[0]}`, replica]));

const describePod = (pod: DemoPod, replicaByAllocation: ReadonlyMap<string, string>): PodRow => {
	const {metadata: {namespace, name, generateName}, spec} = pod;
	const uses = hostPortsOf(pod);
	const replicaFor = (podName: string | undefined) => replicaByAllocation.get(`${namespace}/${podName} ${uses[0]?.port}`);
	return {
		name,
		ports: uses.map(use => describePort(use)).join(', '),
		replica: replicaFor(name) ?? replicaFor(generateName),
		node: spec.nodeName,
		isRunning: isRunning(pod),
	};
};

const describePort = ({portName, port, protocol}: HostPortUse): string => `${portName} ${port}/${protocol.toLowerCase()}`;

const summarise = ({pages}: DemoState): LedgerSummary => {
	const entries = [...pages.values()].flatMap(({data}) => Object.entries(data ?? {}));
	const ports = entries.flatMap(([key]) => parseEntryKey(key)?.port ?? []).toSorted((a, b) => a - b);
	const states = new Map<string, number>();
	for (const [, text] of entries) {
		const entry = parseEntry(text);
		const state = typeof entry === 'string' ? 'unreadable' : entry.state;
		states.set(state, (states.get(state) ?? 0) + 1);
	}

	const lastEntry = entries.map(([key, text]) => `${key} ${text}`).toSorted().at(-1);
	return {pages: pages.size, entries: entries.length, lowest: ports[0], highest: ports.at(-1), lastEntry, states};
};

export const describeLedger = ({pages, entries, lowest, highest, states}: LedgerSummary): string => {
	if (entries === 0) {
		return pages === 0 ? 'not created yet' : 'empty';
	}

	const counts = [...states].map(([state, count]) => `${count} ${state}`).join(', ');
	return `${entries} entries in ${pages} ConfigMap${pages === 1 ? '' : 's'}, ports ${lowest} to ${highest}: ${counts}`;
};
