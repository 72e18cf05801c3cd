/** Schemas for data from the network. What they find wrong, they say in a sentence. Pure. */
import * as v from 'valibot';
import {shorten, quote} from './quote.ts';

// The message of each schema ends a sentence that begins with "… must be".

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Valibot's own object schemas accept an array as an object. */
const anyObject = v.custom<Record<string, unknown>>(isObject, 'an object');

/** An object with these members and any other members. */
export const object = <Entries extends v.ObjectEntries>(entries: Entries) =>
	v.pipe(anyObject, v.looseObject(entries, 'an object'));

export const text = v.string('a string');
export const bool = v.boolean('true or false');
export const textMap = v.pipe(anyObject, v.record(text, text));
export const listOf = <Item extends v.GenericSchema>(item: Item) => v.array(item, 'an array');

export const wholeNumber = (lowest: number, highest: number) => {
	const message = `a whole number from ${lowest} to ${highest}`;
	return v.pipe(v.number(message), v.integer(message), v.minValue(lowest, message), v.maxValue(highest, message));
};

/**
 * Returns `value` itself, not the copy that the schema makes, which would lose members such as `__proto__`.
 *
 * @param refusal Makes the error from a sentence about the first fault: `The Pod's spec.containers is 7, but must be an array`.
 * @throws that error if `value` does not fit the schema.
 */
export const checkSchema = <Value>(
	schema: v.GenericSchema<unknown, Value>,
	value: unknown,
	subject: string,
	refusal: (message: string) => Error,
): Value => {
	const result = v.safeParse(schema, value, {abortEarly: true, abortPipeEarly: true});
	if (!result.success) {
		throw refusal(sentence(result.issues[0], subject));
	}

	return value as Value;
};

const sentence = ({path, input, message}: v.BaseIssue<unknown>, subject: string): string => {
	const where = path ? `${subject}'s ${pathOf(path.map(({key}) => key))}` : subject;
	return input === undefined ? `${where} is missing` : `${where} is ${quote(input)}, but must be ${message}`;
};

/** `spec.containers[0].ports`, `metadata.annotations["example.com/team"]`. */
const pathOf = (keys: readonly unknown[]): string => {
	const steps = keys.map(key => {
		if (typeof key === 'number') {
			return `[${key}]`;
		}

		const name = String(key);
		return /^\w{1,60}$/.test(name) ? `.${name}` : `[${quote(name)}]`;
	});
	return shorten(steps.join('').replace(/^\./, ''), 200);
};
