/** Changing a value by making another that shares with it what stays the same, so that what changed is found by identity. Pure. */

/** The object with these members: the very same one where it has them all already. An absent one that is to be undefined stays absent. */
export const withMembers = <T extends object>(object: T, members: {readonly [Key in keyof T]?: T[Key] | undefined}): T => {
	let changed: T | undefined;
	for (const key of Object.keys(members) as Array<keyof T & string>) {
		if (object[key] !== members[key]) {
			changed ??= {...object};
			changed[key] = members[key] as T[typeof key];
		}
	}

	return changed ?? object;
};

/** The list with every item replaced by what `change` makes of it: the very same one where nothing changed. */
export const withItems = <Item>(
	list: Item[] | null | undefined,
	change: (item: Item, index: number) => Item,
): Item[] | null | undefined => {
	const changed = list?.map((item, index) => change(item, index));
	return changed?.some((item, index) => item !== list?.[index]) ? changed : list;
};
