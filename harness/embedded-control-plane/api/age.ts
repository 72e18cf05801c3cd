/** How long ago something was, in the short form of kubectl: `45s`, `12m`, `3h`, `5d`. */

const units = [[86_400, 'd'], [3600, 'h'], [60, 'm']] as const;

/** @param now milliseconds since 1970. */
export const ageSince = (timestamp: string | undefined, now: number): string => {
	if (timestamp === undefined) {
		return '<unknown>';
	}

	const seconds = Math.max(0, Math.floor((now - Date.parse(timestamp)) / 1000));
	// As kubectl does, a unit is used from its double on: 90s, 2m.
	const [size, unit] = units.find(([size]) => seconds >= 2 * size) ?? [1, 's'];
	return `${Math.floor(seconds / size)}${unit}`;
};
