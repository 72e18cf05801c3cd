import test from 'ava';
import {strategicMerge} from '../../../harness/embedded-control-plane/api/strategic-merge.ts';

const pod = {spec: {containers: [{name: 'a', image: 'one', ports: [{containerPort: 1}]}, {name: 'b', image: 'one'}], tolerations: [{key: 'x'}]}};

test('lists with a merge key are merged, others are replaced', t => {
	const patch = {spec: {$setElementOrder: 'ignored', '$setElementOrder/containers': [{name: 'a'}, {name: 'b'}], containers: [{name: 'a', image: 'two', ports: [{containerPort: 2}]}], tolerations: [{key: 'y'}]}};
	t.deepEqual(strategicMerge(pod, patch), {spec: {containers: [{name: 'a', image: 'two', ports: [{containerPort: 1}, {containerPort: 2}]}, {name: 'b', image: 'one'}], tolerations: [{key: 'y'}]}});
	t.is(pod.spec.containers[0]?.image, 'one', 'the target stays as it is');
});

test('an item is deleted by $patch, and null removes a member', t => {
	t.deepEqual(strategicMerge(pod, {spec: {containers: [{name: 'a', $patch: 'delete'}], tolerations: null}}), {spec: {containers: [{name: 'b', image: 'one'}]}});
});

test('$patch: replace replaces a list or an object', t => {
	t.deepEqual(strategicMerge(pod, {spec: {containers: [{name: 'c'}, {$patch: 'replace'}]}}), {spec: {...pod.spec, containers: [{name: 'c'}]}});
	t.deepEqual(strategicMerge({data: {a: '1'}}, {data: {$patch: 'replace', b: '2'}}), {data: {b: '2'}});
});

test('values are deleted from a list of texts', t => {
	t.deepEqual(strategicMerge({metadata: {finalizers: ['a', 'b']}}, {metadata: {'$deleteFromPrimitiveList/finalizers': ['a']}}), {metadata: {finalizers: ['b']}});
});
