import test from 'ava';
import fc from 'fast-check';
import {InvalidPortRangeError} from '../../src/errors.ts';
import {clipRanges, countNumbers, excludeNumbers, formatPortRange, isPort, mergePortRanges, parsePortRange, rangeContaining} from '../../src/ports/port-range.ts';

const arbitraryRange = fc.tuple(fc.integer({min: 1, max: 65_535}), fc.integer({min: 1, max: 65_535}))
	.map(([a, b]) => ({first: Math.min(a, b), last: Math.max(a, b)}));

const arbitraryRanges = fc.array(fc.oneof(arbitraryRange, fc.integer({min: 1, max: 40}).map(first => ({first, last: first + 5}))));

test('a range is parsed and formatted', t => {
	t.deepEqual(parsePortRange('30000-32767'), {first: 30_000, last: 32_767});
	t.deepEqual(parsePortRange(' 1-65535\n'), {first: 1, last: 65_535});
	fc.assert(fc.property(arbitraryRange, range => {
		t.deepEqual(parsePortRange(formatPortRange(range)), range);
	}));
});

test('a single port is a range of one', t => {
	t.deepEqual(parsePortRange('8080'), {first: 8080, last: 8080});
});

for (const text of ['', '-', '0-10', '1-65536', '20-10', '1-', '-1', '1-2-3', '1 - 2', '0x10-0x20', '1e3', '+1-2', '1.5-2', 'a-b', '१-२', '1,2', '000001-2']) {
	test(`"${text}" is not a range`, t => {
		const error = t.throws(() => parsePortRange(text), {instanceOf: InvalidPortRangeError});
		t.true(error.message.startsWith(`"${text}" is not a port range`));
	});
}

test('a port is a whole number from 1 to 65535', t => {
	for (const port of [1, 80, 65_535]) {
		t.true(isPort(port));
	}

	for (const port of [0, -1, 65_536, 80.5, Number.NaN, Number.POSITIVE_INFINITY]) {
		t.false(isPort(port));
	}
});

test('ranges that overlap or touch become one', t => {
	t.deepEqual(mergePortRanges([{first: 20, last: 30}, {first: 1, last: 10}, {first: 11, last: 15}, {first: 25, last: 27}, {first: 40, last: 40}]), [
		{first: 1, last: 15},
		{first: 20, last: 30},
		{first: 40, last: 40},
	]);
	t.deepEqual(mergePortRanges([]), []);
});

test('merged ranges are sorted and separate, and contain the same ports', t => {
	fc.assert(fc.property(arbitraryRanges, fc.oneof(fc.integer({min: 1, max: 50}), fc.integer({min: 1, max: 65_535})), (ranges, port) => {
		const before = structuredClone(ranges);
		const merged = mergePortRanges(ranges);
		t.deepEqual(ranges, before);
		t.true(merged.every(({first}, index) => index === 0 || first > (merged[index - 1]?.last ?? 0) + 1));
		t.is(rangeContaining(merged, port) === undefined, rangeContaining(ranges, port) === undefined);
	}));
});

test('the range that contains a port includes its ends', t => {
	const ranges = [{first: 10, last: 20}, {first: 30, last: 30}];
	t.is(rangeContaining(ranges, 10), ranges[0]);
	t.is(rangeContaining(ranges, 20), ranges[0]);
	t.is(rangeContaining(ranges, 30), ranges[1]);
	t.is(rangeContaining(ranges, 25), undefined);
	t.is(rangeContaining([], 10), undefined);
});

test('excluded numbers belong to the range that has them', t => {
	const ranges = [{first: 10, last: 20}, {first: 30, last: 40}, {first: 50, last: 60}];
	t.deepEqual(excludeNumbers(ranges, [{first: 1, last: 10}, {first: 15, last: 35}, {first: 45, last: 46}]), [
		{first: 10, last: 20, excluded: [{first: 10, last: 10}, {first: 15, last: 20}]},
		{first: 30, last: 40, excluded: [{first: 30, last: 35}]},
		{first: 50, last: 60},
	]);
	t.deepEqual(excludeNumbers(ranges, []), ranges);
});

test('clipped ranges have the numbers that are inside the bounds', t => {
	fc.assert(fc.property(arbitraryRanges, arbitraryRange, fc.integer({min: 1, max: 60}), (ranges, bounds, port) => {
		const merged = mergePortRanges(ranges);
		const clipped = clipRanges(merged, bounds);
		t.is(rangeContaining(clipped, port) !== undefined, rangeContaining(merged, port) !== undefined && rangeContaining([bounds], port) !== undefined);
		t.true(countNumbers(clipped) <= countNumbers([bounds]));
	}));
	t.is(countNumbers([{first: 10, last: 20}, {first: 30, last: 30}]), 12);
});
