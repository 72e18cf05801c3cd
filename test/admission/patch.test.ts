import test from 'ava';
import {patchBetween} from '../../src/admission/patch.ts';
import {applyPatch} from '../helpers/json-patch.ts';
import {podWith} from '../helpers/pods.ts';

test('an unchanged Pod has an empty patch', t => {
	const pod = podWith();
	t.deepEqual(patchBetween(pod, pod), []);
	t.deepEqual(patchBetween(pod, {...pod, metadata: {...pod.metadata}, spec: {...pod.spec}}), []);
});

test('each changed member is one operation', t => {
	const [container] = podWith().spec.containers ?? [];
	const before = podWith({initContainers: [{name: 'first'}, {name: 'second'}]});
	const after = {
		...before,
		metadata: {...before.metadata, labels: {a: 'b'}, annotations: {}},
		spec: {
			...before.spec,
			hostNetwork: true,
			dnsPolicy: 'Default',
			containers: [{name: 'app', ...container, ports: [], env: [], livenessProbe: {}, readinessProbe: {}, startupProbe: {}, lifecycle: {}}],
			initContainers: [...before.spec.initContainers?.slice(0, 1) ?? [], {name: 'second', env: [{name: 'A'}]}],
		},
	};
	const patch = patchBetween(before, after);
	t.deepEqual(patch, [
		{op: 'add', path: '/metadata/labels', value: {a: 'b'}},
		{op: 'add', path: '/metadata/annotations', value: {}},
		{op: 'add', path: '/spec/hostNetwork', value: true},
		{op: 'add', path: '/spec/dnsPolicy', value: 'Default'},
		{op: 'add', path: '/spec/containers/0/ports', value: []},
		{op: 'add', path: '/spec/containers/0/env', value: []},
		{op: 'add', path: '/spec/containers/0/livenessProbe', value: {}},
		{op: 'add', path: '/spec/containers/0/readinessProbe', value: {}},
		{op: 'add', path: '/spec/containers/0/startupProbe', value: {}},
		{op: 'add', path: '/spec/containers/0/lifecycle', value: {}},
		{op: 'add', path: '/spec/initContainers/1/env', value: [{name: 'A'}]},
	]);
	t.deepEqual<unknown, unknown>(applyPatch(before, patch), after);
});

test('a Pod without containers can be patched', t => {
	const pod = podWith({spec: {containers: null}});
	t.deepEqual(patchBetween(pod, {...pod, spec: {...pod.spec, hostNetwork: true}}), [{op: 'add', path: '/spec/hostNetwork', value: true}]);
});
