/** The kinds of values that options have: text → value, or an Error whose message ends the sentence "--flag …". Pure. */
import {mergePortRanges, parsePortRange} from '../ports/port-range.ts';
import type {PortRange} from '../ports/port-range.ts';

/** Gets the values that were given: of several the last counts, unless the option is repeatable. */
export type Parse<T> = (values: readonly string[]) => T;

const single = <T>(parse: (value: string) => T) => (values: readonly string[]): T => parse(values.at(-1) ?? '');

/** May be absent. */
export const optional = single(value => value || undefined);

/** The name of a `what`, a DNS label. */
export const dnsLabel = (what: 'namespace' | 'Service') => single(value => {
	if (!/^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/.test(value)) {
		throw new Error(`is "${value}": it must be the name of a ${what}, at most 63 lower case letters, digits and "-"`);
	}

	return value;
});

/** The name of an object whose kind allows dots in it. */
export const objectName = single(value => {
	if (value.length > 253 || !/^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/.test(value)) {
		throw new Error(`is "${value}": it must be the name of an object, at most 253 lower case letters, digits, "-" and "."`);
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

const durationUnits = {ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000} as const;

/**
 * Milliseconds. Nothing is worth waiting for longer than a day, and Node's timers end at 24: a longer one would go off at
 * once. Whoever lets `most` be more does not wait for all of it.
 */
export const duration = (least: string, most = '24h') => single(value => {
	const ms = durationMs(value);
	if (!(ms >= durationMs(least) && ms <= durationMs(most))) {
		throw new Error(`is "${value}": it must be a duration such as 500ms, 3s, 2m, 12h or 90d, from ${least} to ${most}`);
	}

	return ms;
});

/** NaN where it is none. */
const durationMs = (text: string): number => {
	const [, amount, unit] = /^(\d+)(ms|s|m|h|d)$/.exec(text) ?? [];
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
