import test from 'ava';
import {entryStates, everyProtocol, protocolBit} from '../../src/ports/ledger-entry.ts';
import {countEntries, countFree} from '../../src/ports/port-counts.ts';

const ranges = [{first: 1024, last: 2047}, {first: 30_000, last: 30_999}];

const page = (first: number, taken: Readonly<Record<number, number>>, unusable?: string) => ({
	first,
	blockSize: 500,
	taken: Uint8Array.from({length: 500}, (_, index) => taken[first + index] ?? 0),
	...(unusable && {unusable}),
});

test('where there are no pages, everything is free', t => {
	t.deepEqual(countFree([], ranges), [{range: '1024-2047', free: 1024, size: 1024}, {range: '30000-30999', free: 1000, size: 1000}]);
});

test('a number that one protocol has is not free, and what lies outside of the ranges does not count', t => {
	const pages = [page(1000, {1000: everyProtocol, 1024: protocolBit.TCP, 1499: protocolBit.SCTP}), page(30_500, {30_500: protocolBit.UDP, 30_999: everyProtocol}), page(31_000, {31_000: 1})];
	t.deepEqual(countFree(pages, ranges).map(({free}) => free), [1022, 998]);
});

test('a page that gives no ports is full', t => {
	t.deepEqual(countFree([page(1000, {}, 'it is in quarantine'), page(30_500, {}, 'it is in quarantine')], ranges).map(({free}) => free), [1024 - 476, 500]);
});

test('entries are counted by range and state, also those of which there are none', t => {
	const counts = countEntries([['1024.tcp', {state: 'bound'}], ['1024.udp', {state: 'bound'}], ['30999.tcp', {state: 'foreign'}], ['31000.tcp', {state: 'foreign'}]], entryStates, ranges);
	t.is(counts.length, 3 * entryStates.length);
	t.deepEqual(counts.filter(({count}) => count > 0), [
		{state: 'bound', range: '1024-2047', count: 2},
		{state: 'foreign', range: '30000-30999', count: 1},
		{state: 'foreign', range: 'other', count: 1},
	]);
});
