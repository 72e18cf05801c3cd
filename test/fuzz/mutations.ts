/** Small changes to a JSON document. Most of it stays valid, so that the wrong part gets far into the program. */
import fc from 'fast-check';
import {annotationName, annotationValue, hostileName, hostileValue} from './hostile-values.ts';

/** `at`, modulo the number of places in the document, is the index of the place to change. */
export type Mutation =
	| {readonly kind: 'remove'; readonly at: number}
	| {readonly kind: 'replace'; readonly at: number; readonly value: unknown}
	| {readonly kind: 'retype'; readonly at: number; readonly how: Retyping}
	| {readonly kind: 'repeat'; readonly at: number; readonly times: number}
	| {readonly kind: 'rename'; readonly at: number; readonly name: string}
	| {readonly kind: 'add'; readonly at: number; readonly name: string; readonly value: unknown}
	| {readonly kind: 'copy'; readonly at: number; readonly from: number}
	| {readonly kind: 'annotate'; readonly name: string; readonly value: unknown}
	| {readonly kind: 'dryRun'}
	| {readonly kind: 'crowd'; readonly containers: number; readonly ports: number};

const at = fc.nat({max: 100_000});

export const mutation: fc.Arbitrary<Mutation> = fc.oneof(
	{weight: 40, arbitrary: fc.record({kind: fc.constant('annotate' as const), name: annotationName, value: annotationValue})},
	{weight: 20, arbitrary: fc.record({kind: fc.constant('replace' as const), at, value: hostileValue})},
	{weight: 10, arbitrary: fc.record({kind: fc.constant('remove' as const), at})},
	{weight: 10, arbitrary: fc.record({kind: fc.constant('retype' as const), at, how: fc.constantFrom<Retyping>('text', 'number', 'list', 'object', 'truth')})},
	{weight: 10, arbitrary: fc.record({kind: fc.constant('copy' as const), at, from: at})},
	{weight: 8, arbitrary: fc.record({kind: fc.constant('repeat' as const), at, times: fc.integer({min: 2, max: 8})})},
	{weight: 8, arbitrary: fc.record({kind: fc.constant('rename' as const), at, name: hostileName})},
	{weight: 8, arbitrary: fc.record({kind: fc.constant('add' as const), at, name: hostileName, value: hostileValue})},
	{weight: 8, arbitrary: fc.constant({kind: 'dryRun' as const})},
	{weight: 1, arbitrary: fc.record({kind: fc.constant('crowd' as const), containers: fc.constantFrom(1, 10, 3000), ports: fc.constantFrom(0, 1, 100, 1000)})},
);

/** Larger documents are not changed: a few repeats of one place would fill the memory. */
const maxPlaces = 20_000;

/** Changes the document in place. */
export const mutate = (document: unknown, mutation: Mutation): void => {
	if (mutation.kind === 'annotate' || mutation.kind === 'dryRun' || mutation.kind === 'crowd') {
		return shape(document, mutation);
	}

	const places = placesOf(document);
	const place = places[mutation.at % places.length];
	if (!place || places.length > maxPlaces) {
		return;
	}

	switch (mutation.kind) {
		case 'remove': {
			return remove(place);
		}

		case 'replace': {
			return set(place, mutation.value);
		}

		case 'retype': {
			return set(place, retypings[mutation.how](place.value));
		}

		case 'repeat': {
			return repeat(place, mutation.times);
		}

		case 'rename': {
			remove(place);
			return set({...place, key: mutation.name}, place.value);
		}

		case 'add': {
			return set({...place, key: mutation.name}, mutation.value);
		}

		case 'copy': {
			return set(place, places[mutation.from % places.length]?.value);
		}
	}
};

type Parent = Record<string, unknown> | unknown[];
type Place = {readonly parent: Parent; readonly key: string; readonly value: unknown};

const placesOf = (parent: unknown): Place[] => typeof parent === 'object' && parent !== null
	? Object.entries(parent).flatMap(([key, value]) => [[{parent: parent as Parent, key, value}], placesOf(value)].flat())
	: [];

/** Copies the value, because later mutations may change it. Defines the member: assigning to `__proto__` would not create one. */
const set = ({parent, key}: Pick<Place, 'parent' | 'key'>, shared: unknown): void => {
	const value = structuredClone(shared);
	if (Array.isArray(parent) && !/^\d+$/.test(key)) {
		parent.push(value);
		return;
	}

	Object.defineProperty(parent, key, {value, writable: true, enumerable: true, configurable: true});
};

const remove = ({parent, key}: Place): void => {
	if (Array.isArray(parent)) {
		parent.splice(Number(key), 1);
	} else {
		delete parent[key];
	}
};

const repeat = ({parent, key, value}: Place, times: number): void => {
	for (let count = 1; count < times; count++) {
		set({parent, key: Array.isArray(parent) ? 'one more' : `${key}${count}`}, value);
	}
};

const retypings = {
	text: (value: unknown) => JSON.stringify(value) ?? '',
	number: Number,
	list: (value: unknown) => [value],
	object: (value: unknown) => ({value}),
	truth: Boolean,
} as const satisfies Record<string, (value: unknown) => unknown>;

type Retyping = keyof typeof retypings;

type Review = {request?: {dryRun?: unknown; object?: {metadata?: {annotations?: Record<string, unknown>}; spec?: Record<string, unknown>}}};

/** Changes that random places would rarely make. Does nothing if earlier mutations removed the place. */
const shape = (document: unknown, mutation: Extract<Mutation, {kind: 'annotate' | 'dryRun' | 'crowd'}>): void => {
	const {request} = (document ?? {}) as Review;
	const {metadata, spec} = request?.object ?? {};
	if (mutation.kind === 'dryRun' && isObject(request)) {
		request.dryRun = true;
	} else if (mutation.kind === 'annotate' && isObject(metadata?.annotations)) {
		set({parent: metadata.annotations, key: mutation.name}, mutation.value);
	} else if (mutation.kind === 'crowd' && isObject(spec)) {
		spec['containers'] = Array.from({length: mutation.containers}, (_, container) => ({
			name: `c${container}`,
			image: 'none',
			ports: Array.from({length: container === 0 ? mutation.ports : 0}, (_, port) => ({containerPort: port + 1, protocol: 'TCP'})),
		}));
	}
};

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
