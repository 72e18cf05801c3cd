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

/** `metadata.name=x` and `metadata.namespace=x`. */
export const fieldSelector = (selector: string | null): Selector => {
	const terms = termsOf(selector).map(term => term.split(/==?/));
	return ({metadata}) => terms.every(([field, value]) => (field === 'metadata.name' ? metadata.name : metadata.namespace) === value);
};
