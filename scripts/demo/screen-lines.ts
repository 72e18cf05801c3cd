/** Picture → the lines of a terminal, no more and no wider than it has. Pure. */
import {describeLedger} from './log-lines.ts';
import type {Picture} from './picture.ts';
import {podTable} from './pod-table.ts';
import {replicaSpan} from './replica-span.ts';
import {fit, pad, wrap} from './text.ts';
import type {Line, Span, Style} from './text.ts';

export type Size = {readonly columns: number; readonly rows: number};

export const screenLines = (picture: Picture, {columns, rows}: Size): Line[] => {
	const head = [
		title(picture, columns),
		stepLine(picture),
		...captionLines(picture, columns),
		progressLine(picture, columns),
		[],
		replicaLine(picture),
		leaseLine(picture),
		...ledgerLines(picture),
		[],
	];
	return [...head, ...podTable(picture, columns, rows - head.length)].slice(0, rows).map(line => fit(line, columns));
};

const title = ({elapsedMs}: Picture, columns: number): Line => {
	const time = `${(elapsedMs / 1000).toFixed(1)} s`;
	const name: Line = [['HostPort Operator', 'bold'], ['  host ports for Pods, never the same one twice', 'dim']];
	return [...pad(fit(name, columns - time.length - 2), columns - time.length), [time, 'dim']];
};

const marks = {done: ['✓', 'green'], doing: ['▸', 'yellow'], 'to do': ['·', 'dim']} as const satisfies Record<string, readonly [string, Style]>;

const stepLine = ({steps}: Picture): Line =>
	steps.flatMap(({name, state}): Span[] => [marks[state], state === 'doing' ? [` ${name}  `, 'bold'] : [` ${name}  `, 'dim']]);

/** Two lines even for a short sentence, so that nothing below jumps when it changes. */
const captionLines = ({caption}: Picture, columns: number): Line[] => {
	if (caption === '') {
		return [[]];
	}

	const [first = '', second = '', ...others] = wrap(caption, columns);
	return [[], ...[first, second, ...others].map((text): Line => [[text, 'bold']]), []];
};

const ledgerLines = ({ledger}: Picture): Line[] => [
	[['Ledger    ', 'dim'], describeLedger(ledger)],
	ledger.lastEntry ? [[`          ${ledger.lastEntry}`, 'dim']] : [],
];

const progressLine = ({progress}: Picture, columns: number): Line => {
	if (!progress) {
		return [];
	}

	const {running, total} = progress;
	const words = `  ${running} of ${total} Pods run`;
	const bar = Math.max(Math.min(columns - words.length, 60), 0);
	const full = Math.min(Math.floor(bar * running / total), bar);
	return [['█'.repeat(full), 'green'], ['░'.repeat(bar - full), 'dim'], words];
};

const replicaLine = (picture: Picture): Line => [
	['Replicas  ', 'dim'],
	...picture.replicas.flatMap(({name, state, pods}): Span[] => [
		replicaSpan(picture, name),
		state === 'starting' ? [' starts', 'dim'] : ` ${pods} Pod${pods === 1 ? '' : 's'}`,
		...(state === 'killed' ? [', ', ['killed', 'red', 'bold']] satisfies Span[] : []),
		'   ',
	]),
];

const leaseLine = (picture: Picture): Line => {
	const {lease, replicas} = picture;
	const isDead = replicas.some(({name, state}) => name === lease?.holder && state === 'killed');
	const waiters = lease?.waiters.flatMap(name => [', ', replicaSpan(picture, name)]).slice(1) ?? [];
	return [
		['Lease     ', 'dim'],
		...(lease?.holder ? ['held by ', replicaSpan(picture, lease.holder), ...(isDead ? [[' (dead)', 'red', 'bold']] satisfies Span[] : [])] : [lease ? 'nobody (idle)' : 'there is none yet']),
		...(waiters.length > 0 ? ['; in line: ', ...waiters] : []),
	];
};
