/** Every option of `hostport-operator serve`: one table, read from flags and environment, and rendered as documentation. */
import os from 'node:os';
import {parseArgs} from 'node:util';
import {ConfigurationError} from './errors.ts';
import {formatPortRange, highestPort, lowestPort, mergePortRanges, parsePortRange} from './ports/port-range.ts';
import type {PortRange} from './ports/port-range.ts';

type Option<T> = {
	readonly description: string;
	/** What stands for the value in the documentation. */
	readonly placeholder: string;
	/** As a user would write it; undefined where the option must be given or may be absent. */
	readonly default?: string;
	readonly defaultDescription?: string;
	readonly repeatable?: true;
	/** Gets the values that were given (of several the last, unless repeatable); throws an Error whose message ends the sentence "--flag …". */
	readonly parse: (values: readonly string[]) => T;
};

const single = <T>(parse: (value: string) => T) => (values: readonly string[]): T => parse(values.at(-1) ?? '');

const optional = single(value => value || undefined);

const required = single(value => {
	if (!value) {
		throw new Error('must be given');
	}

	return value;
});

const namespace = single(value => {
	if (!/^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/.test(value)) {
		throw new Error(`is "${value}": it must be the name of a namespace, at most 63 lower case letters, digits and "-"`);
	}

	return value;
});

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

/** Nothing here is worth waiting longer for, and Node's timers end at 24 days: a longer one would go off at once. */
const longestDurationMs = 24 * 60 * durationUnits.m;

const duration = (least: '0s' | '1s') => single(value => {
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

const wholeSeconds = single(value => {
	const ms = duration('1s')([value]);
	if (ms % 1000 !== 0) {
		throw new Error(`is "${value}": it must be a duration in whole seconds, such as 3s, because a Lease counts nothing less`);
	}

	return ms / 1000;
});

const identity = single(value => {
	// It stands in the Lease's line of waiters, which is separated by commas.
	if (!/^[\w.-]{1,200}$/.test(value)) {
		throw new Error(`is "${value}": it must be 1 to 200 letters, digits, ".", "-" and "_"`);
	}

	return value;
});

const portRanges = (values: readonly string[]): readonly PortRange[] => mergePortRanges(values.map(value => parsePortRange(value)));

const option = <T>(definition: Option<T>): Option<T> => definition;

/** In the order in which the documentation lists them. */
export const options = {
	kubeconfig: option({
		description: 'File with the credentials for the API server. Without it: the Pod\'s service account, else `$KUBECONFIG`, else `~/.kube/config`.',
		placeholder: 'file',
		parse: optional,
	}),
	namespace: option({
		description: 'Namespace that holds the ledger and the Leases. Replicas with different namespaces know nothing of each other and give the same ports again.',
		placeholder: 'name',
		default: 'operators',
		parse: namespace,
	}),
	identity: option({
		description: 'Name of this replica in the Leases. A random suffix is added, because a restarted process is another replica.',
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
		description: 'Certificate of the webhook in PEM, followed by its intermediates. Must be given; read once, at start.',
		placeholder: 'file',
		parse: required,
	}),
	tlsPrivateKeyFile: option({
		description: 'Private key of that certificate in PEM. Must be given; read once, at start.',
		placeholder: 'file',
		parse: required,
	}),
	portRange: option({
		description: 'Port numbers that Pods may ask for. Repeatable, or several with commas between them. From 32768 on, Linux takes ports for outgoing connections of its own, which may then be in the way.',
		placeholder: 'first-last',
		default: '1024-32767',
		repeatable: true,
		parse: portRanges,
	}),
	leaseDuration: option({
		description: 'How long the others wait for a replica that died in the middle of a commit. Whole seconds.',
		placeholder: 'duration',
		default: '3s',
		parse: wholeSeconds,
	}),
	leaseIdle: option({
		description: 'How long a replica keeps the Lease after a commit, as long as no other wants it: its next commit then saves the write that gets the Lease.',
		placeholder: 'duration',
		default: '50ms',
		parse: duration('0s'),
	}),
	holdTime: option({
		description: 'How long an admitted Pod may be on its way to storage: for so long nobody else gets its port. Twice `--api-request-timeout` where that is longer.',
		placeholder: 'duration',
		default: '120s',
		parse: duration('1s'),
	}),
	apiRequestTimeout: option({
		description: 'The API server\'s own `--request-timeout`. Set it here too where you have changed it there: it bounds for how long a Pod may be on its way.',
		placeholder: 'duration',
		default: '60s',
		parse: duration('1s'),
	}),
	shutdownDelay: option({
		description: 'How long a replica that was told to stop goes on serving while it says that it is not ready, so that requests which are still sent to it are answered.',
		placeholder: 'duration',
		default: '10s',
		parse: duration('0s'),
	}),
	logLevel: option({
		description: 'Least severe messages to log: `trace`, `debug`, `info`, `warn`, `error` or `fatal`.',
		placeholder: 'level',
		default: 'info',
		parse: oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal'),
	}),
	logFormat: option({
		description: '`json`, `pretty`, or `auto`: pretty on a terminal and JSON elsewhere.',
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
		const [source, values] = flags[flagOf(name)]
			? [`--${flagOf(name)}`, flags[flagOf(name)] ?? []]
			: variable
				? [variableOf(name), [variable]]
				: [`--${flagOf(name)} (or ${variableOf(name)})`, fallback === undefined ? [] : [fallback]];
		try {
			return [name, parse(repeatable ? values.flatMap(value => value.split(',')) : values)];
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
		const [problem] = (error instanceof Error ? error.message : String(error)).split('\n');
		throw new ConfigurationError(`${problem?.replace(/\.$/, '')}. "hostport-operator help" lists the flags`, {cause: error});
	}
};

/** H: how long a reservation may wait for its Pod. Twice the API server's request timeout, or longer where the administrator says so. */
export const holdMs = ({holdTime, apiRequestTimeout}: Pick<Config, 'holdTime' | 'apiRequestTimeout'>): number =>
	Math.max(holdTime, 2 * apiRequestTimeout);

/** The table of options for a terminal of 100 columns. */
export const renderUsage = (): string => {
	const rows = Object.entries<Option<unknown>>(options).map(([name, {placeholder, description, ...rest}]) => {
		const fallback = defaultOf(rest, '');
		return [`  --${flagOf(name)} ${placeholder}`, `${description.replaceAll('`', '')}${fallback && ` (default: ${fallback})`}`] as const;
	});
	const width = Math.max(...rows.map(([flag]) => flag.length));
	return rows.map(([flag, description]) => `${flag.padEnd(width)}  ${wrapped(description, 100 - width - 2).join(`\n${' '.repeat(width + 2)}`)}`).join('\n');
};

/** Lines of at most `width` characters, unless a word is longer. */
const wrapped = (text: string, width: number): string[] =>
	[...text.matchAll(new RegExp(String.raw`\S(?:.{0,${width - 2}}\S)?(?=\s|$)|\S+`, 'g'))].map(([line]) => line);

/** `docs/configuration.md`. */
export const renderConfigurationPage = (): string => `# Configuration

\`hostport-operator serve\` takes these flags. Each is also an environment variable, which counts where the flag is not given and the variable is not empty. Where a flag is given more than once, the last counts, unless it is repeatable. A value that can't be used ends the program at start, with exit code 2 and a sentence that says why.

| flag | variable | default | meaning |
|---|---|---|---|
${Object.entries<Option<unknown>>(options).map(([name, {placeholder, description, ...rest}]) =>
	`| \`--${flagOf(name)} ${placeholder}\` | \`${variableOf(name)}\` | ${defaultOf(rest, '`') || '–'} | ${description} |`).join('\n')}

A duration is a whole number with its unit: \`500ms\`, \`3s\`, \`2m\`. A range of ports is \`first-last\`, where both belong to it, or a single number; all ports are \`${formatPortRange({first: lowestPort, last: highestPort})}\`. A port to listen on may be \`0\`, for any free one.

This page is made from the table in \`src/config.ts\`, by \`npm run docs\`.
`;

const defaultOf = ({default: value, defaultDescription}: Pick<Option<unknown>, 'default' | 'defaultDescription'>, quote: string): string =>
	defaultDescription ?? (value === undefined ? '' : `${quote}${value}${quote}`);
