import test from 'ava';
import {entryStates} from '../../src/ports/ledger-entry.ts';
import {countEntries, countFree} from '../../src/ports/port-counts.ts';
import {entryWith, ledgerOf} from '../helpers/ledger-builders.ts';

const ranges = [{first: 1024, last: 2047}, {first: 30_000, last: 30_999}];

const blockSize = 500;
const free = (keys: readonly string[], quarantined: readonly number[] = []) =>
	countFree(ledgerOf(keys.map(key => [key, entryWith()]), {blockSize, quarantined}), blockSize, ranges);

test('without pages, everything is free', t => {
	t.deepEqual(free([]), [{range: '1024-2047', free: 1024, size: 1024}, {range: '30000-30999', free: 1000, size: 1000}]);
});

test('a number taken for one protocol is not free, and numbers outside the ranges do not count', t => {
	const keys = ['1000.tcp', '1024.tcp', '1024.udp', '1499.sctp', '30500.udp', '30999.tcp', '31000.tcp'];
	t.deepEqual(free(keys).map(({free}) => free), [1022, 998]);
});

test('excluded numbers are neither free nor part of a range', t => {
	const excluded = [{first: 1024, last: 1033}, {first: 1500, last: 1500}];
	const pages = ledgerOf(['1024.tcp', '1600.tcp'].map(key => [key, entryWith()]), {blockSize});
	t.deepEqual(countFree(pages, blockSize, [{first: 1024, last: 2047, excluded}]), [{range: '1024-2047', free: 1012, size: 1013}]);
});

test('an unusable page counts as full', t => {
	t.deepEqual(free([], [1000, 30_500]).map(({free}) => free), [1024 - 476, 500]);
});

test('entries are counted by range and state, including zeros', t => {
	const counts = countEntries([['1024.tcp', {state: 'bound'}], ['1024.udp', {state: 'bound'}], ['30999.tcp', {state: 'foreign'}], ['31000.tcp', {state: 'foreign'}]], entryStates, ranges);
	t.is(counts.length, 3 * entryStates.length);
	t.deepEqual(counts.filter(({count}) => count > 0), [
		{state: 'bound', range: '1024-2047', count: 2},
		{state: 'foreign', range: '30000-30999', count: 1},
		{state: 'foreign', range: 'other', count: 1},
	]);
});
