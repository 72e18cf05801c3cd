/** All options of `hostport-operator serve` in one table. How they are read: read-config.ts. */
import os from 'node:os';
import {dnsLabel, duration, identity, objectName, oneOf, optional, optionalWholeNumber, port, portRanges, portRangesOrNone, urlPath, wholeNumber, wholeSeconds} from './parsers.ts';
import type {Parse} from './parsers.ts';

export type Option<T> = {
	readonly description: string;
	/** Stands for the value in the usage text and the documentation. */
	readonly placeholder: string;
	/** As a user would write it. Undefined if the option may be absent. */
	readonly default?: string;
	/** Replaces `default` in the documentation. */
	readonly defaultDescription?: string;
	readonly repeatable?: true;
	readonly parse: Parse<T>;
};

const option = <T>(definition: Option<T>): Option<T> => definition;

/** In the order of the documentation. */
export const options = {
	kubeconfig: option({
		description: 'File with the credentials for the API server. Default: the Pod\'s service account, else `$KUBECONFIG`, else `~/.kube/config`.',
		placeholder: 'file',
		parse: optional,
	}),
	namespace: option({
		description: 'Namespace of the ledger and the Leases. All replicas must use the same one: replicas in different namespaces allocate the same ports twice.',
		placeholder: 'name',
		default: 'operators',
		parse: dnsLabel('namespace'),
	}),
	identity: option({
		description: 'Name of this replica in the Leases. A random suffix is added, because a restarted process counts as another replica.',
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
		description: 'Port of the webhook, over TLS.',
		placeholder: 'port',
		default: '9443',
		parse: port,
	}),
	webhookPath: option({
		description: 'Path of the webhook, as in the webhook configuration; the webhook answers 404 to every other path. A path that is hard to guess keeps out clients that can reach the webhook\'s port but can\'t read its configuration.',
		placeholder: 'path',
		default: '/mutate-pods',
		parse: urlPath,
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
		description: 'Certificate of the webhook in PEM, followed by its intermediates; read again when it changes. Without it, the operator makes and renews a certificate in the Secret `hostport-operator-webhook-certificate`.',
		placeholder: 'file',
		parse: optional,
	}),
	tlsPrivateKeyFile: option({
		description: 'Private key of that certificate in PEM; read again when it changes.',
		placeholder: 'file',
		parse: optional,
	}),
	clientCaFile: option({
		description: 'CA certificates in PEM, one of which must have signed the certificate of a client of the webhook; read again when it changes. Without it, clients need no certificate. The API server sends one only if its `--admission-control-config-file` says so.',
		placeholder: 'file',
		parse: optional,
	}),
	webhookServiceName: option({
		description: 'Service by which the API server calls the webhook. The operator\'s own certificate is valid for it, and for the hosts in the webhook configuration.',
		placeholder: 'name',
		default: 'hostport-operator-webhook-service',
		parse: dnsLabel('Service'),
	}),
	webhookConfigurationName: option({
		description: 'MutatingWebhookConfiguration whose caBundle the operator updates, if it makes its own certificate.',
		placeholder: 'name',
		default: 'hostport-operator-hostport-mutating-webhook-configuration',
		parse: objectName,
	}),
	certificateLifetime: option({
		description: 'Lifetime of the operator\'s own certificate. It is renewed after two thirds of that. Its authority lives three times as long.',
		placeholder: 'duration',
		default: '90d',
		parse: duration('10s', '3650d'),
	}),
	portRange: option({
		description: 'Port numbers that Pods may get. Repeatable, or several separated by commas. From 32768 on, Linux uses ports for outgoing connections, which may conflict with those of Pods.',
		placeholder: 'first-last',
		default: '1024-32767',
		repeatable: true,
		parse: portRanges,
	}),
	excludePorts: option({
		description: 'Numbers of these ranges that no Pod gets, because programs on the nodes listen on them without declaring it in a Pod. Repeatable, or several separated by commas; `none` for no numbers. The default is the ports of Kubernetes\' own components, of container engines and of widely used node agents (docs/install.md); your value replaces it.',
		placeholder: 'first-last',
		default: '22, 2375-2376, 2379-2381, 4240, 4789, 6443, 8472, 9099-9100, 9879, 9890, 10248-10250, 10255-10260',
		repeatable: true,
		parse: portRangesOrNone,
	}),
	maxPortsPerPod: option({
		description: 'Most port numbers that one Pod may get. A Pod that asks for more is refused. So a Pod that can never be stored does not hold a large part of a range for the hold time.',
		placeholder: 'number',
		default: '128',
		parse: wholeNumber(1, 65_535),
	}),
	nodePortRange: option({
		description: 'The API server\'s `--service-node-port-range`. If you have changed it there, set it here too; `none` if your Services have no NodePorts. A Pod that gets a number of it is warned, and so is the log at start if `--port-range` reaches into it.',
		placeholder: 'first-last',
		default: '30000-32767',
		parse: portRangesOrNone,
	}),
	podSecurityCheck: option({
		description: 'What happens to a Pod whose namespace has the label `pod-security.kubernetes.io/enforce` with a level that forbids host ports. `warn`: the creator is warned, and the API server decides, whose configuration may exempt the Pod. `deny`: the Pod is refused before a port is reserved.',
		placeholder: 'action',
		default: 'warn',
		parse: oneOf('warn', 'deny'),
	}),
	maxHeldPortsPerNamespace: option({
		description: 'Most numbers of one range that a namespace may hold for Pods that are not stored yet or gone (`pending` and `released` in the ledger). A Pod that would exceed it is refused. So a namespace whose Pods are rejected after their admission, by a quota for instance, leaves numbers for the others. The default also bounds what it holds from the default base port on, where most Pods get their numbers; a value of yours is for the whole range.',
		placeholder: 'number',
		defaultDescription: 'a third of the range, and of its part from 30558 on',
		parse: optionalWholeNumber(1, 65_535),
	}),
	leaseDuration: option({
		description: 'How long other replicas wait for one that died during a commit. Whole seconds.',
		placeholder: 'duration',
		default: '3s',
		parse: wholeSeconds,
	}),
	leaseIdle: option({
		description: 'How long a replica keeps the Lease after a commit if no other replica waits for it. A commit within that time needs no write to the Lease.',
		placeholder: 'duration',
		default: '50ms',
		parse: duration('0s'),
	}),
	holdTime: option({
		description: 'How long a reserved port waits for its Pod to be stored, and stays reserved after its Pod is gone. Twice `--api-request-timeout` if that is longer.',
		placeholder: 'duration',
		default: '120s',
		parse: duration('1s'),
	}),
	apiRequestTimeout: option({
		description: 'The API server\'s `--request-timeout`. If you have changed it there, set it here too: it bounds the time between a Pod\'s admission and its storage.',
		placeholder: 'duration',
		default: '60s',
		parse: duration('1s'),
	}),
	shutdownDelay: option({
		description: 'How long a stopping replica keeps serving after it reports that it is not ready, so that requests that are still sent to it are answered.',
		placeholder: 'duration',
		default: '10s',
		parse: duration('0s'),
	}),
	logLevel: option({
		description: 'Lowest level to log: `trace`, `debug`, `info`, `warn`, `error` or `fatal`.',
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

/** The values of all options. Times are in milliseconds, except `leaseDuration` in seconds. */
export type Config = {readonly [Name in keyof typeof options]: ReturnType<(typeof options)[Name]['parse']>};

/** `bindAddress` → `bind-address` */
export const flagOf = (name: string): string => name.replaceAll(/[A-Z]/g, letter => `-${letter.toLowerCase()}`);

/** `bindAddress` → `HOSTPORT_BIND_ADDRESS` */
export const variableOf = (name: string): string => `HOSTPORT_${flagOf(name).toUpperCase().replaceAll('-', '_')}`;
