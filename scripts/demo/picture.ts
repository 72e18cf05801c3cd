/** Scene → picture: who has which ports from whom, and what ledger and Lease say. Pure. */
import {hostPortsOf} from '../../src/ports/host-port-use.ts';
import type {HostPortUse} from '../../src/ports/host-port-use.ts';
import {parseEntry, parseEntryKey} from '../../src/ports/ledger-entry.ts';
import {replicaName, steps} from './scene.ts';
import type {Allocation, DemoPod, ReplicaState, Scene} from './scene.ts';

export type Picture = {
	readonly elapsedMs: number;
	/** What is going on, as a sentence. */
	readonly caption: string;
	readonly steps: ReadonlyArray<{readonly name: string; readonly state: 'done' | 'doing' | 'to do'}>;
	/** In the order in which they were first seen. */
	readonly pods: readonly PodRow[];
	readonly replicas: ReadonlyArray<{readonly name: string; readonly state: ReplicaState; readonly pods: number}>;
	/** Undefined before there is one. */
	readonly lease: {readonly holder: string | undefined; readonly waiters: readonly string[]} | undefined;
	readonly ledger: LedgerSummary;
	readonly progress: {readonly running: number; readonly total: number} | undefined;
};

export type PodRow = {
	readonly name: string;
	/** `grpc 30558/tcp, health 30559/tcp` */
	readonly ports: string;
	/** Undefined where no replica of ours has said that it gave them. */
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
	/** The one with the highest port, as it stands there. */
	readonly lastEntry: string | undefined;
	/** `bound` → 10 */
	readonly states: ReadonlyMap<string, number>;
};

export const pictureOf = (scene: Scene, caption: string, elapsedMs: number): Picture => {
	const givers = giversOf(scene.allocations);
	const pods = [...scene.pods.values()].map(pod => describePod(pod, givers));
	return {
		elapsedMs,
		caption,
		steps: steps.map((name, index) => ({name, state: index < scene.step ? 'done' : (index === scene.step ? 'doing' : 'to do')})),
		pods,
		replicas: [...scene.replicas].map(([name, state]) => ({name, state, pods: pods.filter(({replica}) => replica === name).length})),
		lease: scene.lease && {holder: scene.lease.holder && replicaName(scene.lease.holder), waiters: scene.lease.waiters.map(waiter => replicaName(waiter))},
		ledger: summarise(scene),
		progress: scene.goal && {running: podsOf(scene.pods.values(), scene.goal.apps).filter(pod => isRunning(pod)).length, total: scene.goal.total},
	};
};

/** The Pods whose label `app` is one of these. */
export const podsOf = (pods: Iterable<DemoPod>, apps: readonly string[]): DemoPod[] =>
	[...pods].filter(({metadata}) => apps.includes(metadata.labels?.['app'] ?? ''));

export const isRunning = ({status}: DemoPod): boolean => status?.phase === 'Running';

/**
 * Who gave a Pod its ports. A number alone would not tell: 30558/tcp and 30558/udp may be two Pods'. The Pod alone would
 * not either: those of a ReplicaSet have no name yet when they get their ports.
 */
const giversOf = (allocations: readonly Allocation[]): ReadonlyMap<string, string> =>
	new Map(allocations.map(({pod, ports, replica}) => [`${pod.split(' ')[0]} ${ports[0]}`, replica]));

const describePod = (pod: DemoPod, givers: ReadonlyMap<string, string>): PodRow => {
	const {metadata: {namespace, name, generateName}, spec} = pod;
	const uses = hostPortsOf(pod);
	const giverOf = (podName: string | undefined) => givers.get(`${namespace}/${podName} ${uses[0]?.port}`);
	return {
		name,
		ports: uses.map(use => describePort(use)).join(', '),
		replica: giverOf(name) ?? giverOf(generateName),
		node: spec.nodeName,
		isRunning: isRunning(pod),
	};
};

const describePort = ({portName, port, protocol}: HostPortUse): string => `${portName} ${port}/${protocol.toLowerCase()}`;

const summarise = ({pages}: Scene): LedgerSummary => {
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
