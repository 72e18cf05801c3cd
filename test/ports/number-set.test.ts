import test from 'ava';
import fc from 'fast-check';
import {emptyBlock, fullBlock, NumberSet, setBit} from '../../src/ports/number-set.ts';

const everyPort = 65_535;
const port = fc.oneof(fc.integer({min: 1, max: everyPort}), fc.constantFrom(1, 31, 32, 33, 1023, 1024, 1025, 65_503, 65_504, everyPort));

/** A set with few numbers or without few numbers, and the same numbers as a plain `Set`. */
const arbitrarySet = fc.record({isSparse: fc.boolean(), ports: fc.uniqueArray(port, {maxLength: 40})}).map(({isSparse, ports}) => {
	const set = NumberSet.ofEveryPort();
	const plain = new Set(ports);
	for (let port = 1; port <= everyPort; port++) {
		if (plain.has(port) !== isSparse) {
			set.delete(port);
		}
	}

	const has = (port: number) => port >= 1 && port <= everyPort && plain.has(port) === isSparse;
	return {set, has, numbers: isSparse ? ports.toSorted((a, b) => a - b) : undefined};
});

test('the set of every port has the numbers from 1 to 65535', t => {
	const set = NumberSet.ofEveryPort();
	t.deepEqual([-1, 0, 1, everyPort, everyPort + 1, 1.5, Number.NaN, 1e12].map(number => set.has(number)), [false, false, true, true, false, false, false, false]);
	t.is(set.countBetween(0, everyPort), everyPort);
	t.is(set.next(0), 1);
	t.is(set.next(everyPort), everyPort);
	t.is(set.next(everyPort + 1), everyPort + 1);
});

test('all reads agree with a plain Set', t => {
	fc.assert(fc.property(arbitrarySet, port, fc.nat({max: 200}), fc.nat({max: 50}), ({set, has, numbers}, first, length, index) => {
		const last = first + length;
		const between = Array.from({length: length + 1}, (_, offset) => first + offset).filter(number => has(number));
		t.is(set.countBetween(first, last), between.length);
		t.is(set.at(index, first, last), between[index]);
		t.is(set.window(first) >>> 0, Array.from({length: 32}, (_, bit) => has(first + bit) ? 2 ** bit : 0).reduce((sum, bit) => sum + bit, 0));
		if (numbers) {
			t.is(set.next(first), numbers.find(number => number >= first) ?? everyPort + 1);
			t.is(set.countBetween(1, everyPort), numbers.length);
			t.is(set.at(index, 1, everyPort), numbers[index]);
		}
	}), {numRuns: 300});
});

test('an intersection has the numbers of both sets, and copies are independent', t => {
	fc.assert(fc.property(arbitrarySet, arbitrarySet, port, (one, other, somewhere) => {
		const both = one.set.intersection(other.set);
		for (const number of [...one.numbers ?? [], ...other.numbers ?? [], somewhere]) {
			t.is(both.has(number), one.has(number) && other.has(number));
		}

		const copy = one.set.copy();
		copy.delete(somewhere);
		t.false(copy.has(somewhere));
		t.is(one.set.has(somewhere), one.has(somewhere));
	}), {numRuns: 100});
});

test('deleting between two numbers removes these and all in between, and no others', t => {
	fc.assert(fc.property(arbitrarySet, port, fc.oneof(fc.nat({max: 100}), fc.nat({max: everyPort})), ({set, has}, first, length) => {
		const last = Math.min(first + length, everyPort);
		const before = set.countBetween(1, everyPort);
		const between = set.countBetween(first, last);
		const changed = set.copy();
		changed.deleteBetween(first, last);
		t.is(changed.countBetween(first, last), 0);
		t.is(changed.countBetween(1, everyPort), before - between);
		for (const number of [first - 1, last + 1]) {
			t.is(changed.has(number), has(number));
		}

		t.true(changed.next(first) > last);
	}), {numRuns: 200});
});

test('deleting a block removes its numbers and no others', t => {
	fc.assert(fc.property(fc.integer({min: 1, max: 700}), fc.integer({min: 0, max: 200}), fc.array(fc.nat()), (blockSize, nth, offsets) => {
		const first = Math.min(nth * blockSize, everyPort - (everyPort % blockSize));
		const set = NumberSet.ofEveryPort();
		const block = emptyBlock(first, blockSize);
		const ports = new Set(offsets.map(offset => first + (offset % blockSize)).filter(port => port >= 1 && port <= everyPort));
		for (const port of ports) {
			setBit(block, port, true);
		}

		set.deleteBlock(block);
		t.is(set.countBetween(1, everyPort), everyPort - ports.size);
		t.true([...ports].every(port => !set.has(port)));

		set.deleteBlock(fullBlock(first, blockSize));
		t.is(set.countBetween(first, Math.min(first + blockSize - 1, everyPort)), 0);
		t.is(set.countBetween(1, everyPort), everyPort - [...Array(blockSize).keys()].filter(offset => first + offset >= 1 && first + offset <= everyPort).length);
	}));
});
