/** How messages quote values from requests: in one short line, whatever their size, and without walking into objects. Pure. */

const maximumQuoteLength = 60;

/** `text` itself, or its beginning and an ellipsis if it is longer than `length` characters. */
export const shorten = (text: string, length: number = maximumQuoteLength): string =>
	text.length > length ? `${text.slice(0, length - 1)}…` : text;

/** A value in a message: `"yes"`, `7`, `null`, `an array`, `an object`. */
export const quote = (value: unknown): string => {
	if (typeof value === 'string') {
		// Shorten before escaping, so that a string of a megabyte costs nothing, and after it, as escaping makes the text longer.
		return `"${shorten(JSON.stringify(value.slice(0, maximumQuoteLength + 1)).slice(1, -1))}"`;
	}

	if (typeof value === 'object' && value !== null) {
		return Array.isArray(value) ? 'an array' : 'an object';
	}

	return String(value);
};

/** Up to ten names in a message: `"grpc", "http"`, and how many more there are. */
export const quoteList = (names: Iterable<string>): string => {
	const [...all] = names;
	const first = all.slice(0, 10).map(name => quote(name)).join(', ');
	return all.length > 10 ? `${first} and ${all.length - 10} more` : first;
};
