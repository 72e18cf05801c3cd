import test from 'ava';
import fc from 'fast-check';
import {decodePod} from '../../src/admission/pod.ts';
import {decodeReview} from '../../src/admission/review.ts';
import {DenialError} from '../../src/errors.ts';
import {denialOf} from '../helpers/denials.ts';
import {replicaSetReview, statefulSetReview} from '../helpers/fixtures.ts';

const pod = (changes: object = {}) => ({metadata: {}, spec: {containers: []}, ...changes});
const podWithContainer = (changes: object) => pod({spec: {containers: [{name: 'app', ...changes}]}});
const podWithPort = (port: unknown) => podWithContainer({ports: [{containerPort: 80}, port]});

test('decoding returns the object that the API server sent', t => {
	for (const review of [statefulSetReview(), replicaSetReview()]) {
		const {object} = decodeReview(review);
		t.is<unknown, unknown>(decodePod(object), object);
	}
});

test('unknown members are kept, whatever their names', t => {
	const object = JSON.parse('{"metadata": {"__proto__": {"annotations": 7}, "constructor": 7}, "spec": {"containers": [], "new": 1}, "status": {}}') as unknown;
	t.is(JSON.stringify(decodePod(object)), '{"metadata":{"__proto__":{"annotations":7},"constructor":7},"spec":{"containers":[],"new":1},"status":{}}');
});

test('null counts as absent wherever Kubernetes writes it', t => {
	t.notThrows(() => decodePod({
		metadata: {name: null, generateName: null, labels: null, annotations: null, ownerReferences: null},
		spec: {hostNetwork: null, dnsPolicy: null, containers: null, initContainers: null},
	}));
	t.notThrows(() => decodePod(podWithContainer({ports: null, env: null, livenessProbe: null, readinessProbe: null, startupProbe: null, lifecycle: null, restartPolicy: null})));
	t.notThrows(() => decodePod(podWithPort({name: null, containerPort: 80, hostPort: null, protocol: null})));
	t.notThrows(() => decodePod(podWithContainer({livenessProbe: {httpGet: null, tcpSocket: null, grpc: null}, lifecycle: {postStart: null, preStop: null}})));
});

const isDenied = test.macro((t, object: unknown, message: string) => {
	t.is(denialOf(t, 400, () => decodePod(object)), message);
});

const hostilePods: ReadonlyArray<readonly [title: string, object: unknown, message: string]> = [
	['is nothing', undefined, 'The Pod is missing'],
	['is null', null, 'The Pod is null, but must be an object'],
	['is a number', 7, 'The Pod is 7, but must be an object'],
	['is an array', [], 'The Pod is an array, but must be an object'],
	['has no metadata', {spec: {}}, 'The Pod\'s metadata is missing'],
	['has an array for metadata', pod({metadata: []}), 'The Pod\'s metadata is an array, but must be an object'],
	['has its metadata in the prototype only', JSON.parse('{"__proto__": {"metadata": {}}, "spec": {}}'), 'The Pod\'s metadata is missing'],
	['has a number for a name', pod({metadata: {name: 7}}), 'The Pod\'s metadata.name is 7, but must be a string'],
	['has a string for annotations', pod({metadata: {annotations: 'x'}}), 'The Pod\'s metadata.annotations is "x", but must be an object'],
	['has an array for annotations', pod({metadata: {annotations: ['x']}}), 'The Pod\'s metadata.annotations is an array, but must be an object'],
	['has a boolean for an annotation', pod({metadata: {annotations: {'hostport.io/enabled': true}}}), 'The Pod\'s metadata.annotations["hostport.io/enabled"] is true, but must be a string'],
	['has a huge name for a wrong annotation', pod({metadata: {annotations: {['x'.repeat(1_000_000)]: 1}}}), `The Pod's metadata.annotations["${'x'.repeat(59)}…"] is 1, but must be a string`],
	['has an object for a label', pod({metadata: {labels: {app: {}}}}), 'The Pod\'s metadata.labels.app is an object, but must be a string'],
	['has an owner without a kind', pod({metadata: {ownerReferences: [{name: 'x'}]}}), 'The Pod\'s metadata.ownerReferences[0].kind is missing'],
	['has a string for controller', pod({metadata: {ownerReferences: [{kind: 'x', name: 'x', controller: 'true'}]}}), 'The Pod\'s metadata.ownerReferences[0].controller is "true", but must be true or false'],
	['has no spec', {metadata: {}}, 'The Pod\'s spec is missing'],
	['has a string for hostNetwork', pod({spec: {hostNetwork: 'true'}}), 'The Pod\'s spec.hostNetwork is "true", but must be true or false'],
	['has a number for dnsPolicy', pod({spec: {dnsPolicy: 1}}), 'The Pod\'s spec.dnsPolicy is 1, but must be a string'],
	['has an object for containers', pod({spec: {containers: {}}}), 'The Pod\'s spec.containers is an object, but must be an array'],
	['has null for a container', pod({spec: {containers: [null]}}), 'The Pod\'s spec.containers[0] is null, but must be an object'],
	['has a container without a name', pod({spec: {containers: [{}]}}), 'The Pod\'s spec.containers[0].name is missing'],
	['has a wrong init container', pod({spec: {initContainers: [{name: 'a'}, 7]}}), 'The Pod\'s spec.initContainers[1] is 7, but must be an object'],
	['has a number for ports', podWithContainer({ports: 80}), 'The Pod\'s spec.containers[0].ports is 80, but must be an array'],
	['has null for a port', podWithPort(null), 'The Pod\'s spec.containers[0].ports[1] is null, but must be an object'],
	['has a port without a number', podWithPort({name: 'http'}), 'The Pod\'s spec.containers[0].ports[1].containerPort is missing'],
	['has a word for a containerPort', podWithPort({containerPort: 'http'}), 'The Pod\'s spec.containers[0].ports[1].containerPort is "http", but must be a whole number from 1 to 65535'],
	['has the containerPort 0', podWithPort({containerPort: 0}), 'The Pod\'s spec.containers[0].ports[1].containerPort is 0, but must be a whole number from 1 to 65535'],
	['has the containerPort 65536', podWithPort({containerPort: 65_536}), 'The Pod\'s spec.containers[0].ports[1].containerPort is 65536, but must be a whole number from 1 to 65535'],
	['has half a containerPort', podWithPort({containerPort: 80.5}), 'The Pod\'s spec.containers[0].ports[1].containerPort is 80.5, but must be a whole number from 1 to 65535'],
	['has a negative hostPort', podWithPort({containerPort: 80, hostPort: -1}), 'The Pod\'s spec.containers[0].ports[1].hostPort is -1, but must be a whole number from 0 to 65535'],
	['has an unknown protocol', podWithPort({containerPort: 80, protocol: 'tcp'}), 'The Pod\'s spec.containers[0].ports[1].protocol is "tcp", but must be TCP, UDP or SCTP'],
	['has a huge name for a port', podWithPort({containerPort: 80, name: 'x'.repeat(1_000_000)}), `The Pod's spec.containers[0].ports[1].name is "${'x'.repeat(59)}…", but must be at most 53 letters, digits and hyphens, and begin and end with a letter or digit`],
	['has a port name with a slash', podWithPort({containerPort: 80, name: 'a/b'}), 'The Pod\'s spec.containers[0].ports[1].name is "a/b", but must be at most 53 letters, digits and hyphens, and begin and end with a letter or digit'],
	['has a port called __proto__', podWithPort({containerPort: 80, name: '__proto__'}), 'The Pod\'s spec.containers[0].ports[1].name is "__proto__", but must be at most 53 letters, digits and hyphens, and begin and end with a letter or digit'],
	['has an object for env', podWithContainer({env: {}}), 'The Pod\'s spec.containers[0].env is an object, but must be an array'],
	['has a variable without a name', podWithContainer({env: [{value: '1'}]}), 'The Pod\'s spec.containers[0].env[0].name is missing'],
	['has a number for a variable\'s value', podWithContainer({env: [{name: 'A', value: 1}]}), 'The Pod\'s spec.containers[0].env[0].value is 1, but must be a string'],
	['has a boolean for a probe\'s port', podWithContainer({livenessProbe: {httpGet: {port: true}}}), 'The Pod\'s spec.containers[0].livenessProbe.httpGet.port is true, but must be a port number or the name of a port'],
	['has a probe without a port', podWithContainer({readinessProbe: {tcpSocket: {}}}), 'The Pod\'s spec.containers[0].readinessProbe.tcpSocket.port is missing'],
	['has a name for the port of a grpc probe', podWithContainer({startupProbe: {grpc: {port: 'grpc'}}}), 'The Pod\'s spec.containers[0].startupProbe.grpc.port is "grpc", but must be a whole number from 1 to 65535'],
	['has an array for a lifecycle', podWithContainer({lifecycle: []}), 'The Pod\'s spec.containers[0].lifecycle is an array, but must be an object'],
	['has a number for a hook\'s host', podWithContainer({lifecycle: {preStop: {httpGet: {port: 1, host: 1}}}}), 'The Pod\'s spec.containers[0].lifecycle.preStop.httpGet.host is 1, but must be a string'],
];

for (const [title, object, message] of hostilePods) {
	test(`a Pod that ${title} is denied`, isDenied, object, message);
}

test('a Pod that is nested too deeply for JSON.stringify is denied', t => {
	const deep = JSON.parse(`${'[{"a":'.repeat(50_000)}1${'}]'.repeat(50_000)}`) as unknown;
	for (const object of [podWithContainer({env: [{name: 'A', valueFrom: deep}]}), pod({status: deep})]) {
		t.regex(denialOf(t, 400, () => decodePod(object)), /^The Pod is nested more than 50 levels deep/);
	}
});

test('any JSON is a Pod or is denied in a short sentence, and never changes', t => {
	const anyPod = fc.record({
		metadata: fc.oneof(fc.jsonValue(), fc.dictionary(fc.constantFrom('name', 'labels', 'annotations', 'ownerReferences'), fc.jsonValue())),
		spec: fc.oneof(fc.jsonValue(), fc.dictionary(fc.constantFrom('containers', 'initContainers', 'hostNetwork'), fc.oneof(fc.jsonValue(), fc.array(fc.dictionary(fc.constantFrom('name', 'ports', 'env', 'lifecycle'), fc.jsonValue()))))),
	});
	fc.assert(fc.property(fc.oneof(fc.jsonValue(), anyPod), value => {
		const before = JSON.stringify(value);
		try {
			return decodePod(value) === value && JSON.stringify(value) === before;
		} catch (error) {
			return error instanceof DenialError && error.code === 400 && error.message.length < 800 && JSON.stringify(value) === before;
		}
	}));
	t.pass();
});
