import test from 'ava';
import fc from 'fast-check';
import {LedgerFormatError} from '../../src/errors.ts';
import {decodeIndex, indexData, indexName, pageStartsOf} from '../../src/ports/ledger-index.ts';
import {ledgerMetadata, schemaBlockSize} from '../../src/ports/ledger-metadata.ts';
import type {ConfigMap} from '../../src/ports/ledger-metadata.ts';
import {commitMetadata} from '../../src/ports/ledger-origin.ts';

const {managedFields} = commitMetadata({resourceVersion: '6'});
const opened: Record<string, string> = {'hostport.io/schema-version': '1', 'hostport.io/opened-as': 'u', 'hostport.io/previous-version': '6'};
const indexWith = (data: ConfigMap['data'], annotations = opened): ConfigMap =>
	({metadata: {name: indexName, uid: 'u', resourceVersion: '7', annotations, managedFields}, ...(data && {data})});

test('an index is decoded', t => {
	t.deepEqual(decodeIndex(indexWith({pages: '30500 31000'}), schemaBlockSize), {uid: 'u', resourceVersion: '7', previousVersion: '6', origin: 'opened', pageStarts: [30_500, 31_000], quarantined: false, isUnproven: false});
});

test('an index without data lists no pages', t => {
	t.deepEqual(decodeIndex(indexWith(undefined), schemaBlockSize).pageStarts, []);
});

test('the quarantine of an index is decoded', t => {
	t.true(decodeIndex(indexWith({}, {'hostport.io/schema-version': '1', 'hostport.io/mark': 'quarantine'}), schemaBlockSize).quarantined);
});

test('an index that was put back from a copy is in quarantine', t => {
	t.like(decodeIndex(indexWith({}, {'hostport.io/schema-version': '1', 'hostport.io/opened-as': 'another'}), schemaBlockSize), {quarantined: true, isUnproven: false, origin: 'copied'});
});

test('an index that an earlier release has opened is in quarantine and without proof', t => {
	t.like(decodeIndex(indexWith({}, {'hostport.io/schema-version': '1'}), schemaBlockSize), {quarantined: true, isUnproven: true});
});

test('a new index and a new page are in quarantine and have the current schema version', t => {
	const {labels, annotations} = ledgerMetadata('index', 'what it is');
	t.deepEqual(labels, {'hostport.io/ledger': 'index', 'app.kubernetes.io/managed-by': 'hostport-operator'});
	t.true(decodeIndex(indexWith(indexData([]), annotations), schemaBlockSize).quarantined);
	t.like(ledgerMetadata('page', 'what it is', '30500-30999'), {
		labels: {'hostport.io/ledger': 'page'},
		annotations: {'hostport.io/mark': 'quarantine', 'hostport.io/ports': '30500-30999', 'hostport.io/about': 'what it is'},
	});
});

test('an index lists each page once, in order, whatever its spelling', t => {
	t.deepEqual(indexData([31_000, 1000, 31_000, 500]), {pages: '500 1000 31000'});
	t.deepEqual(decodeIndex(indexWith({pages: ' 31000\n500\t1000 '}), schemaBlockSize).pageStarts, [500, 1000, 31_000]);
});

test('encoding and decoding an index keeps its pages', t => {
	const arbitraryPages = fc.integer({min: 1, max: 65_536}).chain(blockSize =>
		fc.tuple(fc.constant(blockSize), fc.uniqueArray(fc.nat({max: Math.floor(65_535 / blockSize)}).map(page => page * blockSize))));
	fc.assert(fc.property(arbitraryPages, ([blockSize, pageStarts]) => {
		t.deepEqual(decodeIndex(indexWith(indexData(pageStarts)), blockSize).pageStarts, pageStarts.toSorted((a, b) => a - b));
	}));
});

test('pages are found by their names', t => {
	const names = ['hostport-ledger-30500', 'hostport-ledger', 'hostport-ledger-30558', 'hostport-ledger-99500', 'hostport-ledger-0', 'hostport-ledger-030500', 'kube-root-ca.crt'];
	t.deepEqual(pageStartsOf(names.map(name => ({metadata: {name, uid: 'u', resourceVersion: '1'}})), 500), [30_500, 0]);
});

const isRefused = test.macro((t, data: ConfigMap['data'], problem: string, annotations?: Record<string, string>) => {
	const error = t.throws(() => decodeIndex(indexWith(data, annotations), schemaBlockSize), {instanceOf: LedgerFormatError});
	t.is(error.message, `the ConfigMap hostport-ledger can't be used: ${problem}. Run the version of the operator that wrote it, or repair it by hand`);
});

const good = {pages: '30500'};
test('an index of a newer version is refused', isRefused, good, 'the annotation hostport.io/schema-version is "2", and this version of the operator knows only "1"', {'hostport.io/schema-version': '2'});
test('an index without version is refused', isRefused, good, 'the annotation hostport.io/schema-version is "", and this version of the operator knows only "1"', {});
test('an index with an unknown mark is refused', isRefused, good, 'the annotation hostport.io/mark is "frozen", which this version of the operator does not know', {'hostport.io/schema-version': '1', 'hostport.io/mark': 'frozen'});

for (const page of ['30558', '-500', '1.5', '66000', '100000', 'x', '30500,31000']) {
	test(`an index with the page "${page}" is refused`, isRefused, {pages: `500 ${page}`}, `pages names "${page}", not the first port of a block of 500`);
}
