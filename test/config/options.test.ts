import {readFileSync} from 'node:fs';
import os from 'node:os';
import test from 'ava';
import fc from 'fast-check';
import {renderConfigurationPage} from '../../scripts/docs/configuration-page.ts';
import {options} from '../../src/config/options.ts';
import type {Config} from '../../src/config/options.ts';
import {holdMs, readConfig} from '../../src/config/read-config.ts';
import {renderUsage} from '../../src/config/usage.ts';
import {ConfigurationError} from '../../src/errors.ts';
import {rangeContaining} from '../../src/ports/port-range.ts';

const read = (args: readonly string[] = [], environment: Record<string, string> = {}): Config => readConfig(args, environment);

test('without flags and variables, the defaults count', t => {
	t.deepEqual(read(), {
		kubeconfig: undefined,
		namespace: 'operators',
		identity: os.hostname(),
		bindAddress: undefined,
		webhookPort: 9443,
		webhookPath: '/mutate-pods',
		healthPort: 8081,
		metricsPort: 8080,
		tlsCertFile: undefined,
		tlsPrivateKeyFile: undefined,
		clientCaFile: undefined,
		webhookServiceName: 'hostport-operator-webhook-service',
		webhookConfigurationName: 'hostport-operator-hostport-mutating-webhook-configuration',
		certificateLifetime: 90 * 86_400_000,
		portRange: [{first: 1024, last: 32_767}],
		excludePorts: [
			{first: 22, last: 22}, {first: 2375, last: 2376}, {first: 2379, last: 2381}, {first: 4240, last: 4240}, {first: 4789, last: 4789}, {first: 6443, last: 6443},
			{first: 8472, last: 8472}, {first: 9099, last: 9100}, {first: 9879, last: 9879}, {first: 9890, last: 9890}, {first: 10_248, last: 10_250}, {first: 10_255, last: 10_260},
		],
		maxPortsPerPod: 128,
		nodePortRange: [{first: 30_000, last: 32_767}],
		podSecurityCheck: 'warn',
		maxHeldPortsPerNamespace: undefined,
		leaseDuration: 3,
		leaseIdle: 50,
		holdTime: 120_000,
		apiRequestTimeout: 60_000,
		shutdownDelay: 10_000,
		logLevel: 'info',
		logFormat: 'auto',
	});
});

test('the configuration is frozen', t => {
	t.true(Object.isFrozen(read()));
});

const good: {readonly [Name in keyof Config]: readonly [flag: string, text: string, value: Config[Name]]} = {
	kubeconfig: ['kubeconfig', '/etc/kubeconfig', '/etc/kubeconfig'],
	namespace: ['namespace', 'host-ports', 'host-ports'],
	identity: ['identity', 'Replica_1.example', 'Replica_1.example'],
	bindAddress: ['bind-address', '::1', '::1'],
	webhookPort: ['webhook-port', '0', 0],
	webhookPath: ['webhook-path', '/hooks/v1.pods/k3-x', '/hooks/v1.pods/k3-x'],
	healthPort: ['health-port', '65535', 65_535],
	metricsPort: ['metrics-port', '9090', 9090],
	tlsCertFile: ['tls-cert-file', 'a.crt', 'a.crt'],
	tlsPrivateKeyFile: ['tls-private-key-file', 'a.key', 'a.key'],
	clientCaFile: ['client-ca-file', 'ca.crt', 'ca.crt'],
	webhookServiceName: ['webhook-service-name', 'hooks', 'hooks'],
	webhookConfigurationName: ['webhook-configuration-name', 'hooks.example', 'hooks.example'],
	certificateLifetime: ['certificate-lifetime', '24h', 86_400_000],
	portRange: ['port-range', '30000-30999', [{first: 30_000, last: 30_999}]],
	excludePorts: ['exclude-ports', '2000-2010,8080', [{first: 2000, last: 2010}, {first: 8080, last: 8080}]],
	maxPortsPerPod: ['max-ports-per-pod', '2000', 2000],
	nodePortRange: ['node-port-range', 'none', []],
	podSecurityCheck: ['pod-security-check', 'deny', 'deny'],
	maxHeldPortsPerNamespace: ['max-held-ports-per-namespace', '5000', 5000],
	leaseDuration: ['lease-duration', '2m', 120],
	leaseIdle: ['lease-idle', '0ms', 0],
	holdTime: ['hold-time', '1500ms', 1500],
	apiRequestTimeout: ['api-request-timeout', '34s', 34_000],
	shutdownDelay: ['shutdown-delay', '1440m', 86_400_000],
	logLevel: ['log-level', 'trace', 'trace'],
	logFormat: ['log-format', 'pretty', 'pretty'],
};

for (const [name, [flag, text, value]] of Object.entries(good)) {
	const variable = `HOSTPORT_${flag.toUpperCase().replaceAll('-', '_')}`;
	const valueOf = (config: Config) => config[name as keyof Config];
	// Certificate and key must be given together.
	const others = flag.startsWith('tls-') ? ['--tls-cert-file', 'a.crt', '--tls-private-key-file', 'a.key'] : [];

	test(`--${flag} is read`, t => {
		t.deepEqual(valueOf(read([...others, `--${flag}`, text])), value);
		t.deepEqual(valueOf(read([...others, `--${flag}=${text}`])), value);
	});

	test(`${variable} is read if there is no flag`, t => {
		const args = others.filter((_, index) => others[index - index % 2] !== `--${flag}`);
		t.deepEqual(valueOf(read(args, {[variable]: text})), value);
		t.deepEqual(valueOf(read([...others, `--${flag}`, text], {[variable]: 'nonsense!'})), value);
	});
}

test('an empty variable counts as none', t => {
	t.deepEqual(read([], Object.fromEntries(Object.values(good).map(([flag]) => [`HOSTPORT_${flag.toUpperCase().replaceAll('-', '_')}`, '']))), read());
});

test('the last of several values of a flag counts', t => {
	t.is(read(['--namespace', 'former', '--namespace', 'latter']).namespace, 'latter');
});

test('ranges from repeated flags, commas and a variable are merged', t => {
	const ranges = [{first: 1024, last: 2047}, {first: 30_000, last: 30_999}];
	t.deepEqual(read(['--port-range', '30500-30999', '--port-range', '1024-2047', '--port-range', '30000-30499']).portRange, ranges);
	t.deepEqual(read(['--port-range', '30000-30999,1024-2047']).portRange, ranges);
	t.deepEqual(read([], {HOSTPORT_PORT_RANGE: '1024-2047, 30000-30999'}).portRange, ranges);
	t.deepEqual(read(['--port-range', '8080'], {HOSTPORT_PORT_RANGE: '1024-2047'}).portRange, [{first: 8080, last: 8080}]);
});

/** Invalid values of each option that has some. */
const bad: Readonly<Record<string, {readonly values: readonly string[]; readonly rule: string}>> = {
	'namespace': {values: ['', 'Operators', '-a', 'a-', 'a/b', 'a.b', 'x'.repeat(64)], rule: 'it must be the name of a namespace, at most 63 lower case letters, digits and "-"'},
	'identity': {values: ['', 'a,b', 'a b', 'ä', 'x'.repeat(201)], rule: 'it must be 1 to 200 letters, digits, ".", "-" and "_"'},
	'webhook-port': {values: ['', '-1', '65536', '1.5', '0x50', 'http', ' 80', '1e3'], rule: 'it must be a whole number from 0 to 65535 (0: any free port)'},
	'webhook-path': {values: ['', '/', 'mutate-pods', '/a/', '//a', '/a//b', '/A', '/a_b', '/-a', '/a?b', '/a%20b', '/:id', '/*', `/${'x'.repeat(253)}`], rule: 'it must be a path such as /mutate-pods, at most 253 lower case letters, digits, "-", "." and "/"'},
	'health-port': {values: ['', '-1', '65536', '1.5', '0x50', 'http', ' 80', '1e3'], rule: 'it must be a whole number from 0 to 65535 (0: any free port)'},
	'max-ports-per-pod': {values: ['', '0', '-1', '1.5', '65536', '1e3', ' 5', '99999999999'], rule: 'it must be a whole number from 1 to 65535'},
	'lease-duration': {values: ['', '3', '0s', '999ms', '-3s', '25h', '1.5s', '3 s', '1441m', '99999999999999999999m'], rule: 'it must be a duration such as 500ms, 3s, 2m, 12h or 90d, from 1s to 24h'},
	'lease-idle': {values: ['', '0', '-1s', '25h', '1441m'], rule: 'it must be a duration such as 500ms, 3s, 2m, 12h or 90d, from 0s to 24h'},
	'hold-time': {values: ['', '120', '0s', '1441m'], rule: 'it must be a duration such as 500ms, 3s, 2m, 12h or 90d, from 1s to 24h'},
	'api-request-timeout': {values: ['', '60', '0s', '1441m'], rule: 'it must be a duration such as 500ms, 3s, 2m, 12h or 90d, from 1s to 24h'},
	'shutdown-delay': {values: ['', '10', 'never', '1441m'], rule: 'it must be a duration such as 500ms, 3s, 2m, 12h or 90d, from 0s to 24h'},
	'webhook-service-name': {values: ['', 'Hooks', 'a.b'], rule: 'it must be the name of a Service, at most 63 lower case letters, digits and "-"'},
	'webhook-configuration-name': {values: ['', 'Hooks', 'a..b', 'a/b', 'x'.repeat(254)], rule: 'it must be the name of an object, at most 253 lower case letters, digits, "-" and "."'},
	'certificate-lifetime': {values: ['', '9s', '3651d', '1y'], rule: 'it must be a duration such as 500ms, 3s, 2m, 12h or 90d, from 10s to 3650d'},
	'pod-security-check': {values: ['', 'Warn', 'off'], rule: 'it must be one of warn, deny'},
	'log-level': {values: ['', 'Info', 'verbose', 'constructor'], rule: 'it must be one of trace, debug, info, warn, error, fatal'},
	'log-format': {values: ['', 'text', 'JSON'], rule: 'it must be one of auto, json, pretty'},
};

const isRejected = test.macro((t, args: readonly string[], environment: Record<string, string>, message: string) => {
	t.is(t.throws(() => read(args, environment), {instanceOf: ConfigurationError}).message, message);
});

for (const [flag, {values, rule}] of Object.entries(bad)) {
	const variable = `HOSTPORT_${flag.toUpperCase().replaceAll('-', '_')}`;
	for (const value of values) {
		test(`--${flag} can't be "${value}"`, isRejected, [`--${flag}=${value}`], {}, `--${flag} is "${value}": ${rule}`);
		if (value) {
			test(`${variable} can't be "${value}"`, isRejected, [], {[variable]: value}, `${variable} is "${value}": ${rule}`);
		}
	}
}

test('a Lease duration must be whole seconds', isRejected, ['--lease-duration', '1500ms'], {}, '--lease-duration is "1500ms": it must be a duration in whole seconds, such as 3s, because a Lease counts in seconds');

for (const range of ['', '0-10', '2-1', 'all']) {
	const rule = 'is not a port range: write it as first-last with whole numbers from 1 to 65535, for instance 30000-32767';
	test(`--port-range can't be "${range}"`, isRejected, [`--port-range=${range}`], {}, `--port-range "${range}" ${rule}`);
	test(`one of several ranges can't be "${range}"`, isRejected, [], {HOSTPORT_PORT_RANGE: `1024-2047,${range}`}, `HOSTPORT_PORT_RANGE "${range}" ${rule}`);
}

test('numbers can be excluded, or none', t => {
	t.deepEqual(read(['--exclude-ports', '22,2000-2002', '--exclude-ports', '2003']).excludePorts, [{first: 22, last: 22}, {first: 2000, last: 2003}]);
	t.deepEqual(read(['--exclude-ports', 'none']).excludePorts, []);
	t.deepEqual(read([], {HOSTPORT_EXCLUDE_PORTS: ' none'}).excludePorts, []);
});

test('excluded numbers that are no ranges are rejected', isRejected, ['--exclude-ports', 'none,22'], {}, '--exclude-ports "none" is not a port range: write it as first-last with whole numbers from 1 to 65535, for instance 30000-32767');

/** Every port that Kubernetes' source (pkg/cluster/ports/ports.go) and its page "Ports and Protocols" name, apart from NodePorts. */
const ofKubernetes = [2379, 2380, 6443, 10_248, 10_249, 10_250, 10_255, 10_256, 10_257, 10_258, 10_259, 10_260];

test('the ports of Kubernetes\' own components are excluded by default', t => {
	const {excludePorts} = read();
	t.deepEqual(ofKubernetes.filter(port => !rangeContaining(excludePorts, port)), []);
});

test('a certificate without its key, or the reverse, is rejected', t => {
	for (const [given, missing] of [['tls-cert-file', 'tls-private-key-file'], ['tls-private-key-file', 'tls-cert-file']]) {
		t.is(t.throws(() => read([`--${given}`, 'x', `--${missing}=`]), {instanceOf: ConfigurationError}).message,
			`--${given} is given and --${missing} is not: give both, or neither to let the operator make a certificate`);
	}
});

const help = '"hostport-operator help" lists the flags';
test('an unknown flag is rejected', isRejected, ['--port-ranges', '1-2'], {}, `Unknown option '--port-ranges'. ${help}`);
test('a short flag is rejected', isRejected, ['-n'], {}, `Unknown option '-n'. ${help}`);
test('an argument that belongs to no flag is rejected', isRejected, ['now'], {}, `Unexpected argument 'now'. This command does not take positional arguments. ${help}`);
test('a flag without a value is rejected', isRejected, ['--namespace'], {}, `Option '--namespace <value>' argument missing. ${help}`);
test('a flag in place of a value is rejected', isRejected, ['--namespace', '--identity', 'a'], {}, `Option '--namespace' argument is ambiguous. ${help}`);

test('any arguments give a configuration or a ConfigurationError', t => {
	const text = fc.oneof(fc.string(), fc.constantFrom('--namespace', '--port-range=1-2', '--', '-', '--lease-duration', '3s', '--webhook-port=x'));
	const variables = fc.dictionary(fc.constantFrom('HOSTPORT_PORT_RANGE', 'HOSTPORT_LEASE_IDLE', 'HOSTPORT_LOG_LEVEL', 'HOSTPORT_NAMESPACE'), fc.string());
	fc.assert(fc.property(fc.array(text, {maxLength: 5}), variables, (args, environment) => {
		try {
			return read(args, environment).portRange.length > 0;
		} catch (error) {
			return error instanceof ConfigurationError && !error.message.includes('undefined');
		}
	}));
	t.pass();
});

test('the hold time is at least twice the API server\'s request timeout', t => {
	t.is(holdMs(read()), 120_000);
	t.is(holdMs(read(['--hold-time', '10s'])), 120_000);
	t.is(holdMs(read(['--hold-time', '5m'])), 300_000);
	t.is(holdMs(read(['--api-request-timeout', '5m'])), 600_000);
});

test('docs/configuration.md is up to date', t => {
	const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
	t.is(page, renderConfigurationPage(), 'Run `npm run docs` and commit the result.');
});

test('the page and the usage list every option', t => {
	for (const [name, [flag]] of Object.entries(good)) {
		t.true(name in options);
		t.true(renderConfigurationPage().includes(`| \`--${flag} `));
		t.true(renderUsage().includes(`\n  --${flag} `) || renderUsage().startsWith(`  --${flag} `));
	}

	t.is(Object.keys(options).length, Object.keys(good).length);
});

test('the host name of the machine is neither on the page nor in the usage', t => {
	t.false(renderConfigurationPage().includes(`\`${os.hostname()}\``));
	t.false(renderUsage().includes(`default: ${os.hostname()}`));
});

test('no cell contains a column separator', t => {
	const rows = renderConfigurationPage().split('\n').filter(line => line.startsWith('|'));
	t.true(rows.every(row => row.split('|').length === 6));
});

test('the usage fits a terminal with 100 columns and contains every word', t => {
	const lines = renderUsage().split('\n');
	t.true(lines.every(line => line.length <= 100 && line === line.trimEnd()));
	t.true(lines.some(line => line.length > 95), 'It uses the full width.');
	const words = new Set(renderUsage().split(/\s+/));
	for (const {description} of Object.values(options)) {
		t.deepEqual(description.replaceAll('`', '').split(' ').filter(word => !words.has(word)), []);
	}
});
