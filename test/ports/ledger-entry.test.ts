import test from 'ava';
import fc from 'fast-check';
import {entryKey, entryStates, everyProtocol, formatEntry, parseEntry, parseEntryKey, protocolMask} from '../../src/ports/ledger-entry.ts';
import {entryWith, since} from '../helpers/ledger-builders.ts';

const arbitraryPort = fc.integer({min: 1, max: 65_535});
const arbitraryProtocol = fc.constantFrom('TCP', 'UDP', 'SCTP');
const text = fc.string({unit: 'binary'});

test('a key is a port and its protocol in lower case', t => {
	t.is(entryKey(30_558, 'TCP'), '30558.tcp');
	t.deepEqual(parseEntryKey('1.sctp'), {port: 1, protocol: 'SCTP'});
	fc.assert(fc.property(arbitraryPort, arbitraryProtocol, (port, protocol) => {
		t.deepEqual(parseEntryKey(entryKey(port, protocol)), {port, protocol});
	}));
});

for (const key of ['', '30558', '30558.', '.tcp', '30558.TCP', '30558.tcp ', ' 30558.tcp', '30558.tcp\n', '030558.tcp', '0.tcp', '65536.tcp', '99999.tcp', '300000.tcp', '-1.tcp', '1e3.tcp', '30558.icmp', '30558.tcp.udp', '30558-tcp', '٣٠٥٥٨.tcp', 'constructor']) {
	test(`${JSON.stringify(key)} is not a key`, t => {
		t.is(parseEntryKey(key), undefined);
	});
}

test('parsing and formatting a key gives the same key', t => {
	fc.assert(fc.property(fc.oneof(fc.string(), fc.tuple(fc.integer(), fc.constantFrom('tcp', 'udp', 'sctp', 'TCP')).map(parts => parts.join('.'))), key => {
		const parsed = parseEntryKey(key);
		t.true(parsed === undefined || entryKey(parsed.port, parsed.protocol) === key);
	}));
});

test('an entry is one line of JSON with its members in a fixed order', t => {
	const entry = {since, claim: 'c', node: 'worker-1', uid: 'u', state: 'bound', portName: 'grpc', pod: 'game/server-0'} as const;
	t.is(formatEntry(entry), `{"pod":"game/server-0","port":"grpc","state":"bound","uid":"u","node":"worker-1","claim":"c","since":"${since}"}`);
	t.is(formatEntry({pod: 'game/server-0', portName: 'grpc', state: 'foreign', since}), `{"pod":"game/server-0","port":"grpc","state":"foreign","since":"${since}"}`);
});

test('parsing a formatted entry gives the same entry', t => {
	const arbitraryEntry = fc.record(
		{pod: text, portName: text, state: fc.constantFrom(...entryStates), uid: text, node: text, claim: text, since: text},
		{requiredKeys: ['pod', 'portName', 'state', 'since']},
	);
	fc.assert(fc.property(arbitraryEntry, entry => {
		const line = formatEntry(entry);
		t.deepEqual(parseEntry(line), {...entry});
		t.false(line.includes('\n'));
	}));
});

const isDamaged = test.macro((t, line: string, problem: string) => {
	t.is(parseEntry(line), problem);
});

const members = JSON.parse(formatEntry(entryWith())) as object;
const withMember = (member: string, value: unknown) => JSON.stringify({...members, [member]: value});
const without = (member: string) => JSON.stringify({...members, [member]: undefined});

const damage: ReadonlyArray<readonly [what: string, line: string, problem: string]> = [
	['is empty', '', 'the value is not JSON'],
	['is prose', 'reserved for Anna', 'the value is not JSON'],
	['is cut short', formatEntry(entryWith()).slice(0, -1), 'the value is not JSON'],
	['is null', 'null', 'the value is not a JSON object'],
	['is an array', '[]', 'the value is not a JSON object'],
	['is a string', '"bound"', 'the value is not a JSON object'],
	['lacks everything', '{}', 'the member "pod" is missing'],
	['lacks its Pod', without('pod'), 'the member "pod" is missing'],
	['lacks its port', without('port'), 'the member "port" is missing'],
	['lacks its state', without('state'), 'the member "state" is missing'],
	['lacks its time', without('since'), 'the member "since" is missing'],
	['has a state of a newer version', withMember('state', 'draining'), 'the state "draining" is unknown to this version'],
	['has a state from the prototype', withMember('state', 'constructor'), 'the state "constructor" is unknown to this version'],
	['has a member of a newer version', withMember('scope', 'Node'), 'the member "scope" is unknown to this version'],
	['has a very long member', withMember('x'.repeat(1000), ''), `the member "${'x'.repeat(40)}" is unknown to this version`],
	['has a very long state', withMember('state', 'x'.repeat(1000)), `the state "${'x'.repeat(40)}" is unknown to this version`],
	['has a prototype', `{"__proto__": ${formatEntry(entryWith())}}`, 'the member "__proto__" is unknown to this version'],
	['has a number for its port', withMember('port', 30_558), 'the member "port" is not a string'],
	['has null for its node', withMember('node', null), 'the member "node" is not a string'],
	['has an object for its Pod', withMember('pod', {name: 'server-0'}), 'the member "pod" is not a string'],
];

for (const [what, line, problem] of damage) {
	test(`a value that ${what} is not an entry`, isDamaged, line, problem);
}

test('any text gives an entry or a short sentence', t => {
	const json = fc.oneof(fc.jsonValue(), fc.dictionary(fc.constantFrom('pod', 'port', 'state', 'uid', 'node', 'claim', 'since', 'x'), fc.constantFrom('bound', 'a', 1, null)));
	fc.assert(fc.property(fc.oneof(text, json.map(value => JSON.stringify(value))), line => {
		const entry = parseEntry(line);
		t.true(typeof entry === 'string' ? entry.length < 100 : JSON.stringify(JSON.parse(formatEntry(entry))) === formatEntry(entry));
	}));
});

const maskOf = (...protocols: ReadonlyArray<'TCP' | 'UDP' | 'SCTP'>) => protocolMask(protocols.map(protocol => ({protocol})));

test('a mask has one bit for each protocol', t => {
	t.is(maskOf(), 0);
	t.is(new Set([maskOf('TCP'), maskOf('UDP'), maskOf('SCTP')]).size, 3);
	t.is(maskOf('TCP', 'TCP'), maskOf('TCP'));
	t.is(maskOf('TCP', 'UDP'), maskOf('TCP') + maskOf('UDP'));
	t.is(maskOf('TCP', 'UDP', 'SCTP'), everyProtocol);
});
