/** Values and names that are known to break parsers. */
import fc from 'fast-check';
import {optionAnnotations} from '../../src/admission/annotations.ts';

/** Names that are special in JavaScript, in JSON pointers or in Unicode, empty, or very long. */
export const hostileNames = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'then', 'length', '', ' ', '0', '-1', '\u0000', 'a/b', '~0', '~1', '🎲', '\u202E', '\uD800', 'x'.repeat(5000)];

const hostileTexts = [
	...hostileNames, 'true', 'false', 'null', 'TRUE', ' true', 'true\n', 'NaN', 'Infinity', '-0', '0', '1', '80', '65535', '65536', '030558', '0x50', '8e3', '+80', '80.0', '３０５５８', '1'.repeat(400),
	'$(HOSTPORT_GRPC)', '${{7*7}}', '../../..', 'a'.repeat(254), 'a,'.repeat(3000), '\uFEFF', '\r\n\r\n', '{"a":1}', 'Always', 'TCP', 'SCTP',
];

/** Marks a string that `renderJson` replaces by a raw fragment. */
const rawMark = '\u0001raw:';

const nested = (open: string, close: string, levels: number) => `${open.repeat(levels)}${close.repeat(levels)}`;

/** Valid and invalid JSON texts that `JSON.stringify` never writes. */
const rawFragments = [
	'1e999', '-1e999', '-0', '1e-400', '0.1e1', '123456789012345678901234567890', '"\\ud800"', '"\\u0000"', '{"__proto__":{"enabled":"true"}}', '{"a":1,"a":2}', '{"":{"":{}}}',
	nested('[', ']', 60), nested('[', ']', 100_000), nested('{"a":', '}', 40).replace('{"a":}', '{}'), `${'{"a":'.repeat(20_000)}7${'}'.repeat(20_000)}`,
	'NaN', 'undefined', '\'a\'', '[1,]', '{a:1}', '"', '/**/1', '01', '[', '}', '',
];

/** The JSON text of a value, with the raw fragments in their places. */
export const renderJson = (value: unknown): string => {
	const text: string | undefined = JSON.stringify(value);
	return (text ?? '').replaceAll(/"\\u0001raw:(\d+)"/g, (_, index: string) => rawFragments[Number(index)] ?? '');
};

const hostileNumbers = [0, -1, 1, 0.5, 80, 65_535, 65_536, 30_558, 2 ** 31, 2 ** 53, -(2 ** 63), 1e21, 5e-324, Number.MAX_VALUE];

/** Any JSON value, and some invalid ones. */
export const hostileValue: fc.Arbitrary<unknown> = fc.oneof(
	fc.constantFrom<unknown>(...hostileTexts, ...hostileNumbers, true, false, null),
	fc.constantFrom<unknown>([], {}, [null], [[]], [{}], {'': ''}, Array.from({length: 500}, (_, index) => index)),
	fc.nat({max: rawFragments.length - 1}).map(index => `${rawMark}${index}`),
	fc.jsonValue({maxDepth: 3}),
	fc.string({unit: 'binary', maxLength: 60}),
);

export const hostileName = fc.oneof(fc.constantFrom(...hostileNames), fc.string({maxLength: 20}));

const portNames = ['grpc', 'health', 'rtp', 'metrics', 'http'];

/** A value for an annotation: valid, almost valid, or impossible. */
export const annotationValue: fc.Arbitrary<unknown> = fc.oneof(
	fc.constantFrom('true', 'false', 'Sequential', 'Random', 'Cluster', 'Node', 'random', ...portNames, 'grpc,health', 'rtp, metrics', 'grpc,,health', ','),
	fc.oneof(fc.integer({min: 1, max: 65_535}), fc.constantFrom(1024, 30_558, 32_767)).map(String),
	hostileValue,
);

export const annotationName = fc.oneof(
	{weight: 8, arbitrary: fc.constantFrom(...Object.values(optionAnnotations))},
	fc.constantFrom(...portNames, '9000', '65535', '65536', '__proto__').map(name => `hostport.io/allocated-${name}`),
	hostileName.map(name => `hostport.io/${name}`),
	hostileName,
);
