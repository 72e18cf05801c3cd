/** The label and field selectors that the operator and its tests use. */
import type {Stored} from './kinds.ts';

type Selector = (object: Stored) => boolean;

const termsOf = (selector: string | null): string[] => (selector ?? '').split(',').filter(Boolean);

/** `a`, `a=b`, `a==b` and `a!=b`, with commas between them. */
export const labelSelector = (selector: string | null): Selector => {
	const terms = termsOf(selector).map(term => {
		const [, name = '', operator, value] = /^([^!=]+)(?:(==?|!=)(.*))?$/.exec(term) ?? [];
		return {name, operator, value};
	});
	return ({metadata: {labels = {}}}) => terms.every(({name, operator, value}) =>
		operator === undefined ? name in labels : (labels[name] === value) === (operator !== '!='));
};

/**
 * `metadata.name=x`, `involvedObject.uid!=y`: any field by its path, with commas between the terms. An absent field is an empty
 * text. A real API server allows only some fields of each kind.
 */
export const fieldSelector = (selector: string | null): Selector => {
	const terms = termsOf(selector).map(term => {
		const [, field = '', operator, value] = /^([^!=]+)(==?|!=)(.*)$/.exec(term) ?? [];
		return {steps: field.split('.'), operator, value};
	});
	return object => terms.every(({steps, operator, value}) => (textAt(object, steps) === value) === (operator !== '!='));
};

const textAt = (object: unknown, steps: readonly string[]): string => {
	let value = object;
	for (const step of steps) {
		value = (value as Readonly<Record<string, unknown>> | undefined)?.[step];
	}

	return typeof value === 'string' ? value : '';
};
