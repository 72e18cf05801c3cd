/** How a message quotes what it saw: short whatever its size, on one line, and without walking into it. Pure. */

const longestShown = 60;

/** `text` itself, or its beginning and an ellipsis where it is longer than `length` characters. */
export const shortened = (text: string, length: number = longestShown): string =>
	text.length > length ? `${text.slice(0, length - 1)}…` : text;

/** A value as a message shows it: `"yes"`, `7`, `null`, `an array`, `an object`. */
export const shown = (value: unknown): string => {
	if (typeof value === 'string') {
		// Cut before escaping, so that a string of a megabyte costs nothing, and after, as escaping makes it longer.
		return `"${shortened(JSON.stringify(value.slice(0, longestShown + 1)).slice(1, -1))}"`;
	}

	if (typeof value === 'object' && value !== null) {
		return Array.isArray(value) ? 'an array' : 'an object';
	}

	return String(value);
};

/** Up to ten names as a message lists them: `"grpc", "http"`, and how many more there are. */
export const shownList = (names: Iterable<string>): string => {
	const [...all] = names;
	const first = all.slice(0, 10).map(name => shown(name)).join(', ');
	return all.length > 10 ? `${first} and ${all.length - 10} more` : first;
};
