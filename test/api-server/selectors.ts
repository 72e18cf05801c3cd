/** Label and field selectors, as far as anybody here uses them. */
import type {Stored} from './api-objects.ts';

/** `a`, `a=b`, `a==b` and `a!=b`, with commas between them. */
export const matchesLabels = ({metadata: {labels = {}}}: Stored, selector: string | null): boolean =>
	(selector ?? '').split(',').filter(Boolean).every(term => {
		const [, name = '', operator, value] = /^([^!=]+)(?:(==?|!=)(.*))?$/.exec(term) ?? [];
		return operator === undefined ? name in labels : (labels[name] === value) === (operator !== '!=');
	});

/** `metadata.name=x` and `metadata.namespace=x`. */
export const matchesFields = ({metadata}: Stored, selector: string | null): boolean =>
	(selector ?? '').split(',').filter(Boolean).every(term => {
		const [field, value] = term.split(/==?/);
		return (field === 'metadata.name' ? metadata.name : metadata.namespace) === value;
	});
