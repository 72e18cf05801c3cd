/** Whether random numbers are uniform. The seeds are fixed, so a test that passes once passes always. */
import test from 'ava';
import {withRandom} from '../../src/ports/free-numbers.ts';
import {pageOf} from '../../src/ports/ledger-page.ts';
import {PortSpace} from '../../src/ports/port-space.ts';
import {startSearch} from '../../src/ports/search.ts';
import {demandFor, entryWith, ledgerOf} from '../helpers/ledger-builders.ts';
import {seededRandom} from '../helpers/seeded-random.ts';

const blockSize = 10;

/** 28 free numbers from 100 to 139, unevenly spread over the pages. */
const taken = [100, 101, 102, 103, 104, 105, 106, 115, 121, 125, 129, 134];
const free = Array.from({length: 40}, (_, index) => 100 + index).filter(port => !taken.includes(port));
const pages = ledgerOf(taken.map(port => [`${port}.tcp`, entryWith()]), {blockSize});

const draw = (random: () => number, numbers: readonly string[]) => {
	const search = startSearch(new PortSpace(pages, blockSize), demandFor(numbers, {basePort: 100, maxPort: 139, strategy: 'Random'}));
	return withRandom(search, random).numbers as readonly number[];
};

/** Pearson's chi-square against all free numbers being equally likely. */
const chiSquare = (drawn: readonly number[]): number => {
	const expected = drawn.length / free.length;
	return free.reduce((sum, port) => sum + (drawn.filter(number => number === port).length - expected) ** 2 / expected, 0);
};

/** With 27 degrees of freedom, uniform numbers stay below this in 999 of 1,000 cases. */
const critical = 55.5;

test('each free number is equally likely, and no other number is given', t => {
	const random = seededRandom(1);
	const drawn = Array.from({length: 20_000}, () => draw(random, ['a'])[0]!);
	t.deepEqual(new Set(drawn).difference(new Set(free)), new Set());
	t.true(chiSquare(drawn) < critical, `${chiSquare(drawn)}`);
});

test('each free number is equally likely to be the first of several', t => {
	const random = seededRandom(2);
	const drawn = Array.from({length: 20_000}, () => draw(random, ['a', 'b', 'c'])[0]!);
	t.true(chiSquare(drawn) < critical, `${chiSquare(drawn)}`);
});

test('each free number is equally likely to be the last of several', t => {
	const random = seededRandom(3);
	const drawn = Array.from({length: 20_000}, () => draw(random, ['a', 'b'])[1]!);
	t.true(chiSquare(drawn) < critical, `${chiSquare(drawn)}`);
});

test('the test finds an uneven distribution', t => {
	const random = seededRandom(4);
	const drawn = Array.from({length: 20_000}, () => draw(() => random() ** 1.1, ['a'])[0]!);
	t.true(chiSquare(drawn) > critical);
});

test('all numbers of a Pod are in one page if it has enough', t => {
	const random = seededRandom(5);
	for (let count = 0; count < 1000; count++) {
		const pages = new Set(draw(random, ['a', 'b', 'c']).map(port => pageOf(port, blockSize)));
		t.is(pages.size, 1);
	}
});

test('if a page has too few numbers, other pages give the rest', t => {
	const random = seededRandom(6);
	const drawn = Array.from({length: 1000}, () => draw(random, ['a', 'b', 'c', 'd']));
	const fromFirstPage = drawn.filter(numbers => numbers.some(port => port < 110)).map(numbers => numbers.filter(port => port < 110).length);
	t.true(drawn.every(numbers => new Set(numbers).size === 4 && numbers.every(port => free.includes(port))));
	t.true(fromFirstPage.includes(3));
});

test('two ports with different protocols do not get one number', t => {
	const random = seededRandom(7);
	for (let count = 0; count < 1000; count++) {
		t.is(new Set(draw(random, ['a/TCP', 'b/UDP', 'c/TCP+UDP'])).size, 3);
	}
});

for (const value of [0, 0.5, 1 - Number.EPSILON]) {
	test(`a random value of ${value} is handled`, t => {
		t.true(draw(() => value, ['a', 'b', 'c', 'd']).every(port => free.includes(port)));
	});
}
