import test from 'ava';
import fc from 'fast-check';
import {ledgerAnnotations} from '../../src/ports/ledger-metadata.ts';
import type {ConfigMap} from '../../src/ports/ledger-metadata.ts';
import {entryKey, entryStates, formatEntry, parseEntryKey, protocolBit} from '../../src/ports/ledger-entry.ts';
import {commitMetadata} from '../../src/ports/ledger-origin.ts';
import {blockRange, changesAsData, decodePage, isVacant, keysOfPod, pageName, pageOf, withChanges} from '../../src/ports/ledger-page.ts';
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

const isKept = test.macro((t, key: string, text: string, reserved: readonly [first: number, last: number] | undefined, problem: string) => {
	const page = decodePage(pageObject({data: {[key]: text}}), 30_500, 500);
	const [first = 0, last = -1] = reserved ?? [];
	t.deepEqual(page.damaged, [{key, ...(reserved && {reserves: {first, last}}), problem}]);
	t.is(page.entries.size, 0);
	t.deepEqual(takenKeys(page), keysFrom(first, last - first + 1));
	t.false(isVacant(page, key));
	t.true(isVacant(page, '30600.udp'));
});

const noKey = 'the key is not of the form <port>.<tcp|udp|sctp>';
const reserves30558 = 'reserves 30558 for every protocol';
test('a value that is not an entry reserves its port for all protocols', isKept, '30558.tcp', 'mine!', [30_558, 30_558], `${reserves30558} (the value is not JSON)`);
test('a key without protocol reserves its port', isKept, '30558', line, [30_558, 30_558], `${reserves30558} (${noKey})`);
test('a key with an unknown protocol reserves its port', isKept, '30558.icmp', line, [30_558, 30_558], `${reserves30558} (${noKey})`);
test('a key with the wrong case reserves its port', isKept, '30558.TCP', line, [30_558, 30_558], `${reserves30558} (${noKey})`);
test('a key with a leading zero reserves its port', isKept, '030558.tcp', line, [30_558, 30_558], `${reserves30558} (${noKey})`);
test('a key with a word after the number reserves its port', isKept, '30558-printer', line, [30_558, 30_558], `${reserves30558} (${noKey})`);
test('a range reserves all its numbers', isKept, '30600-30650.tcp', 'the SIP trunk', [30_600, 30_650], `reserves 30600-30650 for every protocol (${noKey})`);
test('a range without protocol reserves all its numbers', isKept, '30998-30999', '', [30_998, 30_999], `reserves 30998-30999 for every protocol (${noKey})`);
test('a range that leaves the page reserves the numbers of the page', isKept, '30990-31010', '', [30_990, 30_999], `reserves 30990-30999 for every protocol (${noKey}); 31000-31010 must be in other ConfigMaps, from hostport-ledger-31000 on`);
test('a range that begins before the page reserves the numbers of the page', isKept, '30000-30500.udp', '', [30_500, 30_500], `reserves 30500 for every protocol (${noKey}); 30000-30499 must be in other ConfigMaps, from hostport-ledger-30000 on`);
test('a range that ends before it begins has no effect', isKept, '30650-30600', '', undefined, 'has no effect: the range ends before it begins');
test('a range beyond all ports has no effect', isKept, '30600-65536', '', undefined, 'has no effect: it does not begin with a port number');
test('a key that is not a number has no effect', isKept, 'README', 'hands off', undefined, 'has no effect: it does not begin with a port number');
test('a key with a number beyond all ports has no effect', isKept, '305580.tcp', line, undefined, 'has no effect: it does not begin with a port number');
test('port 0 has no effect', isKept, '0.tcp', line, undefined, 'has no effect: it does not begin with a port number');
test('an entry of the page below has no effect', isKept, '30499.tcp', line, undefined, 'has no effect here: 30499 must be in the ConfigMap hostport-ledger-30000');
test('an entry of the page above has no effect', isKept, '31000.tcp', line, undefined, 'has no effect here: 31000 must be in the ConfigMap hostport-ledger-31000');
test('a range of another page has no effect', isKept, '31000-31010', '', undefined, 'has no effect here: 31000-31010 must be in the ConfigMap hostport-ledger-31000');

const {schemaVersion, block, mark, openedAs, previousVersion} = ledgerAnnotations;
const isUnusable = test.macro((t, annotations: Record<string, string | undefined>, why: string | undefined, quarantined: boolean) => {
	const page = decodePage(pageObject({annotations, data: {'30558.tcp': line}}), 30_500, 500);
	t.is(page.unusable, why);
	t.is(page.quarantined, quarantined);
	t.is(page.entries.size, 1);
});

test('an open page is usable', isUnusable, {}, undefined, false);
test('a page that was put back from a copy is unusable', isUnusable, {[openedAs]: 'another'}, 'it was put back from a copy, which lacks later commits, so Pods may have ports that it does not name', true);
for (const missing of [openedAs, previousVersion]) {
	test(`a page without ${missing} is unusable`, isUnusable, {[missing]: undefined}, 'its annotation hostport.io/opened-as or hostport.io/previous-version is missing, so it does not prove that it is the page that was opened', true);
}

test('a page of a newer version needs no proof that this version knows', isUnusable, {[openedAs]: undefined, [schemaVersion]: '2'}, 'its annotation hostport.io/schema-version is "2", and this version of the operator knows only "1"', false);
test('a page in quarantine is in quarantine whatever its proof', isUnusable, {[openedAs]: 'another', [mark]: 'quarantine'}, 'it is in quarantine, because Pods that hold its ports may still be on their way', true);
test('a page with an unknown mark is no copy', isUnusable, {[openedAs]: 'another', [mark]: 'frozen'}, 'its mark "frozen" is unknown to this version of the operator', false);
test('a page of a newer version is unusable', isUnusable, {[schemaVersion]: '2'}, 'its annotation hostport.io/schema-version is "2", and this version of the operator knows only "1"', false);
test('a page without version is unusable', isUnusable, {[schemaVersion]: undefined}, 'its annotation hostport.io/schema-version is "", and this version of the operator knows only "1"', false);
test('a page of another block size is unusable', isUnusable, {[block]: '30500-30599'}, 'its annotation hostport.io/ports is "30500-30599", but a page of this name owns 30500-30999', false);
test('a page that does not say what it owns is unusable', isUnusable, {[block]: undefined}, 'its annotation hostport.io/ports is "", but a page of this name owns 30500-30999', false);
test('a page in quarantine is unusable', isUnusable, {[mark]: 'quarantine'}, 'it is in quarantine, because Pods that hold its ports may still be on their way', true);
test('a page with an unknown mark is unusable', isUnusable, {[mark]: 'frozen'}, 'its mark "frozen" is unknown to this version of the operator', false);
test('a page with an empty mark is unusable', isUnusable, {[mark]: ''}, 'its mark "" is unknown to this version of the operator', false);

const isCopied = (annotations: Record<string, string>) => decodePage(pageObject({annotations}), 30_500, 500).isCopied;

test('a copy is marked unless its mark or its schema is unknown', t => {
	t.false(isCopied({}));
	t.true(isCopied({[openedAs]: 'another'}));
	t.true(isCopied({[openedAs]: 'another', [mark]: 'quarantine'}));
	t.false(isCopied({[openedAs]: 'another', [mark]: 'frozen'}));
	t.false(isCopied({[openedAs]: 'another', [schemaVersion]: '2'}));
});

test('a page without any annotation is unusable', t => {
	t.regex(decodePage({metadata: {name: 'x', uid: 'u', resourceVersion: '1'}}, 30_500, 500).unusable ?? '', /schema-version/);
});

const arbitraryKey = fc.tuple(fc.integer({min: 28, max: 41}), fc.constantFrom('TCP', 'UDP', 'SCTP')).map(([port, protocol]) => entryKey(port, protocol));
const arbitraryText = fc.oneof(
	{weight: 4, arbitrary: fc.record({pod: fc.constantFrom('game/a', 'game/b'), state: fc.constantFrom(...entryStates)}).map(changes => formatEntry(entryWith(changes)))},
	{weight: 1, arbitrary: fc.string()},
);
const arbitraryData = fc.dictionary(fc.oneof({weight: 6, arbitrary: arbitraryKey}, {weight: 1, arbitrary: fc.constantFrom('31', '32.TCP', '33-35.tcp', '38-44', 'README')}), arbitraryText);
const arbitraryChanges = fc.uniqueArray(fc.tuple(
	fc.tuple(fc.integer({min: 30, max: 39}), fc.constantFrom('TCP', 'UDP', 'SCTP')).map(([port, protocol]) => entryKey(port, protocol)),
	fc.option(fc.record({pod: fc.constantFrom('game/a', 'game/c'), claim: fc.uuid()}).map(changes => entryWith(changes)), {nil: undefined}),
), {selector: ([key]) => key});

/** Merges a patch as the API server does (RFC 7396), for a first commit. */
const patched = (object: ConfigMap, patch: Record<string, string | null>): ConfigMap => ({
	metadata: {...object.metadata, ...commitMetadata(object.metadata, object.metadata.annotations), resourceVersion: '8'},
	data: Object.fromEntries(Object.entries({...object.data, ...patch}).filter((entry): entry is [string, string] => entry[1] !== null)),
});

const sorted = <Value>(map: Iterable<readonly [string, Value]>) => new Map([...map].toSorted(([a], [b]) => a.localeCompare(b)));
const keysOfPods = (page: LedgerPage) => ['game/a', 'game/b', 'game/c'].map(pod => keysOfPod(page, pod).toSorted());

test('a commit gives the page that would be read next, and does not change the old page', t => {
	fc.assert(fc.property(arbitraryData, arbitraryChanges, (data, changes) => {
		const object = pageObject({first: 30, blockSize: 10, data});
		const page = decodePage(object, 30, 10);
		// A plan never writes to a key that is not vacant.
		const allowed = new Map(changes.filter(([key]) => page.damaged.every(damaged => damaged.key !== key)));
		const after = withChanges(page, allowed, '8');
		const read = decodePage(patched(object, changesAsData(allowed)), 30, 10);
		t.deepEqual({...after, entries: undefined}, {...read, entries: undefined});
		t.deepEqual(sorted(after.entries), sorted(read.entries));
		t.deepEqual(keysOfPods(after), keysOfPods(read));
		t.deepEqual(page, decodePage(object, 30, 10));
	}));
});

test('a number is taken if and only if the page has an entry for it or something reserves it', t => {
	fc.assert(fc.property(arbitraryData, data => {
		const page = decodePage(pageObject({first: 30, blockSize: 10, data}), 30, 10);
		const {entries, damaged} = page;
		const mentioned = keysFrom(30, 10).filter(key => entries.has(key) || damaged.some(({reserves}) => reserves && Number.parseInt(key, 10) >= reserves.first && Number.parseInt(key, 10) <= reserves.last));
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
