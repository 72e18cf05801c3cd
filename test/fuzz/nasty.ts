/** Values that have broken somebody's parser before. */
import fc from 'fast-check';
import {optionAnnotations} from '../../src/admission/annotations.ts';

/** Names that mean something to JavaScript, or nothing to anybody. */
export const nastyNames = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'then', 'length', '', ' ', '0', '-1', '\u0000', 'a/b', '~0', '~1', '🎲', '\u202E', '\uD800', 'x'.repeat(5000)];

const nastyTexts = [
	...nastyNames, 'true', 'false', 'null', 'TRUE', ' true', 'true\n', 'NaN', 'Infinity', '-0', '0', '1', '80', '65535', '65536', '030558', '0x50', '8e3', '+80', '80.0', '３０５５８', '1'.repeat(400),
	'$(HOSTPORT_GRPC)', '${{7*7}}', '../../..', 'a'.repeat(254), 'a,'.repeat(3000), '\uFEFF', '\r\n\r\n', '{"a":1}', 'Always', 'TCP', 'SCTP',
];

/** Marks a string that is not to be written as one: see `renderJson`. */
const rawMark = '\u0001raw:';

const nested = (open: string, close: string, levels: number) => `${open.repeat(levels)}${close.repeat(levels)}`;

/** JSON, or nearly, that `JSON.stringify` does not write. */
const rawFragments = [
	'1e999', '-1e999', '-0', '1e-400', '0.1e1', '123456789012345678901234567890', '"\\ud800"', '"\\u0000"', '{"__proto__":{"enabled":"true"}}', '{"a":1,"a":2}', '{"":{"":{}}}',
	nested('[', ']', 60), nested('[', ']', 100_000), nested('{"a":', '}', 40).replace('{"a":}', '{}'), `${'{"a":'.repeat(20_000)}7${'}'.repeat(20_000)}`,
	'NaN', 'undefined', '\'a\'', '[1,]', '{a:1}', '"', '/**/1', '01', '[', '}', '',
];

/** As JSON text, with the raw fragments in their places. */
export const renderJson = (value: unknown): string => {
	const text: string | undefined = JSON.stringify(value);
	return (text ?? '').replaceAll(/"\\u0001raw:(\d+)"/g, (_, index: string) => rawFragments[Number(index)] ?? '');
};

const nastyNumbers = [0, -1, 1, 0.5, 80, 65_535, 65_536, 30_558, 2 ** 31, 2 ** 53, -(2 ** 63), 1e21, 5e-324, Number.MAX_VALUE];

/** Anything that can stand in JSON, and some that cannot. */
export const nastyValue: fc.Arbitrary<unknown> = fc.oneof(
	fc.constantFrom<unknown>(...nastyTexts, ...nastyNumbers, true, false, null),
	fc.constantFrom<unknown>([], {}, [null], [[]], [{}], {'': ''}, Array.from({length: 500}, (_, index) => index)),
	fc.nat({max: rawFragments.length - 1}).map(index => `${rawMark}${index}`),
	fc.jsonValue({maxDepth: 3}),
	fc.string({unit: 'binary', maxLength: 60}),
);

export const nastyName = fc.oneof(fc.constantFrom(...nastyNames), fc.string({maxLength: 20}));

const portNames = ['grpc', 'health', 'rtp', 'metrics', 'http'];

/** Of an annotation: what it may be, what it nearly is, and what it can't be. */
export const annotationValue: fc.Arbitrary<unknown> = fc.oneof(
	fc.constantFrom('true', 'false', 'Sequential', 'Random', 'Cluster', 'Node', 'random', ...portNames, 'grpc,health', 'rtp, metrics', 'grpc,,health', ','),
	fc.oneof(fc.integer({min: 1, max: 65_535}), fc.constantFrom(1024, 30_558, 32_767)).map(String),
	nastyValue,
);

export const annotationName = fc.oneof(
	{weight: 8, arbitrary: fc.constantFrom(...Object.values(optionAnnotations))},
	fc.constantFrom(...portNames, '9000', '65535', '65536', '__proto__').map(name => `hostport.io/allocated-${name}`),
	nastyName.map(name => `hostport.io/${name}`),
	nastyName,
);
