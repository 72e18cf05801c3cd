/** Every option of `hostport-operator serve` in one table, and how it is read from flags and environment. */
import os from 'node:os';
import {parseArgs} from 'node:util';
import {ConfigurationError, messageOf} from '../errors.ts';
import {dnsLabel, duration, identity, objectName, oneOf, optional, port, portRanges, wholeSeconds} from './parsers.ts';
import type {Parse} from './parsers.ts';

export type Option<T> = {
	readonly description: string;
	/** What stands for the value in the documentation. */
	readonly placeholder: string;
	/** As a user would write it; undefined where the option must be given or may be absent. */
	readonly default?: string;
	readonly defaultDescription?: string;
	readonly repeatable?: true;
	readonly parse: Parse<T>;
};

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
		parse: dnsLabel('namespace'),
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
	metricsPort: option({
		description: 'Port of `/metrics` for Prometheus, over plain HTTP.',
		placeholder: 'port',
		default: '8080',
		parse: port,
	}),
	tlsCertFile: option({
		description: 'Certificate of the webhook in PEM, followed by its intermediates; read again when it changes. Without it the operator makes and renews one of its own, in the Secret `hostport-operator-webhook-certificate`.',
		placeholder: 'file',
		parse: optional,
	}),
	tlsPrivateKeyFile: option({
		description: 'Private key of that certificate in PEM; read again when it changes.',
		placeholder: 'file',
		parse: optional,
	}),
	clientCaFile: option({
		description: 'Authorities in PEM, one of which must have signed the certificate that a client of the webhook shows; read again when it changes. Without it nobody is asked for one. The API server shows one only if its `--admission-control-config-file` says so.',
		placeholder: 'file',
		parse: optional,
	}),
	webhookServiceName: option({
		description: 'Service by which the API server calls the webhook. The operator\'s own certificate is good for it, and for whatever the webhook configuration names.',
		placeholder: 'name',
		default: 'hostport-operator-webhook-service',
		parse: dnsLabel('Service'),
	}),
	webhookConfigurationName: option({
		description: 'MutatingWebhookConfiguration whose caBundle the operator looks after while it makes its own certificate.',
		placeholder: 'name',
		default: 'hostport-operator-hostport-mutating-webhook-configuration',
		parse: objectName,
	}),
	certificateLifetime: option({
		description: 'How long a certificate of the operator\'s own is good for. It is renewed after two thirds of that; its authority lives three times as long.',
		placeholder: 'duration',
		default: '90d',
		parse: duration('10s', '3650d'),
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

/** `bindAddress` → `bind-address` */
export const flagOf = (name: string): string => name.replaceAll(/[A-Z]/g, letter => `-${letter.toLowerCase()}`);

/** `bindAddress` → `HOSTPORT_BIND_ADDRESS` */
export const variableOf = (name: string): string => `HOSTPORT_${flagOf(name).toUpperCase().replaceAll('-', '_')}`;

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
			throw new ConfigurationError(`${source} ${messageOf(error)}`, {cause: error});
		}
	});
	const config = Object.fromEntries(entries) as Config;
	if (!config.tlsCertFile !== !config.tlsPrivateKeyFile) {
		const [given, missing] = config.tlsCertFile ? ['tls-cert-file', 'tls-private-key-file'] : ['tls-private-key-file', 'tls-cert-file'];
		throw new ConfigurationError(`--${given} is given and --${missing} is not: give both, or neither, and the operator makes a certificate of its own`);
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

/** H: how long a reservation may wait for its Pod. Twice the API server's request timeout, or longer where the administrator says so. */
export const holdMs = ({holdTime, apiRequestTimeout}: Pick<Config, 'holdTime' | 'apiRequestTimeout'>): number =>
	Math.max(holdTime, 2 * apiRequestTimeout);
