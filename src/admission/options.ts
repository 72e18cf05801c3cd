/** The options in a Pod's annotations, checked against what the administrator allows. Pure. */
import {DenialError} from '../errors.ts';
import type {Strategy} from '../ports/demand.ts';
import {clipRanges, defaultBasePort, formatPortRange, isPort, rangeContaining, usualBasePort} from '../ports/port-range.ts';
import type {AllowedRange, PortRange} from '../ports/port-range.ts';
import {optionAnnotations} from './annotations.ts';
import type {Annotations} from './annotations.ts';
import {shorten, quote} from './quote.ts';

export type AllocationOptions = {
	/** Both are in the same range that the administrator allows, and `basePort` ≤ `maxPort`. */
	readonly basePort: number;
	readonly maxPort: number;
	/** Numbers from `basePort` to `maxPort` that no Pod is given; absent means none. */
	readonly excluded?: readonly PortRange[];
	readonly strategy: Strategy;
	/** Names of the ports to manage, without repetition; absent means all ports. */
	readonly managedPortNames?: readonly string[];
	/** Whether the Pod must get consecutive numbers; absent means no. */
	readonly contiguous?: true;
	readonly hostNetwork: boolean;
};

/**
 * The options of a Pod; undefined if it asks for no host ports.
 *
 * @param ranges What the administrator allows, merged and sorted.
 * @throws {DenialError} 400 if an annotation is malformed or contradicts another, 403 if it asks for a port that the administrator does not allow.
 */
export const readOptions = (annotations: Annotations, ranges: readonly AllowedRange[]): AllocationOptions | undefined => {
	if (!annotations || choice(annotations, optionAnnotations.enabled, ['true', 'false']) !== 'true') {
		return undefined;
	}

	checkScope(annotations);
	const basePort = readBasePort(annotations, ranges);
	const maxPort = readMaxPort(annotations, ranges, basePort);
	const excluded = clipRanges(rangeContaining(ranges, basePort)?.excluded ?? [], {first: basePort, last: maxPort});
	const managedPortNames = readPortNames(annotations);
	return {
		basePort,
		maxPort,
		...(excluded.length > 0 && {excluded}),
		strategy: choice(annotations, optionAnnotations.strategy, ['Sequential', 'Random']) ?? 'Sequential',
		...(managedPortNames && {managedPortNames}),
		...(choice(annotations, optionAnnotations.contiguous, ['true', 'false']) === 'true' && {contiguous: true}),
		hostNetwork: choice(annotations, optionAnnotations.hostNetwork, ['true', 'false']) !== 'false',
	};
};

/** The annotation's value, which must be one of `choices`; undefined if the Pod does not have the annotation. */
const choice = <Choice extends string>(
	annotations: NonNullable<Annotations>,
	name: string,
	choices: readonly Choice[],
): Choice | undefined => {
	const value = annotations[name];
	if (value === undefined) {
		return undefined;
	}

	const exact = choices.find(choice => choice === value);
	if (exact === undefined) {
		const meant = choices.filter(choice => choice.toLowerCase() === value.trim().toLowerCase());
		const proposals = (meant.length > 0 ? meant : choices).map(choice => `"${choice}"`).join(' or ');
		throw new DenialError(400, `${name} is ${quote(value)}: write ${proposals}, exactly so`);
	}

	return exact;
};

const checkScope = (annotations: NonNullable<Annotations>): void => {
	if (annotations[optionAnnotations.scope] === 'Node') {
		throw new DenialError(400, `${optionAnnotations.scope} is "Node", which this version does not have yet: remove the annotation, and the Pod gets ports that are unique in the cluster`);
	}

	choice(annotations, optionAnnotations.scope, ['Cluster']);
};

const readBasePort = (annotations: NonNullable<Annotations>, ranges: readonly AllowedRange[]): number => {
	const byDefault = defaultBasePort(ranges);
	if (byDefault === undefined) {
		throw new DenialError(403, 'The administrator of hostport-operator allows no host ports at all: ask for a --port-range');
	}

	const basePort = portNumber(annotations, optionAnnotations.basePort);
	if (basePort === undefined) {
		return byDefault;
	}

	if (!rangeContaining(ranges, basePort)) {
		throw new DenialError(403, `${optionAnnotations.basePort} is ${basePort}, which the administrator does not allow: choose a port from ${formatRanges(ranges)}`);
	}

	return basePort;
};

const readMaxPort = (annotations: NonNullable<Annotations>, ranges: readonly PortRange[], basePort: number): number => {
	const end = rangeContaining(ranges, basePort)?.last ?? basePort;
	const maxPort = portNumber(annotations, optionAnnotations.maxPort) ?? end;
	if (maxPort < basePort) {
		const origin = annotations[optionAnnotations.basePort] === undefined ? ', which is the default' : '';
		throw new DenialError(400, `${optionAnnotations.maxPort} is ${maxPort}, below the base port ${basePort}${origin}: raise it, or set a lower ${optionAnnotations.basePort}`);
	}

	if (maxPort > end) {
		throw new DenialError(403, `${optionAnnotations.maxPort} is ${maxPort}, but the range of the base port ${basePort} ends at ${end}: choose both from one of the ranges that the administrator allows, ${formatRanges(ranges)}`);
	}

	return maxPort;
};

/** Decimal digits only: tools disagree on whether `0x50`, `8e3` and `+80` are numbers. */
const portNumber = (annotations: NonNullable<Annotations>, name: string): number | undefined => {
	const value = annotations[name];
	if (value === undefined) {
		return undefined;
	}

	const port = /^\d{1,5}$/.test(value.trim()) ? Number(value) : Number.NaN;
	if (!isPort(port)) {
		throw new DenialError(400, `${name} is ${quote(value)}: write a whole number from 1 to 65535, such as "${usualBasePort}"`);
	}

	return port;
};

const readPortNames = (annotations: NonNullable<Annotations>): string[] | undefined => {
	const value = annotations[optionAnnotations.ports];
	const names = value?.split(',').map(name => name.trim());
	if (names?.includes('')) {
		throw new DenialError(400, `${optionAnnotations.ports} is ${quote(value)}, which has an empty name in it: write the names of container ports with commas between them, or remove the annotation to manage all ports`);
	}

	const seen = new Set<string>();
	const repeated = names?.find(name => seen.size === seen.add(name).size);
	if (repeated !== undefined) {
		throw new DenialError(400, `${optionAnnotations.ports} names ${quote(repeated)} twice: name each port once`);
	}

	return names;
};

const formatRanges = (ranges: readonly PortRange[]): string => shorten(ranges.map(range => formatPortRange(range)).join(', '), 200);
