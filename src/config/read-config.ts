/** Reads the options from flags and environment variables, and derives what several files need of them. */
import {parseArgs} from 'node:util';
import {ConfigurationError, messageOf} from '../errors.ts';
import {excludeNumbers} from '../ports/port-range.ts';
import type {AllowedRange} from '../ports/port-range.ts';
import {flagOf, options, variableOf} from './options.ts';
import type {Config, Option} from './options.ts';

/**
 * Reads the options from flags, else environment variables, else defaults.
 *
 * @throws {ConfigurationError} that names the flag or variable, the value seen and what is allowed.
 */
export const readConfig = (args: readonly string[], environment: Readonly<Record<string, string | undefined>>): Config => {
	const flags = parseFlags(args);
	const entries = Object.entries<Option<unknown>>(options).map(([name, {parse, repeatable, default: fallback}]) => {
		const variable = environment[variableOf(name)];
		const [source, values] = flags[flagOf(name)]
			? [`--${flagOf(name)}`, flags[flagOf(name)] ?? []]
			: variable
				? [variableOf(name), [variable]]
				: [`--${flagOf(name)} (or ${variableOf(name)})`, fallback === undefined ? [] : [fallback]];
		try {
			return [name, parse(repeatable ? values.flatMap(value => value.split(',')) : values)];
		} catch (error) {
			throw new ConfigurationError(`${source} ${messageOf(error)}`, {cause: error});
		}
	});
	const config = Object.fromEntries(entries) as Config;
	if (!config.tlsCertFile !== !config.tlsPrivateKeyFile) {
		const [given, missing] = config.tlsCertFile ? ['tls-cert-file', 'tls-private-key-file'] : ['tls-private-key-file', 'tls-cert-file'];
		throw new ConfigurationError(`--${given} is given and --${missing} is not: give both, or neither to let the operator make a certificate`);
	}

	return Object.freeze(config);
};

const parseFlags = (args: readonly string[]): Record<string, string[] | undefined> => {
	try {
		return parseArgs({
			args: [...args],
			options: Object.fromEntries(Object.keys(options).map(name => [flagOf(name), {type: 'string', multiple: true}] as const)),
		}).values;
	} catch (error) {
		const [problem] = messageOf(error).split('\n');
		throw new ConfigurationError(`${problem?.replace(/\.$/, '')}. "hostport-operator help" lists the flags`, {cause: error});
	}
};

/** The numbers that Pods may get: the ranges, with the numbers that are taken out of them. */
export const allowedRanges = ({portRange, excludePorts}: Pick<Config, 'portRange' | 'excludePorts'>): readonly AllowedRange[] =>
	excludeNumbers(portRange, excludePorts);

/** How long a reservation waits for its Pod, milliseconds: at least twice the API server's request timeout. */
export const holdMs = ({holdTime, apiRequestTimeout}: Pick<Config, 'holdTime' | 'apiRequestTimeout'>): number =>
	Math.max(holdTime, 2 * apiRequestTimeout);
