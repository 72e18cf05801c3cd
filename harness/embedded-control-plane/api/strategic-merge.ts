/**
 * Strategic merge patches, as `kubectl apply` and the product send them: lists of objects are merged by a key, where the field's
 * type has one. https://github.com/kubernetes/community/blob/main/contributors/devel/sig-api-machinery/strategic-merge-patch.md
 */

type Json = Readonly<Record<string, unknown>>;

/** `patchMergeKey` in the types of k8s.io/api, by the name of the field. Other lists are replaced. */
const mergeKeys: Readonly<Record<string, readonly string[]>> = {
	containers: ['name'],
	initContainers: ['name'],
	ephemeralContainers: ['name'],
	env: ['name'],
	volumes: ['name'],
	volumeMounts: ['mountPath'],
	imagePullSecrets: ['name'],
	secrets: ['name'],
	// Of containers, and of Services.
	ports: ['containerPort', 'port'],
	hostAliases: ['ip'],
	topologySpreadConstraints: ['topologyKey'],
	ownerReferences: ['uid'],
	conditions: ['type'],
	addresses: ['type'],
	webhooks: ['name'],
	matchConditions: ['name'],
};

/** Returns the target with the patch; neither is changed. The order of lists is that of the target, then that of the patch. */
export const strategicMerge = (target: unknown, patch: unknown): unknown => {
	if (!isObject(patch)) {
		return patch;
	}

	if (patch['$patch'] === 'replace') {
		return withoutDirectives(patch);
	}

	const result: Record<string, unknown> = {...(isObject(target) && target)};
	for (const [member, value] of Object.entries(patch)) {
		if (member.startsWith('$deleteFromPrimitiveList/')) {
			const field = member.slice(member.indexOf('/') + 1);
			result[field] = listOf(result[field]).filter(item => !listOf(value).includes(item));
		} else if (value === null) {
			delete result[member];
		} else if (!member.startsWith('$')) {
			result[member] = Array.isArray(value) ? mergeList(member, listOf(result[member]), value) : strategicMerge(result[member], value);
		}
	}

	return result;
};

const mergeList = (field: string, target: readonly unknown[], patch: readonly unknown[]): readonly unknown[] => {
	const items = patch.filter(item => isObject(item));
	if (items.some(item => item['$patch'] === 'replace' && Object.keys(item).length === 1)) {
		return items.filter(item => item['$patch'] === undefined);
	}

	const key = mergeKeys[field]?.find(key => items.length === patch.length && items.every(item => key in item));
	if (!key) {
		return patch;
	}

	const merged = new Map(target.filter(item => isObject(item)).map(item => [item[key], item as unknown]));
	for (const item of items) {
		if (item['$patch'] === 'delete') {
			merged.delete(item[key]);
		} else {
			merged.set(item[key], strategicMerge(merged.get(item[key]), item));
		}
	}

	return [...merged.values()];
};

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

const withoutDirectives = (object: Json): Json => Object.fromEntries(Object.entries(object).filter(([member]) => !member.startsWith('$')));
