import test from 'ava';
import fc from 'fast-check';
import {LedgerFormatError} from '../../src/errors.ts';
import {ledgerMetadata} from '../../src/ports/ledger-metadata.ts';
import type {ConfigMap} from '../../src/ports/ledger-metadata.ts';
import {decodeIndex, defaultBlockSize, indexData, indexName} from '../../src/ports/ledger-index.ts';

const indexWith = (data: ConfigMap['data'], annotations: Record<string, string> = {'hostport.io/schema-version': '1'}): ConfigMap =>
	({metadata: {name: indexName, uid: 'u', resourceVersion: '7', annotations}, ...(data && {data})});

test('an index is read', t => {
	t.deepEqual(decodeIndex(indexWith({'block-size': '500', pages: '30500 31000'})), {uid: 'u', resourceVersion: '7', blockSize: 500, pages: [30_500, 31_000], quarantined: false});
});

test('a mark is read', t => {
	t.true(decodeIndex(indexWith({'block-size': '500'}, {'hostport.io/schema-version': '1', 'hostport.io/mark': 'quarantine'})).quarantined);
});

test('a new index and a new page are in quarantine and have the known version', t => {
	const {labels, annotations} = ledgerMetadata('index', 'what it is');
	t.deepEqual(labels, {'hostport.io/ledger': 'index', 'app.kubernetes.io/managed-by': 'hostport-operator'});
	t.true(decodeIndex(indexWith(indexData(defaultBlockSize, []), annotations)).quarantined);
	t.like(ledgerMetadata('page', 'what it is', '30500-30999'), {
		labels: {'hostport.io/ledger': 'page'},
		annotations: {'hostport.io/mark': 'quarantine', 'hostport.io/ports': '30500-30999', 'hostport.io/about': 'what it is'},
	});
});

test('pages are listed once and in order, however they were written', t => {
	t.deepEqual(indexData(500, [31_000, 1000, 31_000, 500]), {'block-size': '500', pages: '500 1000 31000'});
	t.deepEqual(decodeIndex(indexWith({'block-size': '500', pages: ' 31000\n500\t1000 '})).pages, [500, 1000, 31_000]);
});

test('decoding a written index gives the same index', t => {
	const arbitraryPages = fc.integer({min: 1, max: 65_536}).chain(blockSize =>
		fc.tuple(fc.constant(blockSize), fc.uniqueArray(fc.nat({max: Math.floor(65_535 / blockSize)}).map(page => page * blockSize))));
	fc.assert(fc.property(arbitraryPages, ([blockSize, pages]) => {
		t.like(decodeIndex(indexWith(indexData(blockSize, pages))), {blockSize, pages: pages.toSorted((a, b) => a - b)});
	}));
});

const isRefused = test.macro((t, data: ConfigMap['data'], problem: string, annotations?: Record<string, string>) => {
	const error = t.throws(() => decodeIndex(indexWith(data, annotations)), {instanceOf: LedgerFormatError});
	t.is(error.message, `the ConfigMap hostport-ledger can't be used: ${problem}. Run the version of the operator that wrote it, or mend it by hand`);
});

const good = {'block-size': '500', pages: '30500'};
test('an index of a newer version is refused', isRefused, good, 'the annotation hostport.io/schema-version is "2", and this version of the operator knows only "1"', {'hostport.io/schema-version': '2'});
test('an index without version is refused', isRefused, good, 'the annotation hostport.io/schema-version is "", and this version of the operator knows only "1"', {});
test('an index with an unknown mark is refused', isRefused, good, 'the annotation hostport.io/mark is "frozen", which this version of the operator does not know', {'hostport.io/schema-version': '1', 'hostport.io/mark': 'frozen'});
test('an index without data is refused', isRefused, undefined, 'block-size is "", not a whole number from 1 to 65536');

for (const blockSize of ['', '0', '-500', '1.5', '65537', 'many', '5,000']) {
	test(`an index with the block size "${blockSize}" is refused`, isRefused, {'block-size': blockSize}, `block-size is "${blockSize}", not a whole number from 1 to 65536`);
}

for (const page of ['30558', '-500', '1.5', '66000', '100000', 'x', '30500,31000']) {
	test(`an index with the page "${page}" is refused`, isRefused, {'block-size': '500', pages: `500 ${page}`}, `pages names "${page}", not the first port of a block of 500`);
}
