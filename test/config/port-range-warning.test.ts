import test from 'ava';
import {allowedRanges, readConfig} from '../../src/config/read-config.ts';
import {warningAboutRanges} from '../../src/config/port-range-warning.ts';
import {excludeNumbers, parsePortRange} from '../../src/ports/port-range.ts';

const parse = (ranges: readonly string[]) => ranges.map(range => parsePortRange(range));

const warningFor = (ranges: readonly string[], excluded: readonly string[] = [], nodePortRanges = ['30000-32767']) =>
	warningAboutRanges(excludeNumbers(parse(ranges), parse(excluded)), parse(nodePortRanges));

const nodePorts = /^Pods may get numbers of 30000-32767, from which Services get NodePorts .*--port-range.*--exclude-ports.*docs\/install\.md/;

for (const ranges of [['1024-30000'], ['32767-32767'], ['7000-8000', '31000-31010']]) {
	test(`the range ${ranges.join(' and ')} reaches into the NodePorts`, t => {
		t.regex(warningFor(ranges) ?? '', nodePorts);
		t.notRegex(warningFor(ranges) ?? '', /32768-60999/);
	});
}

for (const ranges of [['32768-32768'], ['60999-65535'], ['7000-8000', '40000-41000']]) {
	test(`the range ${ranges.join(' and ')} reaches into the ephemeral ports`, t => {
		t.regex(warningFor(ranges) ?? '', /^Pods may get numbers of 32768-60999, from which Linux takes ports for outgoing connections/);
	});
}

test('one line tells of both', t => {
	t.regex(warningFor(['1-65535']) ?? '', /30000-32767, from .*, and of 32768-60999, from /);
});

for (const ranges of [['1024-29999'], ['7000-8000', '61000-65535'], []]) {
	test(`the ranges [${ranges.join(', ')}] reach into neither`, t => {
		t.is(warningFor(ranges), undefined);
	});
}

test('excluded numbers can\'t be given, so they cause no warning', t => {
	t.is(warningFor(['1024-32767'], ['30000-32767']), undefined);
	t.is(warningFor(['1024-32767', '40000-40009'], ['1-1024', '30000-50000']), undefined);
	t.regex(warningFor(['1024-32767'], ['30001-32767']) ?? '', nodePorts);
});

test('NodePorts are where the administrator says', t => {
	t.is(warningFor(['30000-32767'], [], []), undefined);
	t.is(warningFor(['30000-32767'], [], ['20000-21000']), undefined);
	t.regex(warningFor(['1024-32767'], [], ['20000-21000']) ?? '', /^Pods may get numbers of 20000-21000, from which Services get NodePorts/);
});

test('the default range reaches into the NodePorts', t => {
	const config = readConfig([], {});
	t.regex(warningAboutRanges(allowedRanges(config), config.nodePortRange) ?? '', nodePorts);
});
