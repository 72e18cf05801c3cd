import test from 'ava';
import fc from 'fast-check';
import {warningsAboutNumbers} from '../../src/admission/number-warnings.ts';
import type {Pod} from '../../src/admission/pod.ts';
import type {PortRange} from '../../src/ports/port-range.ts';
import {planFor} from '../helpers/planned.ts';
import {podWith} from '../helpers/pods.ts';

/** The warnings if the Pod gets the numbers from 30558 on. */
const warningsFor = (pod: Pod): string[] => {
	const plan = planFor(pod);
	return warningsAboutNumbers(pod, plan, plan.demand.numbers.map((_, index) => 30_558 + index), []);
};

const ports = [{name: 'grpc', containerPort: 9000}, {name: 'admin', containerPort: 9001}];
const warn = test.macro((t, container: object, ...expected: string[]) => {
	t.deepEqual(warningsFor(podWith({annotations: {'hostport.io/ports': 'grpc'}, containers: [{name: 'server', ports, ...container}]})), expected);
});

// Consecutive numbers

const onThreePorts = (numbers: readonly number[], strategy = 'Sequential'): string[] => {
	const pod = podWith({annotations: {'hostport.io/strategy': strategy}, containers: [{name: 'a', ports: [{containerPort: 1}, {containerPort: 2}, {containerPort: 3}]}]});
	return warningsAboutNumbers(pod, planFor(pod), numbers, []);
};

test('consecutive numbers cause no warning', t => {
	t.deepEqual(onThreePorts([21_700, 21_701, 21_702]), []);
});

test('numbers that are not consecutive cause a warning', t => {
	t.deepEqual(onThreePorts([21_700, 21_705, 21_706]), ['hostport.io: the Pod\'s ports are not consecutive (21700, 21705, 21706): the next number may be another Pod\'s']);
});

test('consecutive numbers in another order than the ports cause a warning', t => {
	t.is(onThreePorts([21_701, 21_700, 21_702]).length, 1);
});

test('random numbers cause no warning', t => {
	t.deepEqual(onThreePorts([21_705, 21_700, 21_710], 'Random'), []);
});

test('a warning about many numbers has at most 120 characters', t => {
	const pod = podWith({containers: [{name: 'a', ports: Array.from({length: 1000}, (_, index) => ({containerPort: index + 1}))}]});
	const [warning = ''] = warningsAboutNumbers(pod, planFor(pod), Array.from({length: 1000}, (_, index) => 10_000 + 2 * index), []);
	t.true(warning.startsWith('hostport.io: the Pod\'s ports are not consecutive (10000, 10002, ') && warning.length <= 120, warning);
});

// NodePorts

const onOnePort = (number: number, nodePorts: readonly PortRange[]): string[] => {
	const pod = podWith();
	return warningsAboutNumbers(pod, planFor(pod), [number], nodePorts);
};

test('a number that a Service may get as NodePort causes a warning', t => {
	const nodePorts = [{first: 30_000, last: 32_767}];
	t.deepEqual([29_999, 30_000, 32_767, 32_768].map(number => onOnePort(number, nodePorts).length), [0, 1, 1, 0]);
	t.is(onOnePort(30_000, nodePorts)[0], 'hostport.io: a Service may get 30000 as its NodePort: a hostport.io/base-port outside 30000-32767 avoids it');
	t.deepEqual(onOnePort(30_558, []), []);
});

test('several NodePorts cause one warning', t => {
	const pod = podWith({containers: [{name: 'a', ports: [{containerPort: 1}, {containerPort: 2}, {containerPort: 3}]}]});
	t.deepEqual(warningsAboutNumbers(pod, planFor(pod), [29_999, 30_000, 30_001], [{first: 30_000, last: 32_767}]).map(warning => /\d{5}/.exec(warning)?.[0]), ['30000']);
});

// Variables in env

const defining = (name: string, value: unknown) => ({env: [{name, value}]});

test('a Pod without variables of its own causes no warning', warn, {});
test('a variable with another number than the Pod has causes a warning', warn, defining('HOSTPORT_GRPC', '30600'), 'HOSTPORT_GRPC of container "server" is "30600", but the port is 30558: remove the variable');
test('a variable that is not a number causes a warning', warn, defining('HOSTPORT_GRPC', ''), 'HOSTPORT_GRPC of container "server" is "", but the port is 30558: remove the variable');
test('a variable with the Pod\'s number causes no warning', warn, defining('HOSTPORT_GRPC', '30558'));
test('a variable that refers to another causes no warning', warn, defining('HOSTPORT_GRPC', '$(GAME_PORT)'));
test('a variable whose value comes from elsewhere causes no warning', warn, {env: [{name: 'HOSTPORT_GRPC', valueFrom: {fieldRef: {fieldPath: 'metadata.annotations[\'hostport.io/allocated-grpc\']'}}}]});
test('a variable of an unmanaged port with another Pod\'s number causes a warning', warn, defining('HOSTPORT_ADMIN', '22101'), 'HOSTPORT_ADMIN of container "server" is "22101", which is not a port of this Pod');
test('a variable of a port that the Pod no longer has causes a warning', warn, defining('HOSTPORT_OLD', '30600'), 'HOSTPORT_OLD of container "server" is "30600", which is not a port of this Pod');
test('a variable of an unmanaged port with its own number causes no warning', warn, defining('HOSTPORT_ADMIN', '9001'));
test('a variable with a number that the Pod has causes no warning', warn, defining('HOSTPORT_GAME', '30558'));
test('other variables cause no warning', warn, {env: [{name: 'HOSTPORT_MODE', value: 'fast'}, {name: 'PORT', value: '30600'}, {name: 'HOSTPORT_HOST_IP', value: '10.0.0.1'}]});

test('variables of init containers count', t => {
	t.deepEqual(warningsFor(podWith({initContainers: [{name: 'init', ...defining('HOSTPORT_GRPC', '1')}]})), ['HOSTPORT_GRPC of container "init" is "1", but the port is 30558: remove the variable']);
});

// Variables from envFrom

const settings = {configMapRef: {name: 'settings'}};

test('envFrom causes a warning that names what it can\'t set', warn, {envFrom: [settings]}, 'envFrom of container "server" can\'t set HOSTPORT_GRPC and 1 more: the operator sets them in env');
test('an envFrom with a prefix of ours causes a warning', warn, {envFrom: [{...settings, prefix: 'HOSTPORT_H'}]}, 'envFrom of container "server" can\'t set HOSTPORT_HOST_IP: the operator sets them in env');
test('an envFrom with another prefix causes no warning', warn, {envFrom: [{...settings, prefix: 'GAME_'}, {...settings, prefix: 'HOSTPORT_GRPC'}]});
test('an envFrom causes no warning about variables that env defines', warn, {envFrom: [settings], env: [{name: 'HOSTPORT_GRPC', value: '30558'}, {name: 'HOSTPORT_HOST_IP', value: 'game.example.com'}]});
test('an empty envFrom causes no warning', warn, {envFrom: []});

test('many variables and many prefixes are compared quickly', t => {
	const many = Array.from({length: 5000}, (_, index) => ({name: `p${index}`, containerPort: index + 1}));
	const envFrom = Array.from({length: 100_000}, (_, index) => ({prefix: `HOSTPORT_${index}`}));
	t.deepEqual(warningsFor(podWith({annotations: {'hostport.io/base-port': '1024'}, containers: [{name: 'hostile', ports: many, envFrom}]})), []);
});

test('warnings are few, and each has at most 120 characters', t => {
	const text = fc.oneof(fc.string(), fc.string({unit: 'binary'}), fc.constant('x'.repeat(100_000)), fc.constant('30600'));
	const variable = fc.record({name: fc.oneof(text, fc.constantFrom('HOSTPORT_GRPC', `HOSTPORT_${'X'.repeat(1000)}`)), value: text});
	fc.assert(fc.property(fc.array(fc.record({name: text, env: fc.array(variable), envFrom: fc.array(fc.record({prefix: text}))}), {maxLength: 9}), containers => {
		const warnings = warningsFor(podWith({initContainers: containers}));
		return warnings.length <= 5 && warnings.every(warning => warning.length <= 120);
	}));
	t.pass();
});
