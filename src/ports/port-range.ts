/** Ranges of port numbers, as the administrator allows them. Pure. */
import {InvalidPortRangeError} from '../errors.ts';

/** `first` and `last` both belong to the range; 1 ≤ first ≤ last ≤ 65535. */
export type PortRange = {
	readonly first: number;
	readonly last: number;
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

/** The range that contains `port`; undefined if no range does. */
export const rangeContaining = (ranges: readonly PortRange[], port: number): PortRange | undefined =>
	ranges.find(({first, last}) => port >= first && port <= last);
