/** The kinds of values that options have: text → value, or an Error whose message ends the sentence "--flag …". Pure. */
import {mergePortRanges, parsePortRange} from './ports/port-range.ts';
import type {PortRange} from './ports/port-range.ts';

/** Gets the values that were given: of several the last counts, unless the option is repeatable. */
export type Parse<T> = (values: readonly string[]) => T;

const single = <T>(parse: (value: string) => T) => (values: readonly string[]): T => parse(values.at(-1) ?? '');

/** May be absent. */
export const optional = single(value => value || undefined);

/** Must be given. */
export const required = single(value => {
	if (!value) {
		throw new Error('must be given');
	}

	return value;
});

/** The name of a namespace, a DNS label. */
export const namespace = single(value => {
	if (!/^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/.test(value)) {
		throw new Error(`is "${value}": it must be the name of a namespace, at most 63 lower case letters, digits and "-"`);
	}

	return value;
});

/** One of these words. */
export const oneOf = <const T extends string>(...choices: readonly T[]) => single((value): T => {
	const choice = choices.find(known => known === value);
	if (choice === undefined) {
		throw new Error(`is "${value}": it must be one of ${choices.join(', ')}`);
	}

	return choice;
});

/** A port to listen on; 0 stands for any free one. */
export const port = single(value => {
	const number = Number(value);
	if (!/^\d+$/.test(value) || number > 65_535) {
		throw new Error(`is "${value}": it must be a whole number from 0 to 65535 (0: any free port)`);
	}

	return number;
});

const durationUnits = {ms: 1, s: 1000, m: 60_000} as const;

/** Nothing here is worth waiting longer for, and Node's timers end at 24 days: a longer one would go off at once. */
const longestDurationMs = 24 * 60 * durationUnits.m;

/** Milliseconds. */
export const duration = (least: '0s' | '1s') => single(value => {
	const ms = durationMs(value);
	if (!(ms >= durationMs(least) && ms <= longestDurationMs)) {
		throw new Error(`is "${value}": it must be a duration such as 500ms, 3s or 2m, from ${least} to ${longestDurationMs / durationUnits.m}m`);
	}

	return ms;
});

/** NaN where it is none. */
const durationMs = (text: string): number => {
	const [, amount, unit] = /^(\d+)(ms|s|m)$/.exec(text) ?? [];
	return Number(amount) * durationUnits[unit as keyof typeof durationUnits];
};

/** Seconds. */
export const wholeSeconds = single(value => {
	const ms = duration('1s')([value]);
	if (ms % 1000 !== 0) {
		throw new Error(`is "${value}": it must be a duration in whole seconds, such as 3s, because a Lease counts nothing less`);
	}

	return ms / 1000;
});

/** A name for the Leases. */
export const identity = single(value => {
	// It stands in the Lease's line of waiters, which is separated by commas.
	if (!/^[\w.-]{1,200}$/.test(value)) {
		throw new Error(`is "${value}": it must be 1 to 200 letters, digits, ".", "-" and "_"`);
	}

	return value;
});

/** Merged and sorted. */
export const portRanges = (values: readonly string[]): readonly PortRange[] => mergePortRanges(values.map(value => parsePortRange(value)));
