/** Applies a JSON merge patch (RFC 7396). Returns the target itself if the patch changes nothing. */
export const mergePatch = (target: unknown, patch: unknown): unknown => {
	if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) {
		return isSameJson(target, patch) ? target : patch;
	}

	const known = typeof target === 'object' && target !== null && !Array.isArray(target) ? target as Readonly<Record<string, unknown>> : undefined;
	let result: Record<string, unknown> | undefined;
	for (const [member, value] of Object.entries(patch)) {
		const next = value === null ? undefined : mergePatch(known?.[member], value);
		if (next !== known?.[member]) {
			result ??= {...known};
			if (value === null) {
				delete result[member];
			} else {
				result[member] = next;
			}
		}
	}

	return result ?? known ?? {};
};

/** Whether two JSON values are equal, in any order of members. An absent member equals an empty object, as in the API server. */
export const isSameJson = (a: unknown, b: unknown): boolean => {
	if (a === b) {
		return true;
	}

	if (typeof a !== 'object' || typeof b !== 'object') {
		return isEmpty(a) && isEmpty(b);
	}

	if (a === null || b === null || Array.isArray(a) !== Array.isArray(b)) {
		return false;
	}

	// Compares from the end: new members are added there, and a page of the ledger is long.
	const [left, right] = [a, b] as Array<Record<string, unknown>>;
	return Object.keys(right!).findLast(member => !(member in left!) && !isEmpty(right![member])) === undefined
		&& Object.keys(left!).findLast(member => !isSameJson(left![member], right![member])) === undefined;
};

const isEmpty = (value: unknown): boolean => value === undefined || (typeof value === 'object' && value !== null && Object.keys(value).length === 0);
