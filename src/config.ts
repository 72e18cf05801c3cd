/** Every option of `hostport-operator serve`: one table, read from flags and environment, and rendered as documentation. */
import os from 'node:os';
import {parseArgs} from 'node:util';
import {ConfigurationError} from './errors.ts';
import {formatPortRange, mergePortRanges, parsePortRange} from './ports/port-range.ts';
import type {PortRange} from './ports/port-range.ts';

type Option<T> = {
	readonly description: string;
	/** What stands for the value in the documentation. */
	readonly placeholder: string;
	/** As a user would write it; undefined where the option must be given or may be absent. */
	readonly default?: string;
	readonly defaultDescription?: string;
	readonly repeatable?: true;
	/** Gets each value that was given (one, unless repeatable); throws an Error whose message ends the sentence "--flag …". */
	readonly parse: (values: readonly string[]) => T;
};

const single = <T>(parse: (value: string) => T) => (values: readonly string[]): T => parse(values[0] ?? '');

const text = single(value => value);

const optional = (values: readonly string[]): string | undefined => values[0] || undefined;

const required = (values: readonly string[]): string => {
	if (!values[0]) {
		throw new Error('must be given');
	}

	return values[0];
};

const oneOf = <const T extends string>(...choices: readonly T[]) => single((value): T => {
	const choice = choices.find(known => known === value);
	if (choice === undefined) {
		throw new Error(`is "${value}": it must be one of ${choices.join(', ')}`);
	}

	return choice;
});

const port = single(value => {
	const number = Number(value);
	if (!/^\d+$/.test(value) || number > 65_535) {
		throw new Error(`is "${value}": it must be a whole number from 0 to 65535 (0: any free port)`);
	}

	return number;
});

const durationUnits = {ms: 1, s: 1000, m: 60_000} as const;

const duration = (minimumMs: number) => single(value => {
	const [, amount, unit] = /^(\d+)(ms|s|m)$/.exec(value) ?? [];
	const ms = Number(amount) * durationUnits[unit as keyof typeof durationUnits];
	if (!(ms >= minimumMs)) {
		throw new Error(`is "${value}": it must be a duration such as 500ms, 3s or 2m, and at least ${minimumMs} ms`);
	}

	return ms;
});

const wholeSeconds = single(value => {
	const ms = duration(1000)([value]);
	if (ms % 1000 !== 0) {
		throw new Error(`is "${value}": a Lease counts whole seconds`);
	}

	return ms / 1000;
});

const identity = single(value => {
	// It stands in the Lease's line of waiters, which is separated by commas.
	if (!/^[\w.-]{1,200}$/.test(value)) {
		throw new Error(`is "${value}": it may have letters, digits, ".", "-" and "_"`);
	}

	return value;
});

const portRanges = (values: readonly string[]): readonly PortRange[] => mergePortRanges(values.map(value => parsePortRange(value)));

const option = <T>(definition: Option<T>): Option<T> => definition;

/** In the order in which the documentation lists them. */
export const options = {
	kubeconfig: option({
		description: 'Credentials for the API server. Without it: the service account of the Pod, else `$KUBECONFIG`, else `~/.kube/config`.',
		placeholder: 'file',
		parse: optional,
	}),
	namespace: option({
		description: 'Namespace of the ledger and the Leases. All replicas must agree on it.',
		placeholder: 'name',
		default: 'operators',
		parse: text,
	}),
	identity: option({
		description: 'Name of this replica in the Lease, to which a random suffix is added: a restarted process is another one.',
		placeholder: 'name',
		default: os.hostname(),
		defaultDescription: 'the host\'s name',
		parse: identity,
	}),
	bindAddress: option({
		description: 'Address to listen on.',
		placeholder: 'address',
		defaultDescription: 'all addresses',
		parse: optional,
	}),
	webhookPort: option({
		description: 'Port of the webhook, `POST /mutate-pods`, over TLS.',
		placeholder: 'port',
		default: '9443',
		parse: port,
	}),
	healthPort: option({
		description: 'Port of `/livez` and `/readyz`, over plain HTTP.',
		placeholder: 'port',
		default: '8081',
		parse: port,
	}),
	tlsCertFile: option({
		description: 'Certificate of the webhook in PEM, followed by its intermediates.',
		placeholder: 'file',
		parse: required,
	}),
	tlsPrivateKeyFile: option({
		description: 'Key of that certificate in PEM.',
		placeholder: 'file',
		parse: required,
	}),
	portRange: option({
		description: 'Port numbers that Pods may ask for. Repeatable; in the environment separated by commas. From 32768 on, Linux may use a port for an outgoing connection of its own.',
		placeholder: 'first-last',
		default: '1024-32767',
		repeatable: true,
		parse: portRanges,
	}),
	leaseDuration: option({
		description: 'How long a replica that died while it held the Lease keeps the others waiting. Whole seconds.',
		placeholder: 'duration',
		default: '3s',
		parse: wholeSeconds,
	}),
	leaseIdle: option({
		description: 'How long the Lease is kept after a commit, because the next one then needs no write to get it.',
		placeholder: 'duration',
		default: '50ms',
		parse: duration(0),
	}),
	holdTime: option({
		description: 'How long a port is held for a Pod that nobody has seen yet. At least twice --api-request-timeout counts.',
		placeholder: 'duration',
		default: '120s',
		parse: duration(1000),
	}),
	apiRequestTimeout: option({
		description: 'The `--request-timeout` of the API server: a Pod that was admitted longer ago will not be stored any more.',
		placeholder: 'duration',
		default: '60s',
		parse: duration(1000),
	}),
	shutdownDelay: option({
		description: 'How long a replica that was told to stop is not ready and goes on serving, until nobody sends it requests any more.',
		placeholder: 'duration',
		default: '10s',
		parse: duration(0),
	}),
	logLevel: option({
		description: 'Least severe messages to log: trace, debug, info, warn, error or fatal.',
		placeholder: 'level',
		default: 'info',
		parse: oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal'),
	}),
	logFormat: option({
		description: 'json, pretty, or auto: pretty on a terminal and JSON elsewhere.',
		placeholder: 'format',
		default: 'auto',
		parse: oneOf('auto', 'json', 'pretty'),
	}),
} as const satisfies Record<string, Option<unknown>>;

/** All options with their values; times in milliseconds, `leaseDuration` in seconds. */
export type Config = {readonly [Name in keyof typeof options]: ReturnType<(typeof options)[Name]['parse']>};

const flagOf = (name: string): string => name.replaceAll(/[A-Z]/g, letter => `-${letter.toLowerCase()}`);

const variableOf = (name: string): string => `HOSTPORT_${flagOf(name).toUpperCase().replaceAll('-', '_')}`;

/**
 * Reads the options from flags, else the environment, else their defaults.
 *
 * @throws {ConfigurationError} which names the flag or variable, the value seen and what is allowed.
 */
export const readConfig = (args: readonly string[], environment: Readonly<Record<string, string | undefined>>): Config => {
	const flags = parseFlags(args);
	const entries = Object.entries<Option<unknown>>(options).map(([name, {parse, repeatable, default: fallback}]) => {
		const variable = environment[variableOf(name)];
		const [source, values] = flags[flagOf(name)]?.length
			? [`--${flagOf(name)}`, flags[flagOf(name)] ?? []]
			: variable
				? [variableOf(name), repeatable ? variable.split(',') : [variable]]
				: [`--${flagOf(name)} (or ${variableOf(name)})`, fallback === undefined ? [] : [fallback]];
		try {
			return [name, parse(values)];
		} catch (error) {
			throw new ConfigurationError(`${source} ${error instanceof Error ? error.message : String(error)}`, {cause: error});
		}
	});
	return Object.freeze(Object.fromEntries(entries) as Config);
};

const parseFlags = (args: readonly string[]): Record<string, string[] | undefined> => {
	try {
		return parseArgs({
			args: [...args],
			options: Object.fromEntries(Object.keys(options).map(name => [flagOf(name), {type: 'string', multiple: true}] as const)),
		}).values;
	} catch (error) {
		throw new ConfigurationError(`${error instanceof Error ? error.message : String(error)}. "hostport-operator help" lists the flags`, {cause: error});
	}
};

/** H: how long a reservation may wait for its Pod. Twice the API server's request timeout, or longer where the administrator says so. */
export const holdMs = ({holdTime, apiRequestTimeout}: Pick<Config, 'holdTime' | 'apiRequestTimeout'>): number =>
	Math.max(holdTime, 2 * apiRequestTimeout);

/** The table of options for a terminal. */
export const renderUsage = (): string => {
	const rows = Object.entries<Option<unknown>>(options).map(([name, {placeholder, description, ...rest}]) =>
		[`  --${flagOf(name)} ${placeholder}`, `${description.replaceAll('`', '')} ${defaultOf(rest, '') && `(default: ${defaultOf(rest, '')})`}`] as const);
	const width = Math.max(...rows.map(([flag]) => flag.length));
	return rows.map(([flag, description]) => `${flag.padEnd(width)}  ${description}`).join('\n');
};

/** `docs/configuration.md`. */
export const renderConfigurationPage = (): string => `# Configuration

\`hostport-operator serve\` takes these flags. Each is also an environment variable, which counts where the flag is not given.
This page is made from the table in \`src/config.ts\` by \`npm run docs\`.

| flag | variable | default | meaning |
|---|---|---|---|
${Object.entries<Option<unknown>>(options).map(([name, {placeholder, description, ...rest}]) =>
	`| \`--${flagOf(name)} ${placeholder}\` | \`${variableOf(name)}\` | ${defaultOf(rest, '`') || '–'} | ${description} |`).join('\n')}

Durations are written as \`500ms\`, \`3s\` or \`2m\`; the range of all ports is \`${formatPortRange({first: 1, last: 65_535})}\`.
`;

const defaultOf = ({default: value, defaultDescription}: Pick<Option<unknown>, 'default' | 'defaultDescription'>, quote: string): string =>
	defaultDescription ?? (value === undefined ? '' : `${quote}${value}${quote}`);
