/** The mutants of a source file: copies with one small change each, which some test should notice. Pure. */
import {parseAst} from 'rolldown/parseAst';

export type Mutant = {
	/** Relative to the project: `src/ports/search.ts`. */
	readonly file: string;
	/** The characters that are replaced. */
	readonly start: number;
	readonly end: number;
	readonly replacement: string;
	/** For people: the line, and the changed piece of it. */
	readonly line: number;
	readonly before: string;
};

type Node = {readonly type: string; readonly start: number; readonly end: number; readonly [member: string]: unknown};
type Change = {readonly start: number; readonly end: number; readonly replacement: string};

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && typeof (value as Node).type === 'string';

/** Every mutant of a file, in the order of the text. */
export const mutantsOf = (file: string, text: string): Mutant[] =>
	changesIn(parseAst(text, {lang: 'ts'}) as unknown as Node, text)
		.toSorted((a, b) => a.start - b.start)
		.map(({start, end, replacement}) => ({file, start, end, replacement, line: text.slice(0, start).split('\n').length, before: text.slice(start, end)}));

/** The text with the mutant's change in it. */
export const mutate = (text: string, {start, end, replacement}: Change): string => text.slice(0, start) + replacement + text.slice(end);

/** Types do nothing at run time, and what a log line says is for people. */
const isIgnored = (node: Node, text: string): boolean =>
	node.type === 'ImportDeclaration'
	|| (node.type.startsWith('TS') && !wrappers.has(node.type))
	|| (node.type === 'CallExpression' && /^(?:this\.)?#?logger\./.test(text.slice(node.start, node.end)));

const wrappers = new Set(['TSAsExpression', 'TSNonNullExpression', 'TSSatisfiesExpression']);

const changesIn = (node: Node, text: string): Change[] => {
	if (isIgnored(node, text)) {
		return [];
	}

	const children = Object.entries(node)
		.filter(([member]) => !(member === 'key' && node['computed'] !== true) && member !== 'typeAnnotation')
		.flatMap(([, value]) => (Array.isArray(value) ? value : [value]))
		.filter(value => isNode(value));
	return [...operators[node.type]?.(node, text) ?? [], ...children.flatMap(child => changesIn(child, text))];
};

const whole = ({start, end}: Node, ...replacements: readonly string[]): Change[] => replacements.map(replacement => ({start, end, replacement}));

const opposite: Readonly<Record<string, string>> = {
	'<': '<=', '<=': '<', '>': '>=', '>=': '>', '===': '!==', '!==': '===',
	'+': '-', '-': '+', '*': '/', '/': '*', '&': '|', '|': '&', '&&': '||', '||': '&&', '??': '&&',
	'some': 'every', 'every': 'some', 'min': 'max', 'max': 'min',
};

/** Replaces the operator between two operands. */
const betweenOperands = (node: Node, text: string): Change[] => {
	const operator = node['operator'] as string;
	const left = node['left'] as Node;
	const right = node['right'] as Node;
	const start = text.indexOf(operator, left.end);
	const isText = operator === '+' && [left, right].some(({type, value}) => type === 'TemplateLiteral' || typeof value === 'string');
	const replacement = opposite[operator];
	return replacement === undefined || isText || start > right.start ? [] : [{start, end: start + operator.length, replacement}];
};

const condition = (node: Node): Change[] => whole(node['test'] as Node, 'true', 'false');

const operators: Readonly<Record<string, (node: Node, text: string) => Change[]>> = {
	BinaryExpression: betweenOperands,
	LogicalExpression: betweenOperands,
	UnaryExpression: node => node['operator'] === '!' ? [{start: node.start, end: (node['argument'] as Node).start, replacement: ''}] : [],
	IfStatement: condition,
	ConditionalExpression: condition,
	AwaitExpression: node => [{start: node.start, end: (node['argument'] as Node).start, replacement: ''}],
	MemberExpression(node) {
		const property = node['property'] as Node;
		const replacement = property.type === 'Identifier' ? opposite[property['name'] as string] : undefined;
		return replacement === undefined ? [] : whole(property, replacement);
	},
	ExpressionStatement: (node, text) => /^(?:this\.)?#?logger\.|^super\(/.test(text.slice(node.start, node.end)) ? [] : whole(node, ';'),
	Literal(node) {
		const {value} = node;
		if (typeof value === 'number') {
			return value === 0 ? whole(node, '1') : whole(node, '0', String(value * 10));
		}

		if (typeof value === 'boolean') {
			return whole(node, String(!value));
		}

		return typeof value === 'string' && value !== '' ? whole(node, '\'\'') : [];
	},
};
