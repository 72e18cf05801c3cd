/** Arbitrary requests to the webhook: recorded reviews with changes to their JSON, their bytes, their content type or their query. */
import fc from 'fast-check';
import {replicaSetReview, statefulSetReview} from '../helpers/fixtures.ts';
import {mutate, mutation} from './mutations.ts';
import {renderJson} from './hostile-values.ts';

export type Message = {
	readonly body: Buffer;
	readonly contentType: string;
	/** With the question mark. */
	readonly query: string;
	/** What a failure report shows: the changes, not the bytes. */
	readonly [fc.toStringMethod]: () => string;
};

type Bytes = Buffer<ArrayBuffer>;

/** Each makes a new body from the bytes before and after a place. */
const byteMutations = {
	truncate: (before: Bytes) => before,
	flip: (before: Bytes, after: Bytes, [bit = 0]: Uint8Array) => Buffer.concat([before, after.subarray(0, 1).map(byte => byte ^ (1 << (bit % 8))), after.subarray(1)]),
	insert: (before: Bytes, after: Bytes, bytes: Uint8Array) => Buffer.concat([before, bytes, after]),
	drop: (before: Bytes, after: Bytes, {length}: Uint8Array) => Buffer.concat([before, after.subarray(length)]),
	double: (before: Bytes, after: Bytes) => Buffer.concat([before, after, after]),
} as const;

const byteMutation = fc.record({
	kind: fc.constantFrom(...Object.keys(byteMutations) as Array<keyof typeof byteMutations>),
	/** A fraction of the length. */
	at: fc.double({min: 0, max: 1, noNaN: true, maxExcluded: true}),
	bytes: fc.oneof(
		// Invalid UTF-8 (a lone byte, an overlong NUL, a surrogate, beyond the last code point), a byte order mark, NUL, and JSON's delimiters.
		fc.constantFrom([0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xEF, 0xBB, 0xBF], [0x00], [0x22], [0x7B], [0x7D], [0x5B], [0x5D], [0x2C], [0x5C]).map(bytes => Uint8Array.from(bytes)),
		fc.uint8Array({minLength: 1, maxLength: 8}),
	),
});

const json = 'application/json';

/** About one in five is a review that the webhook allows. */
export const arbitraryMessage: fc.Arbitrary<Message> = fc.record({
	review: fc.constantFrom(statefulSetReview, replicaSetReview),
	mutations: fc.array(mutation, {minLength: 1, maxLength: 5}),
	// One message in five may have changed bytes.
	byteChanges: fc.nat({max: 4}).chain(dice => fc.array(byteMutation, {maxLength: dice === 0 ? 3 : 0})),
	contentType: fc.oneof({weight: 30, arbitrary: fc.constant(json)}, fc.constantFrom('application/json; charset=utf-8', 'text/json', 'application/jsonp', 'application/merge-patch+json', '*/*', 'multipart/form-data', '')),
	query: fc.oneof({weight: 30, arbitrary: fc.constant('?timeout=10s')}, fc.constantFrom('', '?timeout=1s', '?timeout=-1s', '?timeout=1e9s', '?timeout=10s&timeout=1s', '?timeout[]=1s', '?__proto__=1', '?%')),
}).map(({review, mutations, byteChanges, contentType, query}) => {
	const document = review();
	for (const each of mutations) {
		mutate(document, each);
	}

	let body = Buffer.from(renderJson(document));
	for (const {kind, at, bytes} of byteChanges) {
		const place = Math.floor(at * body.length);
		body = byteMutations[kind](body.subarray(0, place), body.subarray(place), bytes);
	}

	const differences = JSON.stringify({review: review.name, mutations, byteChanges: byteChanges.map(({kind, at, bytes}) => ({kind, at, bytes: [...bytes]})), contentType, query});
	return {body, contentType, query, [fc.toStringMethod]: () => differences.slice(0, 3000)};
});
