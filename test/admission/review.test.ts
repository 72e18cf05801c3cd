import test from 'ava';
import fc from 'fast-check';
import {allowed, decodeReview, denied, errored, patched} from '../../src/admission/review.ts';
import {BadReviewError, DenialError} from '../../src/errors.ts';
import {replicaSetReview, statefulSetReview} from '../helpers/fixtures.ts';

const request = {uid: 'a7c3', namespace: 'game', name: 'server-0', operation: 'CREATE', kind: {group: '', version: 'v1', kind: 'Pod'}, object: {}};
const review = (changes: object = {}, body: object = {}) => ({apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request: {...request, ...changes}, ...body});

test('a review of a StatefulSet\'s Pod is decoded', t => {
	const {object, ...decoded} = decodeReview(statefulSetReview());
	t.deepEqual(decoded, {
		uid: '8d6f4a0e-6f0a-4b8e-9f0e-3a1f7f6f2b10',
		namespace: 'game',
		name: 'game-server-2',
		dryRun: false,
		operation: 'CREATE',
		kind: {group: '', version: 'v1', kind: 'Pod'},
	});
	t.like(object, {metadata: {name: 'game-server-2'}});
});

test('a review of a Pod without a name has an empty name', t => {
	t.like(decodeReview(replicaSetReview()), {name: '', namespace: 'media'});
});

test('missing members of a request have their defaults', t => {
	const decoded = decodeReview({apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request: {uid: '1', operation: 'CREATE', kind: {version: 'v1', kind: 'Pod'}}});
	t.deepEqual(decoded, {uid: '1', namespace: '', name: '', dryRun: false, operation: 'CREATE', kind: {group: '', version: 'v1', kind: 'Pod'}, object: undefined});
});

test('null counts as missing', t => {
	t.like(decodeReview(review({namespace: null, name: null, dryRun: null, subResource: null})), {namespace: '', name: '', dryRun: false, subResource: undefined});
});

test('dry run and subresource are read', t => {
	t.like(decodeReview(review({dryRun: true, subResource: 'eviction'})), {dryRun: true, subResource: 'eviction'});
});

test('the object is passed on unchanged', t => {
	const object = JSON.parse('{"__proto__": {"metadata": 7}, "deep": [[]]}') as unknown;
	t.is(decodeReview(review({object})).object, object);
});

const isRefused = test.macro((t, body: unknown, message: string) => {
	const error = t.throws(() => decodeReview(body), {instanceOf: BadReviewError});
	t.is(error.status, 400);
	t.is(error.message, message);
});

const hostileBodies: ReadonlyArray<readonly [title: string, body: unknown, message: string]> = [
	['nothing', undefined, 'The request body is missing'],
	['null', null, 'The request body is null, but must be an object'],
	['a number', 7, 'The request body is 7, but must be an object'],
	['a string', 'AdmissionReview', 'The request body is "AdmissionReview", but must be an object'],
	['an array', [review()], 'The request body is an array, but must be an object'],
	['an empty object', {}, 'The request body\'s apiVersion is missing'],
	['another version', review({}, {apiVersion: 'admission.k8s.io/v1beta1'}), 'The request body\'s apiVersion is "admission.k8s.io/v1beta1", but must be "admission.k8s.io/v1"'],
	['another kind', review({}, {kind: 'Pod'}), 'The request body\'s kind is "Pod", but must be "AdmissionReview"'],
	['a huge kind', review({}, {kind: 'x'.repeat(1_000_000)}), `The request body's kind is "${'x'.repeat(59)}…", but must be "AdmissionReview"`],
	['a kind full of line breaks', review({}, {kind: '\n'.repeat(100)}), `The request body's kind is "${String.raw`\n`.repeat(29)}\\…", but must be "AdmissionReview"`],
	['no request', review({}, {request: undefined}), 'The request body\'s request is missing'],
	['null for a request', review({}, {request: null}), 'The request body\'s request is null, but must be an object'],
	['an array for a request', review({}, {request: []}), 'The request body\'s request is an array, but must be an object'],
	['no UID', review({uid: undefined}), 'The request body\'s request.uid is missing'],
	['an empty UID', review({uid: ''}), 'The request body\'s request.uid is "", but must be a string that is not empty'],
	['a number for a UID', review({uid: 7}), 'The request body\'s request.uid is 7, but must be a string'],
	['an object for a namespace', review({namespace: {}}), 'The request body\'s request.namespace is an object, but must be a string'],
	['a huge namespace', review({namespace: 'n'.repeat(1_000_000)}), `The request body's request.namespace is "${'n'.repeat(59)}…", but must be the name of a namespace: at most 63 lower case letters, digits and hyphens`],
	['a namespace with control characters', review({namespace: 'a\u0001b'}), 'The request body\'s request.namespace is "a\\u0001b", but must be the name of a namespace: at most 63 lower case letters, digits and hyphens'],
	['a string for dryRun, which must not be taken for false', review({dryRun: 'true'}), 'The request body\'s request.dryRun is "true", but must be true or false'],
	['no operation', review({operation: undefined}), 'The request body\'s request.operation is missing'],
	['no kind of object', review({kind: {}}), 'The request body\'s request.kind.version is missing'],
	['a request in the prototype only', JSON.parse('{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "__proto__": {"request": {"uid": "1"}}}'), 'The request body\'s request is missing'],
];

for (const [title, body, message] of hostileBodies) {
	test(`a body with ${title} is refused`, isRefused, body, message);
}

test('a body nested a hundred thousand levels deep does no harm', t => {
	const object = JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`) as unknown;
	t.notThrows(() => decodeReview(review({object})));
	t.throws(() => decodeReview(review({uid: object})), {instanceOf: BadReviewError});
});

test('any JSON is decoded or refused in a short sentence', t => {
	fc.assert(fc.property(fc.oneof(fc.jsonValue(), fc.jsonValue().map(value => review({}, {request: value})), fc.dictionary(fc.constantFrom('uid', 'namespace', 'name', 'kind', 'dryRun'), fc.jsonValue()).map(changes => review(changes))), body => {
		try {
			decodeReview(body);
		} catch (error) {
			return error instanceof BadReviewError && error.message.length < 400;
		}

		return true;
	}));
	t.pass();
});

test('allowed accepts the object unchanged', t => {
	t.deepEqual(allowed(decodeReview(review())), {apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: {uid: 'a7c3', allowed: true}});
});

test('allowed may carry warnings', t => {
	t.deepEqual(allowed({uid: '1'}, ['look']).response, {uid: '1', allowed: true, warnings: ['look']});
});

test('denied gives the reason in Kubernetes\' words', t => {
	for (const [code, reason] of [[400, 'BadRequest'], [403, 'Forbidden'], [503, 'ServiceUnavailable']] as const) {
		t.deepEqual(denied({uid: '1'}, new DenialError(code, 'because')), {
			apiVersion: 'admission.k8s.io/v1',
			kind: 'AdmissionReview',
			response: {uid: '1', allowed: false, status: {code, reason, message: 'because'}, auditAnnotations: {'request-uid': '1'}},
		});
	}
});

test('patched carries the patch as JSON in base64', t => {
	const patch = [{op: 'add', path: '/metadata/labels', value: {name: 'Grüße'}}] as const;
	const {response} = patched({uid: '1'}, patch, ['look']);
	t.like(response, {uid: '1', allowed: true, patchType: 'JSONPatch', warnings: ['look'], auditAnnotations: {'request-uid': '1'}});
	t.deepEqual(JSON.parse(Buffer.from(response.patch ?? '', 'base64').toString()), patch);
});

test('patched without warnings has no such member', t => {
	t.false('warnings' in patched({uid: '1'}, []).response);
});

test('errored rejects the object with status 500', t => {
	t.deepEqual(errored({uid: '1'}, 'broken').response, {uid: '1', allowed: false, status: {code: 500, reason: 'InternalError', message: 'broken'}, auditAnnotations: {'request-uid': '1'}});
});
