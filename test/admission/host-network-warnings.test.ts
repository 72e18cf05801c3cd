import test from 'ava';
import fc from 'fast-check';
import {applyPorts} from '../../src/admission/apply-ports.ts';
import {warningsAboutHostNetwork} from '../../src/admission/host-network-warnings.ts';
import type {Pod} from '../../src/admission/pod.ts';
import {planFor} from '../helpers/planned.ts';
import {podWith} from '../helpers/pods.ts';

/** The warnings if the Pod gets the numbers from `first` on. */
const warningsFor = (pod: Pod, first = 30_558): string[] => {
	const plan = planFor(pod);
	const numbers = plan.demand.numbers.map((_, index) => first + index);
	return warningsAboutHostNetwork(pod, applyPorts(pod, plan, numbers), plan, numbers);
};

const ports = [{name: 'http', containerPort: 8080}, {name: 'admin', containerPort: 9000}];
const warn = test.macro((t, container: object, ...expected: string[]) => {
	t.deepEqual(warningsFor(podWith({annotations: {'hostport.io/ports': 'http'}, containers: [{name: 'server', ports, ...container}]})), expected);
});

const inCommand = 'command of container "server" has 8080, but that port is 30558: use $(HOSTPORT_HTTP)';

// Numbers in the command, the arguments and the variables

for (const args of [['--port=8080'], ['--port', '8080'], ['-httpPort', '8080'], ['--listen=:8080'], ['--url=http://localhost:8080/'], ['--bind', '0.0.0.0:8080'], ['serve --listen [::]:8080']]) {
	test(`the arguments ${args.join(' ')} cause a warning`, warn, {args}, inCommand);
}

for (const args of [['--port=$(HOSTPORT_HTTP)'], ['--port=18080'], ['--port=80800'], ['--workers=8080'], ['--upstream=http://db:8080/'], ['export LIMIT=8080'], ['--port=9000'], ['--port=8080-8090'], ['--port=1.8080']]) {
	test(`the arguments ${args.join(' ')} cause no warning`, warn, {args});
}

test('a number in the command causes a warning', warn, {command: ['server', '--port=8080']}, inCommand);
test('a number in a variable causes a warning', warn, {env: [{name: 'SERVER_PORT', value: '8080'}]}, 'SERVER_PORT of container "server" has 8080, but that port is 30558: use $(HOSTPORT_HTTP)');
test('a number in a variable for something else causes no warning', warn, {env: [{name: 'LIMIT', value: '8080'}, {name: 'HOSTPORT_OLD', value: '8080'}, {name: 'PORT', valueFrom: {}}]});
test('one container causes one warning about its numbers', warn, {args: ['--port=8080', '--port=8080'], env: [{name: 'PORT', value: '8080'}]}, inCommand);

const withProxy = (...args: string[]) => podWith({containers: [{name: 'server', ports: [{name: 'http', containerPort: 8080}]}, {name: 'proxy', args}]});

test('another container causes a warning if it calls the port at an address of the Pod', t => {
	t.is(warningsFor(withProxy('--upstream=127.0.0.1:8080')).length, 1);
	t.deepEqual(warningsFor(withProxy('--port=8080')), []);
});

test('a port that keeps its number causes no warning', t => {
	t.deepEqual(warningsFor(podWith({containers: [{name: 'server', args: ['--port=8080'], ports: [{name: 'http', containerPort: 8080}]}]}), 8080), []);
});

test('on the Pod network nothing causes a warning', t => {
	t.deepEqual(warningsFor(podWith({
		annotations: {'hostport.io/host-network': 'false', 'prometheus.io/port': '8080', 'linkerd.io/inject': 'enabled'},
		containers: [{name: 'server', ports, args: ['--port=8080', '$HOSTNAME'], livenessProbe: {tcpSocket: {port: 1}}}],
	})), []);
});

// Annotations

test('an annotation with the old number causes a warning', t => {
	t.deepEqual(warningsFor(podWith({annotations: {'hostport.io/ports': 'http', 'prometheus.io/port': '8080', 'prometheus.io/scrape': 'true', 'example.com/admin-port': '9000', 'example.com/limit': '8080'}, containers: [{name: 'server', ports}]})), ['annotation prometheus.io/port is "8080", but that port is 30558']);
});

// Probes and hooks

const calls = (field: string, port: number) => `${field} of container "server" calls ${port}, which the Pod does not declare: any program may answer`;
test('a probe of a number that the Pod does not declare causes a warning', warn, {livenessProbe: {httpGet: {port: 8081}}}, calls('livenessProbe', 8081));
test('a hook that calls a number that the Pod does not declare causes a warning', warn, {lifecycle: {preStop: {tcpSocket: {port: 8081, host: 'localhost'}}}}, calls('preStop', 8081));
test('a gRPC probe counts', warn, {startupProbe: {grpc: {port: 8081}}}, calls('startupProbe', 8081));
test('probes of declared ports, of names and of other hosts cause no warning', warn, {
	livenessProbe: {httpGet: {port: 8080}},
	readinessProbe: {tcpSocket: {port: 9000}},
	startupProbe: {httpGet: {port: 'http'}},
	lifecycle: {postStart: {httpGet: {port: 8081, host: 'db'}}, preStop: {}},
});

// The host name and sidecars

for (const text of ['ordinal=${HOSTNAME##*-}', 'echo $HOSTNAME', 'id=$(hostname -s)', 'id=`hostname`']) {
	test(`${text} causes a warning`, warn, {command: ['sh', '-c', text]}, 'container "server" uses its host name, which is the node\'s on the host network: use metadata.name');
}

test('a variable HOSTNAME that the user defines causes no warning', warn, {args: ['echo $HOSTNAME'], env: [{name: 'HOSTNAME', valueFrom: {fieldRef: {fieldPath: 'metadata.name'}}}]});

test('an option about host names causes no warning', warn, {args: ['--hostname=example.com', '$HOSTNAME_SUFFIX']});

test('a sidecar of a service mesh causes a warning', t => {
	const effect = 'has no effect: a service mesh adds no sidecar to a Pod on the host network';
	t.deepEqual(warningsFor(podWith({metadata: {labels: {'sidecar.istio.io/inject': 'true'}}})), [`sidecar.istio.io/inject ${effect}`]);
	t.deepEqual(warningsFor(podWith({annotations: {'linkerd.io/inject': 'enabled', 'sidecar.istio.io/inject': 'false'}})), [`linkerd.io/inject ${effect}`]);
	t.deepEqual(warningsFor(podWith({annotations: {'linkerd.io/inject': 'disabled'}})), []);
});

test('warnings are few, and each has at most 120 characters', t => {
	const text = fc.oneof(fc.string({unit: 'binary'}), fc.constantFrom('--port=8080', '$HOSTNAME', 'x'.repeat(100_000)));
	fc.assert(fc.property(fc.array(fc.record({name: text, args: fc.array(text), env: fc.array(fc.record({name: text, value: text}))}), {minLength: 1, maxLength: 9}), fc.dictionary(text, fc.constantFrom('8080', '')), (containers, annotations) => {
		const warnings = warningsFor(podWith({annotations, containers: containers.map((container, index) =>
			({...container, ports: [{name: `p${index}`, containerPort: 8080}], livenessProbe: {tcpSocket: {port: 1}}}))}));
		return warnings.length <= 5 && warnings.every(warning => warning.length <= 120);
	}));
	t.pass();
});
