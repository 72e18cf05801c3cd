/** The live picture: a snapshot as the lines of a terminal, never more or wider than the terminal has. Pure. */
import {describeLedger} from './snapshot.ts';
import type {PodRow, Snapshot} from './snapshot.ts';
import {fit, pad, shorten, wrap} from './styled-text.ts';
import type {Line, Span, Style} from './styled-text.ts';

export type Size = {readonly columns: number; readonly rows: number};

export const liveView = (snapshot: Snapshot, {columns, rows}: Size): Line[] => {
	const head = [
		title(snapshot, columns),
		stepLine(snapshot),
		...captionLines(snapshot, columns),
		progressLine(snapshot, columns),
		[],
		replicaLine(snapshot),
		leaseLine(snapshot),
		...ledgerLines(snapshot),
		[],
	];
	return [...head, ...podTable(snapshot, columns, rows - head.length)].slice(0, rows).map(line => fit(line, columns));
};

const title = ({elapsedMs}: Snapshot, columns: number): Line => {
	const time = `${(elapsedMs / 1000).toFixed(1)} s`;
	const name: Line = [['HostPort Operator', 'bold'], ['  host ports for Pods, never the same one twice', 'dim']];
	return [...pad(fit(name, columns - time.length - 2), columns - time.length), [time, 'dim']];
};

const stepMarks = {done: ['✓', 'green'], doing: ['▸', 'yellow'], 'to do': ['·', 'dim']} as const satisfies Record<string, readonly [string, Style]>;

const stepLine = ({steps}: Snapshot): Line =>
	steps.flatMap(({name, state}): Span[] => [stepMarks[state], state === 'doing' ? [` ${name}  `, 'bold'] : [` ${name}  `, 'dim']]);

/** Two lines even for a short sentence, so that the lines below stay where they are when it changes. */
const captionLines = ({caption}: Snapshot, columns: number): Line[] => {
	if (caption === '') {
		return [[]];
	}

	const [first = '', second = '', ...others] = wrap(caption, columns);
	return [[], ...[first, second, ...others].map((text): Line => [[text, 'bold']]), []];
};

const progressLine = ({progress}: Snapshot, columns: number): Line => {
	if (!progress) {
		return [];
	}

	const {running, total} = progress;
	const words = `  ${running} of ${total} Pods run`;
	const bar = Math.max(Math.min(columns - words.length, 60), 0);
	const full = Math.min(Math.floor(bar * running / total), bar);
	return [['█'.repeat(full), 'green'], ['░'.repeat(bar - full), 'dim'], words];
};

const replicaLine = (snapshot: Snapshot): Line => [
	['Replicas  ', 'dim'],
	...snapshot.replicas.flatMap(({name, state, pods}): Span[] => [
		replicaSpan(snapshot, name),
		state === 'starting' ? [' starts', 'dim'] : ` ${pods} Pod${pods === 1 ? '' : 's'}`,
		...(state === 'killed' ? [', ', ['killed', 'red', 'bold']] satisfies Span[] : []),
		'   ',
	]),
];

const leaseLine = (snapshot: Snapshot): Line => {
	const {lease, replicas} = snapshot;
	const isDead = replicas.some(({name, state}) => name === lease?.holder && state === 'killed');
	const waiters = lease?.waiters.flatMap(name => [', ', replicaSpan(snapshot, name)]).slice(1) ?? [];
	return [
		['Lease     ', 'dim'],
		...(lease?.holder ? ['held by ', replicaSpan(snapshot, lease.holder), ...(isDead ? [[' (dead)', 'red', 'bold']] satisfies Span[] : [])] : [lease ? 'not held (idle)' : 'not created yet']),
		...(waiters.length > 0 ? ['; in line: ', ...waiters] : []),
	];
};

const replicaColours: readonly Style[] = ['cyan', 'magenta', 'yellow', 'blue'];

/** A replica has the same colour in every line. */
const replicaSpan = ({replicas}: Snapshot, name: string | undefined): Span => {
	const colour = replicaColours[replicas.findIndex(replica => replica.name === name)];
	return [name ?? '', ...(colour ? [colour] : [])];
};

const ledgerLines = ({ledger}: Snapshot): Line[] => [
	[['Ledger    ', 'dim'], describeLedger(ledger)],
	ledger.lastEntry ? [[`          ${ledger.lastEntry}`, 'dim']] : [],
];

/** A heading, the newest Pods, and how many more there are. Empty if not even one Pod fits. */
const podTable = (snapshot: Snapshot, columns: number, rows: number): Line[] => {
	const {pods} = snapshot;
	if (pods.length === 0 || rows < 3) {
		return [];
	}

	const room = rows - 1;
	const visible = pods.length > room ? pods.slice(1 - room) : pods;
	const widths = columnWidths(pods, columns);
	return [
		[[tableRow(['  POD', 'PORTS', 'FROM', 'NODE'], widths), 'dim']],
		...(visible.length < pods.length ? [[[`  … and ${pods.length - visible.length} more above`, 'dim']] satisfies Line] : []),
		...visible.map(pod => podLine(snapshot, pod, widths)),
	];
};

type Widths = readonly [name: number, ports: number, replica: number];

const columnGap = 2;

/** Only the name may be shortened: ports, replica and node are useless in part. */
const columnWidths = (pods: readonly PodRow[], columns: number): Widths => {
	const ports = widest(['PORTS', ...pods.map(pod => pod.ports)]);
	const replica = widest(['FROM', ...pods.map(pod => pod.replica ?? '')]);
	const node = widest(['NODE', ...pods.map(pod => pod.node ?? '')]);
	const name = widest(pods.map(pod => pod.name)) + 2;
	return [Math.max(Math.min(name, columns - ports - replica - node - 3 * columnGap), 12), ports, replica];
};

const widest = (texts: readonly string[]): number => Math.max(...texts.map(text => text.length));

const tableRow = (cells: readonly string[], widths: Widths): string =>
	cells.map((cell, index) => cell.padEnd((widths[index] ?? 0) + columnGap)).join('').trimEnd();

const podLine = (snapshot: Snapshot, pod: PodRow, [name, ports, replica]: Widths): Line => [
	pod.isRunning ? ['● ', 'green'] : ['○ ', 'yellow'],
	shorten(pod.name, name - 2).padEnd(name - 2 + columnGap),
	pod.ports.padEnd(ports + columnGap),
	...pad([replicaSpan(snapshot, pod.replica)], replica + columnGap),
	[pod.node ?? '', 'dim'],
];
