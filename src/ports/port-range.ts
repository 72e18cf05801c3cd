/** Ranges of port numbers, as the administrator allows them. Pure. */
import {InvalidPortRangeError} from '../errors.ts';

/** `first` and `last` both belong to the range; 1 ≤ first ≤ last ≤ 65535. */
export type PortRange = {
	readonly first: number;
	readonly last: number;
};

/** What the administrator allows: a range, and the numbers of it that no Pod is given, merged and sorted; absent means none. */
export type AllowedRange = PortRange & {
	readonly excluded?: readonly PortRange[];
};

export const lowestPort = 1;
export const highestPort = 65_535;

/** Whether `value` is a whole number from 1 to 65535. */
export const isPort = (value: number): boolean =>
	Number.isInteger(value) && value >= lowestPort && value <= highestPort;

/**
 * Reads `"30000-32767"`, or `"8080"` for a range of one.
 *
 * @throws {InvalidPortRangeError} if the text is anything else, a bound is not a port number, or the bounds are reversed.
 */
export const parsePortRange = (text: string): PortRange => {
	const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text.trim());
	const first = Number(match?.[1]);
	const last = Number(match?.[2] ?? match?.[1]);
	if (!match || !isPort(first) || !isPort(last) || first > last) {
		throw new InvalidPortRangeError(text);
	}

	return {first, last};
};

/** Documented default of `hostport.io/base-port`. */
export const usualBasePort = 30_558;

/**
 * Where Pods that choose no base port get their numbers from: 30558, or the lowest number of the first range if the
 * administrator does not allow that. Undefined if there are no ranges.
 */
export const defaultBasePort = (ranges: readonly AllowedRange[]): number | undefined => {
	const range = rangeContaining(ranges, usualBasePort);
	return range && !rangeContaining(range.excluded ?? [], usualBasePort) ? usualBasePort : ranges[0]?.first;
};

/** The inverse of `parsePortRange`. */
export const formatPortRange = ({first, last}: PortRange): string => `${first}-${last}`;

/**
 * Sorts ranges and merges those that overlap or touch: `--port-range` may be given twice for what is one range to Pods.
 */
export const mergePortRanges = (ranges: readonly PortRange[]): PortRange[] => {
	const merged: PortRange[] = [];
	for (const range of ranges.toSorted((a, b) => a.first - b.first)) {
		const previous = merged.at(-1);
		if (previous && range.first <= previous.last + 1) {
			merged[merged.length - 1] = {first: previous.first, last: Math.max(previous.last, range.last)};
		} else {
			merged.push(range);
		}
	}

	return merged;
};

/** The parts of ranges that are in `bounds`. */
export const clipRanges = (ranges: readonly PortRange[], bounds: PortRange): PortRange[] => ranges
	.map(({first, last}) => ({first: Math.max(first, bounds.first), last: Math.min(last, bounds.last)}))
	.filter(({first, last}) => first <= last);

/** How many numbers merged ranges have together. */
export const countNumbers = (ranges: readonly PortRange[]): number => ranges.reduce((sum, {first, last}) => sum + last - first + 1, 0);

/** Ranges with the numbers that are taken out of them. @param excluded merged and sorted. */
export const excludeNumbers = (ranges: readonly PortRange[], excluded: readonly PortRange[]): AllowedRange[] => ranges.map(range => {
	const inside = clipRanges(excluded, range);
	return inside.length === 0 ? range : {...range, excluded: inside};
});

/** The range that contains `port`; undefined if no range does. */
export const rangeContaining = <Range extends PortRange>(ranges: readonly Range[], port: number): Range | undefined =>
	ranges.find(({first, last}) => port >= first && port <= last);
