import test from 'ava';
import {exhaustedDenial} from '../../src/ledger/exhausted-denial.ts';
import type {PodDemand} from '../../src/ports/demand.ts';
import type {LedgerEntry} from '../../src/ports/ledger-entry.ts';
import {decodePage} from '../../src/ports/ledger-page.ts';
import {demandFor, entryWith, ledgerOf, pageObject} from '../helpers/ledger-builders.ts';

const holdMs = 120_000;
const range = {basePort: 100, maxPort: 109} as const;

const messageFor = (entries: Readonly<Record<string, LedgerEntry['state']>>, demand: Partial<PodDemand> = {}, numbers = ['grpc'], shape: Parameters<typeof ledgerOf>[1] = {}): string => {
	const pages = ledgerOf(Object.entries(entries).map(([key, state]) => [key, entryWith({state})]), shape);
	return exhaustedDenial(demandFor(numbers, {...range, ...demand}), 0, pages.values(), {holdMs}).message;
};

test('an exhausted range is the client\'s 403, as a quota is', t => {
	t.is(exhaustedDenial(demandFor(['grpc']), 0, [], {holdMs}).code, 403);
});

test('a Pod that must have a run learns the length of the longest one', t => {
	t.regex(exhaustedDenial(demandFor(['a', 'b', 'c'], range), 5, [], {holdMs, longestRun: 2}).message, /^3 consecutive host ports are needed \(hostport\.io\/contiguous\), the longest free run of the numbers 100-109 has 2, and 5 are free\. Raise/);
});

test('live Pods, held numbers and foreign numbers are told apart', t => {
	t.is(
		messageFor({'100.tcp': 'bound', '101.tcp': 'bound', '102.tcp': 'pending', '103.tcp': 'released', '104.tcp': 'foreign'}, {}, ['grpc', 'health']),
		'2 host ports are needed and 0 of the numbers 100-109 are free: live Pods have 2; 2 are held for Pods that are gone or not stored yet; Pods or Services that the operator does not manage have 1. '
		+ 'Wait until the held ones become free, about 120 s after their Pods are gone or were rejected, raise hostport.io/max-port, choose another hostport.io/base-port, or delete Pods that hold ports',
	);
});

test('without live Pods, the message does not propose to delete Pods', t => {
	t.is(
		messageFor({'100.tcp': 'released'}),
		'1 host port is needed and 0 of the numbers 100-109 are free: 1 is held for Pods that are gone or not stored yet. '
		+ 'Wait until the held ones become free, about 120 s after their Pods are gone or were rejected, raise hostport.io/max-port, or choose another hostport.io/base-port',
	);
	t.is(
		messageFor({'100.tcp': 'foreign'}),
		'1 host port is needed and 0 of the numbers 100-109 are free: Pods or Services that the operator does not manage have 1. Raise hostport.io/max-port, or choose another hostport.io/base-port',
	);
});

test('without held numbers, the message does not propose to wait', t => {
	t.regex(messageFor({'100.tcp': 'bound'}), /free: live Pods have 1\. Raise hostport\.io\/max-port, choose another hostport\.io\/base-port, or delete Pods that hold ports$/);
});

test('only numbers of the range and the Pod\'s protocols count, and each once', t => {
	t.regex(messageFor({'99.tcp': 'bound', '110.tcp': 'bound', '100.udp': 'bound'}), / free\. Raise/);
	t.regex(messageFor({'100.tcp': 'released', '100.udp': 'bound', '101.udp': 'foreign'}, {}, ['dns/TCP+UDP']), /: live Pods have 1; Pods or Services that the operator does not manage have 1\./);
	t.regex(messageFor({'499.tcp': 'bound', '500.tcp': 'bound', '1000.tcp': 'bound'}, {maxPort: 999}), /live Pods have 2\./);
});

test('excluded numbers are told apart, whatever their entries', t => {
	t.regex(messageFor({'100.tcp': 'bound', '105.tcp': 'bound'}, {excluded: [{first: 105, last: 107}]}), /live Pods have 1; the administrator excludes 3 \(--exclude-ports\)\./);
});

test('pages that give no ports are named with their reasons, and none of their numbers counts', t => {
	t.regex(messageFor({'100.tcp': 'bound'}, {}, ['grpc'], {quarantined: [0]}), /are free: the ConfigMap hostport-ledger-0 gives none: it is in quarantine, because .*\. Wait until the ConfigMaps in quarantine give ports, which takes about 120 s, raise/);
});

test('the message stays short, whatever the pages', t => {
	const pages = Array.from({length: 130}, (_, index) => decodePage(pageObject({first: index * 500, annotations: {'hostport.io/mark': 'm'.repeat(200_000)}}), index * 500, 500));
	const {message} = exhaustedDenial(demandFor(['grpc'], {basePort: 1, maxPort: 65_535}), 0, pages, {holdMs});
	t.regex(message, /; 128 more ConfigMaps give none\. /);
	t.true(message.length < 800, `${message.length} characters`);
});

test('a full range is counted quickly for a whole batch', t => {
	const entries = Array.from({length: 30_000}, (_, index) => [`${1024 + index}.tcp`, entryWith({state: index % 2 === 0 ? 'bound' : 'released'})] as const);
	const pages = [...ledgerOf(entries).values()];
	const demand = demandFor(['grpc'], {basePort: 1024, maxPort: 31_023});
	const deny = () => exhaustedDenial(demand, 0, pages, {holdMs}).message;
	t.regex(deny(), /live Pods have 15000; 15000 are held/);
	const startedAt = performance.now();
	for (let count = 0; count < 256; count++) {
		deny();
	}

	t.true(performance.now() - startedAt < 1000, 'It takes 10 ms on an idle core.');
});
