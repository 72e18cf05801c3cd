import test from 'ava';
import type {ObjectMetadata} from '../../src/kubernetes/object.ts';
import {commitMetadata, openingAnnotations, quarantineAnnotations, quarantineOf, versionOf} from '../../src/ports/ledger-origin.ts';

const opened: ObjectMetadata = {
	name: 'hostport-ledger', uid: 'mine', resourceVersion: '7',
	annotations: {'hostport.io/opened-as': 'mine', 'hostport.io/previous-version': '6'},
	managedFields: [{manager: 'hostport-operator', fieldsV1: {'f:metadata': {'f:annotations': {'f:hostport.io/previous-version': {}}}}}],
};
const originOf = (changes: Partial<ObjectMetadata> = {}) => versionOf({...opened, ...changes}).origin;

test('an object with its own UID whose last commit is the operator\'s was opened', t => {
	t.is(originOf(), 'opened');
});

test('an object with another UID is a copy', t => {
	for (const openedAs of ['another', '']) {
		t.is(originOf({annotations: {...opened.annotations, 'hostport.io/opened-as': openedAs}}), 'copied', openedAs);
	}
});

test('an object whose annotation of commits was last changed by another client is a copy, also when nothing tells who changed it', t => {
	const [entry] = opened.managedFields!;
	const ofEntries = 'f:30558.tcp';
	for (const managedFields of [
		undefined,
		[],
		[{}],
		[{manager: 'hostport-operator'}],
		[{...entry, manager: 'kubectl-replace'}],
		[{...entry, manager: 'hostport-operator-2'}],
		[{manager: 'hostport-operator', fieldsV1: {'f:metadata': {}}}, {...entry, manager: 'kubectl-replace'}],
		[{manager: 'hostport-operator', fieldsV1: {'f:metadata': {'f:annotations': {'f:hostport.io/opened-as': {}}}, 'f:data': {[ofEntries]: {}}}}],
	]) {
		const {managedFields: _, ...rest} = opened;
		t.is(versionOf({...rest, ...(managedFields && {managedFields})}).origin, 'copied', JSON.stringify(managedFields));
	}

	t.is(originOf({managedFields: [{manager: 'kubectl-edit', fieldsV1: {'f:metadata': {'f:annotations': {'f:note': {}}}}}, entry!]}), 'opened');
});

test('an object that lacks an annotation was opened by an earlier release', t => {
	t.is(originOf({annotations: {'hostport.io/opened-as': 'mine'}, managedFields: []}), 'unknown');
	t.is(originOf({annotations: {'hostport.io/previous-version': '6'}}), 'unknown');
	t.is(originOf({annotations: {}, managedFields: []}), 'unknown');
	const {annotations: _, ...rest} = opened;
	t.is(versionOf(rest).origin, 'unknown');
});

test('a commit names the version that it replaces, and tells the API server to track the owner of that annotation', t => {
	const patch = commitMetadata(opened);
	t.is(patch.resourceVersion, '7');
	t.deepEqual(patch.annotations, {'hostport.io/previous-version': '7'});
	t.is(versionOf({...opened, annotations: {...opened.annotations, ...patch.annotations}, managedFields: patch.managedFields}).origin, 'opened');
});

test('the end of a quarantine removes the mark and writes the UID, in a commit', t => {
	t.deepEqual(commitMetadata(opened, openingAnnotations(opened)).annotations, {'hostport.io/mark': null, 'hostport.io/opened-as': 'mine', 'hostport.io/previous-version': '7'});
	t.deepEqual(commitMetadata(opened, quarantineAnnotations).annotations, {'hostport.io/mark': 'quarantine', 'hostport.io/opened-as': null, 'hostport.io/previous-version': '7'});
});

test('a quarantine lasts until the next commit, and that of a copy until the next write', t => {
	const marked = versionOf(opened);
	const copied = {...marked, origin: 'copied'} as const;
	t.is(quarantineOf(marked), quarantineOf({...marked, resourceVersion: '8'}));
	t.not(quarantineOf(marked), quarantineOf({...marked, previousVersion: '7'}));
	t.not(quarantineOf(marked), quarantineOf({...marked, uid: 'another'}));
	t.is(quarantineOf(copied), quarantineOf({...copied}));
	t.not(quarantineOf(copied), quarantineOf({...copied, resourceVersion: '8'}));
	t.not(quarantineOf(copied), quarantineOf({...copied, uid: 'another'}));
});
