/** The Pods as a table, as many as there is room for. Pure. */
import type {Picture, PodRow} from './picture.ts';
import {replicaSpan} from './replica-span.ts';
import {pad, shorten} from './text.ts';
import type {Line} from './text.ts';

/** A heading and the newest Pods, and how many there are above them; nothing where there is no room for that. */
export const podTable = (picture: Picture, columns: number, rows: number): Line[] => {
	const {pods} = picture;
	if (pods.length === 0 || rows < 3) {
		return [];
	}

	const room = rows - 1;
	const shown = pods.length > room ? pods.slice(1 - room) : pods;
	const widths = columnWidths(pods, columns);
	return [
		[[row(['  POD', 'PORTS', 'FROM', 'NODE'], widths), 'dim']],
		...(shown.length < pods.length ? [[[`  … and ${pods.length - shown.length} more above`, 'dim']] satisfies Line] : []),
		...shown.map(pod => podLine(picture, pod, widths)),
	];
};

type Widths = readonly [name: number, ports: number, replica: number];

const gap = 2;

/** The name gives way: the rest can't be shortened and still be understood. */
const columnWidths = (pods: readonly PodRow[], columns: number): Widths => {
	const ports = widest(['PORTS', ...pods.map(pod => pod.ports)]);
	const replica = widest(['FROM', ...pods.map(pod => pod.replica ?? '')]);
	const node = widest(['NODE', ...pods.map(pod => pod.node ?? '')]);
	const name = widest(pods.map(pod => pod.name)) + 2;
	return [Math.max(Math.min(name, columns - ports - replica - node - 3 * gap), 12), ports, replica];
};

const widest = (texts: readonly string[]): number => Math.max(...texts.map(text => text.length));

const row = (cells: readonly string[], widths: Widths): string =>
	cells.map((cell, index) => cell.padEnd((widths[index] ?? 0) + gap)).join('').trimEnd();

const podLine = (picture: Picture, pod: PodRow, [name, ports, replica]: Widths): Line => [
	pod.isRunning ? ['● ', 'green'] : ['○ ', 'yellow'],
	shorten(pod.name, name - 2).padEnd(name - 2 + gap),
	pod.ports.padEnd(ports + gap),
	...pad([replicaSpan(picture, pod.replica)], replica + gap),
	[pod.node ?? '', 'dim'],
];
