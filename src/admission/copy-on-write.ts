/** Changed copies that share all unchanged parts with the original, so that `patchBetween` finds changes by identity. Pure. */

/** A copy with these members, or `object` itself if it already has them all. An absent member whose new value is undefined stays absent. */
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

/** The list with every item replaced by the result of `change`, or `list` itself if no item changed. */
export const withItems = <Item>(
	list: Item[] | null | undefined,
	change: (item: Item, index: number) => Item,
): Item[] | null | undefined => {
	const changed = list?.map((item, index) => change(item, index));
	return changed?.some((item, index) => item !== list?.[index]) ? changed : list;
};
