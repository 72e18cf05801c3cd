/** Parsers for the values of options. They throw Errors whose message ends the sentence "--flag …". Pure. */
import {mergePortRanges, parsePortRange} from '../ports/port-range.ts';
import type {PortRange} from '../ports/port-range.ts';

/** Parses all values that were given. The last one counts, unless the option is repeatable. */
export type Parse<T> = (values: readonly string[]) => T;

const single = <T>(parse: (value: string) => T) => (values: readonly string[]): T => parse(values.at(-1) ?? '');

/** Undefined if absent or empty. */
export const optional = single(value => value || undefined);

/** A DNS label. `what` is the kind of object that it names. */
export const dnsLabel = (what: 'namespace' | 'Service') => single(value => {
	if (!/^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/.test(value)) {
		throw new Error(`is "${value}": it must be the name of a ${what}, at most 63 lower case letters, digits and "-"`);
	}

	return value;
});

/** The name of an object whose kind allows dots (a DNS subdomain). */
export const objectName = single(value => {
	if (value.length > 253 || !/^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/.test(value)) {
		throw new Error(`is "${value}": it must be the name of an object, at most 253 lower case letters, digits, "-" and "."`);
	}

	return value;
});

/** A path that the API server accepts in a webhook configuration: its segments are DNS subdomains. */
export const urlPath = single(value => {
	if (value.length > 253 || !/^(?:\/[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?)+$/.test(value)) {
		throw new Error(`is "${value}": it must be a path such as /mutate-pods, at most 253 lower case letters, digits, "-", "." and "/"`);
	}

	return value;
});

/** One of `choices`. */
export const oneOf = <const T extends string>(...choices: readonly T[]) => single((value): T => {
	const choice = choices.find(candidate => candidate === value);
	if (choice === undefined) {
		throw new Error(`is "${value}": it must be one of ${choices.join(', ')}`);
	}

	return choice;
});

/** A port to listen on. 0 means any free port. */
export const port = single(value => {
	const number = Number(value);
	if (!/^\d+$/.test(value) || number > 65_535) {
		throw new Error(`is "${value}": it must be a whole number from 0 to 65535 (0: any free port)`);
	}

	return number;
});

/** A whole number from `least` to `most`. */
export const wholeNumber = (least: number, most: number) => single(value => {
	const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
	if (!(number >= least && number <= most)) {
		throw new Error(`is "${value}": it must be a whole number from ${least} to ${most}`);
	}

	return number;
});

/** The same; undefined if absent or empty. */
export const optionalWholeNumber = (least: number, most: number) => (values: readonly string[]): number | undefined =>
	values.at(-1) ? wholeNumber(least, most)(values) : undefined;

const durationUnits = {ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000} as const;

/**
 * Milliseconds. Default maximum one day; setTimeout overflows after 24.8 days. An option that allows more must not be slept
 * in one piece.
 */
export const duration = (least: string, most = '24h') => single(value => {
	const ms = durationMs(value);
	if (!(ms >= durationMs(least) && ms <= durationMs(most))) {
		throw new Error(`is "${value}": it must be a duration such as 500ms, 3s, 2m, 12h or 90d, from ${least} to ${most}`);
	}

	return ms;
});

/** NaN if it is no duration. */
const durationMs = (text: string): number => {
	const [, amount, unit] = /^(\d+)(ms|s|m|h|d)$/.exec(text) ?? [];
	return Number(amount) * durationUnits[unit as keyof typeof durationUnits];
};

/** Seconds. */
export const wholeSeconds = single(value => {
	const ms = duration('1s')([value]);
	if (ms % 1000 !== 0) {
		throw new Error(`is "${value}": it must be a duration in whole seconds, such as 3s, because a Lease counts in seconds`);
	}

	return ms / 1000;
});

/** The holder's name in the Leases. */
export const identity = single(value => {
	// No commas: they separate the waiters in the Lease.
	if (!/^[\w.-]{1,200}$/.test(value)) {
		throw new Error(`is "${value}": it must be 1 to 200 letters, digits, ".", "-" and "_"`);
	}

	return value;
});

/** Merged and sorted. */
export const portRanges = (values: readonly string[]): readonly PortRange[] => mergePortRanges(values.map(value => parsePortRange(value)));

/** Merged and sorted. The single word `none` stands for no numbers. */
export const portRangesOrNone = (values: readonly string[]): readonly PortRange[] =>
	values.length === 1 && values[0]!.trim() === 'none' ? [] : portRanges(values);
