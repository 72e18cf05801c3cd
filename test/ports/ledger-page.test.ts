import test from 'ava';
import fc from 'fast-check';
import {ledgerAnnotations} from '../../src/ports/ledger-metadata.ts';
import type {ConfigMap} from '../../src/ports/ledger-metadata.ts';
import {entryKey, entryStates, formatEntry, parseEntryKey, protocolBit} from '../../src/ports/ledger-entry.ts';
import {blockRange, changesAsData, decodePage, keysOfPod, pageName, pageOf, withChanges} from '../../src/ports/ledger-page.ts';
import type {LedgerPage} from '../../src/ports/ledger-page.ts';
import {PortSpace} from '../../src/ports/port-space.ts';
import {entryWith, pageObject, since} from '../helpers/ledger-builders.ts';

const line = formatEntry(entryWith());

test('every port is in one page, whose name and range follow from the port', t => {
	t.is(pageOf(30_558, 500), 30_500);
	t.is(pageOf(30_500, 500), 30_500);
	t.is(pageOf(499, 500), 0);
	t.is(pageName(30_500), 'hostport-ledger-30500');
	t.is(blockRange(30_500, 500), '30500-30999');
	fc.assert(fc.property(fc.integer({min: 1, max: 65_535}), fc.integer({min: 1, max: 65_536}), (port, blockSize) => {
		const first = pageOf(port, blockSize);
		t.true(first % blockSize === 0 && first <= port && port < first + blockSize);
	}));
});

const keysFrom = (first: number, count: number): string[] =>
	Array.from({length: count}, (_, index) => (['TCP', 'UDP', 'SCTP'] as const).map(protocol => entryKey(first + index, protocol))).flat();

/** Whether a Pod can't get this port. */
const takenKeys = (page: LedgerPage): string[] => {
	const space = new PortSpace(new Map([[page.first, page]]), page.blockSize);
	return keysFrom(page.first, page.blockSize).filter(key => {
		const {port, protocol} = parseEntryKey(key)!;
		return !space.isFree(port, protocolBit[protocol]);
	});
};

test('a page is read', t => {
	const mine = entryWith({pod: 'game/server-0', state: 'pending'});
	const page = decodePage(pageObject({data: {'30558.tcp': line, '30558.udp': line, '30999.sctp': formatEntry(mine)}}), 30_500, 500);
	t.like(page, {first: 30_500, blockSize: 500, uid: 'uid-30500', resourceVersion: '7', quarantined: false, damaged: []});
	t.false('unusable' in page);
	t.deepEqual(page.entries, new Map([['30558.tcp', entryWith()], ['30558.udp', entryWith()], ['30999.sctp', mine]]));
	t.deepEqual(['game/other', 'game/server-0', 'game/nobody'].map(pod => keysOfPod(page, pod)), [['30558.tcp', '30558.udp'], ['30999.sctp'], []]);
	t.deepEqual(takenKeys(page), ['30558.tcp', '30558.udp', '30999.sctp']);
});

test('a page without data is empty', t => {
	const page = decodePage(pageObject(), 30_500, 500);
	t.is(page.entries.size, 0);
	t.deepEqual(takenKeys(page), []);
});

test('entries are found by any Pod name', t => {
	const data = Object.fromEntries(['__proto__', 'constructor', ''].map((pod, index) => [`${30_500 + index}.tcp`, formatEntry(entryWith({pod}))]));
	const page = decodePage(pageObject({data}), 30_500, 500);
	t.deepEqual(['__proto__', 'constructor', '', 'toString'].map(pod => keysOfPod(page, pod)), [['30500.tcp'], ['30501.tcp'], ['30502.tcp'], []]);
});

const isDamaged = test.macro((t, key: string, text: string, port: number, problem: string, isTaken = false) => {
	const page = decodePage(pageObject({data: {[key]: text}}), 30_500, 500);
	t.deepEqual(page.damaged, [{key, port, problem}]);
	t.is(page.entries.size, 0);
	t.deepEqual(takenKeys(page), isTaken ? [`${port}.tcp`, `${port}.udp`, `${port}.sctp`] : []);
});

const noKey = 'the key is not of the form <port>.<tcp|udp|sctp>';
test('a value that is not an entry counts as taken for all protocols', isDamaged, '30558.tcp', 'mine!', 30_558, 'the value is not JSON', true);
test('a key without protocol counts as taken', isDamaged, '30558', line, 30_558, noKey, true);
test('a key with an unknown protocol counts as taken', isDamaged, '30558.icmp', line, 30_558, noKey, true);
test('a key with the wrong case counts as taken', isDamaged, '30558.TCP', line, 30_558, noKey, true);
test('a key with a leading zero counts as taken', isDamaged, '030558.tcp', line, 30_558, noKey, true);
test('a key that is not a number is kept', isDamaged, 'README', 'hands off', Number.NaN, noKey);
test('a key with a number beyond all ports is kept', isDamaged, '305580.tcp', line, 305_580, noKey);
test('an entry of the page below is kept', isDamaged, '30499.tcp', line, 30_499, 'the port is not one of this page, 30500-30999');
test('an entry of the page above is kept', isDamaged, '31000.tcp', line, 31_000, 'the port is not one of this page, 30500-30999');

const {schemaVersion, block, mark} = ledgerAnnotations;
const isUnusable = test.macro((t, annotations: Record<string, string | undefined>, why: string | undefined, quarantined: boolean) => {
	const page = decodePage(pageObject({annotations, data: {'30558.tcp': line}}), 30_500, 500);
	t.is(page.unusable, why);
	t.is(page.quarantined, quarantined);
	t.is(page.entries.size, 1);
});

test('an open page is usable', isUnusable, {}, undefined, false);
test('a page of a newer version is unusable', isUnusable, {[schemaVersion]: '2'}, 'its annotation hostport.io/schema-version is "2", and this version of the operator knows only "1"', false);
test('a page without version is unusable', isUnusable, {[schemaVersion]: undefined}, 'its annotation hostport.io/schema-version is "", and this version of the operator knows only "1"', false);
test('a page of another block size is unusable', isUnusable, {[block]: '30500-30599'}, 'its annotation hostport.io/ports is "30500-30599", but a page of this name owns 30500-30999', false);
test('a page that does not say what it owns is unusable', isUnusable, {[block]: undefined}, 'its annotation hostport.io/ports is "", but a page of this name owns 30500-30999', false);
test('a page in quarantine is unusable', isUnusable, {[mark]: 'quarantine'}, 'it is in quarantine, because Pods that hold its ports may still be on their way', true);
test('a page with an unknown mark is unusable', isUnusable, {[mark]: 'frozen'}, 'its mark "frozen" is unknown to this version of the operator', false);
test('a page with an empty mark is unusable', isUnusable, {[mark]: ''}, 'its mark "" is unknown to this version of the operator', false);

test('a page without any annotation is unusable', t => {
	t.regex(decodePage({metadata: {name: 'x', uid: 'u', resourceVersion: '1'}}, 30_500, 500).unusable ?? '', /schema-version/);
});

const arbitraryKey = fc.tuple(fc.integer({min: 28, max: 41}), fc.constantFrom('TCP', 'UDP', 'SCTP')).map(([port, protocol]) => entryKey(port, protocol));
const arbitraryText = fc.oneof(
	{weight: 4, arbitrary: fc.record({pod: fc.constantFrom('game/a', 'game/b'), state: fc.constantFrom(...entryStates)}).map(changes => formatEntry(entryWith(changes)))},
	{weight: 1, arbitrary: fc.string()},
);
const arbitraryData = fc.dictionary(fc.oneof({weight: 6, arbitrary: arbitraryKey}, {weight: 1, arbitrary: fc.constantFrom('31', '32.TCP', 'README')}), arbitraryText);
const arbitraryChanges = fc.uniqueArray(fc.tuple(
	fc.tuple(fc.integer({min: 30, max: 39}), fc.constantFrom('TCP', 'UDP', 'SCTP')).map(([port, protocol]) => entryKey(port, protocol)),
	fc.option(fc.record({pod: fc.constantFrom('game/a', 'game/c'), claim: fc.uuid()}).map(changes => entryWith(changes)), {nil: undefined}),
), {selector: ([key]) => key});

/** Merges a patch as the API server does (RFC 7396). */
const patched = (object: ConfigMap, patch: Record<string, string | null>): ConfigMap => ({
	metadata: {...object.metadata, resourceVersion: '8'},
	data: Object.fromEntries(Object.entries({...object.data, ...patch}).filter((entry): entry is [string, string] => entry[1] !== null)),
});

const sorted = <Value>(map: Iterable<readonly [string, Value]>) => new Map([...map].toSorted(([a], [b]) => a.localeCompare(b)));
const keysOfPods = (page: LedgerPage) => ['game/a', 'game/b', 'game/c'].map(pod => keysOfPod(page, pod).toSorted());

test('a commit gives the page that would be read next, and does not change the old page', t => {
	fc.assert(fc.property(arbitraryData, arbitraryChanges, (data, changes) => {
		const object = pageObject({first: 30, blockSize: 10, data});
		const page = decodePage(object, 30, 10);
		// A plan never writes to a damaged key, as its port counts as taken.
		const allowed = new Map(changes.filter(([key]) => page.damaged.every(damaged => damaged.key !== key)));
		const after = withChanges(page, allowed, '8');
		const read = decodePage(patched(object, changesAsData(allowed)), 30, 10);
		t.deepEqual({...after, entries: undefined}, {...read, entries: undefined});
		t.deepEqual(sorted(after.entries), sorted(read.entries));
		t.deepEqual(keysOfPods(after), keysOfPods(read));
		t.deepEqual(page, decodePage(object, 30, 10));
	}));
});

test('a number is taken if and only if the page has an entry or a damaged value for it', t => {
	fc.assert(fc.property(arbitraryData, data => {
		const page = decodePage(pageObject({first: 30, blockSize: 10, data}), 30, 10);
		const {entries, damaged} = page;
		const mentioned = keysFrom(30, 10).filter(key => entries.has(key) || damaged.some(({port}) => port === Number.parseInt(key, 10)));
		t.deepEqual(takenKeys(page), mentioned);
		t.is(entries.size + damaged.length, Object.keys(data).length);
	}));
});

test('a removed entry is null in the patch', t => {
	t.deepEqual(changesAsData(new Map([['30558.tcp', undefined], ['30559.tcp', {pod: 'game/a', portName: 'grpc', state: 'pending', since}]])), {
		'30558.tcp': null,
		'30559.tcp': `{"pod":"game/a","port":"grpc","state":"pending","since":"${since}"}`,
	});
});
