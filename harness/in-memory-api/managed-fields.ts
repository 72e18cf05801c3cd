/**
 * Who changed which fields of an object last (`metadata.managedFields`), as the API server tracks it for writes that are no
 * server-side apply. The rules are those of `k8s.io/apimachinery/pkg/util/managedfields`. Of the fields, only labels, annotations
 * and `data` are tracked.
 */
import type {Stored} from './kinds.ts';

type Fields = {readonly [field: string]: Fields};

export type ManagedFieldsEntry = {
	readonly manager: string;
	readonly operation: 'Update';
	readonly apiVersion: string;
	readonly time?: string;
	readonly fieldsType: 'FieldsV1';
	readonly fieldsV1: Fields;
};

/** The tracked members, by their paths: each is a map of texts. */
const tracked = [['metadata', 'labels'], ['metadata', 'annotations'], ['data']] as const;

/** The keys that a manager owns, by the path of their member. */
type Owned = Map<string, Set<string>>;

/**
 * The entries after a write.
 *
 * @param before the stored object; undefined for one that is created.
 * @param sent the entries in the client's object. One empty entry ends the tracking, and without entries those of `before` count.
 * @param next the object as it will be stored.
 * @returns undefined while nothing is tracked.
 */
export const managedFieldsAfter = (before: Stored | undefined, sent: unknown, next: Pick<Stored, 'apiVersion' | 'metadata'>, manager: string, time: string): readonly ManagedFieldsEntry[] | undefined => {
	const given = (Array.isArray(sent) && sent.length > 0 ? sent : before?.metadata.managedFields ?? []) as ReadonlyArray<Partial<ManagedFieldsEntry>>;
	const known = given.filter((entry): entry is ManagedFieldsEntry => entry.manager !== undefined);
	if (before && known.length === 0) {
		return undefined;
	}

	const times = new Map(known.map(entry => [entry.manager, entry.time]));
	const owned = new Map<string, Owned>(known.map(entry => [entry.manager, ownedBy(entry)]));
	const own: Owned = owned.get(manager) ?? new Map<string, Set<string>>();
	owned.set(manager, own);
	for (const {path, changed, removed} of tracked.map(members => changesAt(members, before, next))) {
		for (const other of owned.values()) {
			for (const key of [...changed, ...removed]) {
				other.get(path)?.delete(key);
			}
		}

		own.set(path, new Set([...own.get(path) ?? [], ...changed]));
		if (changed.length > 0) {
			times.set(manager, time);
		}
	}

	const entries = [...owned].filter(([, fields]) => [...fields.values()].some(keys => keys.size > 0)).map(([name, fields]): ManagedFieldsEntry =>
		({manager: name, operation: 'Update', apiVersion: next.apiVersion, time: times.get(name) ?? time, fieldsType: 'FieldsV1', fieldsV1: fieldsOf(fields)}));
	return entries.length > 0 ? entries : undefined;
};

/** The keys of one tracked member that a write adds, changes or removes. */
const changesAt = (members: readonly string[], before: object | undefined, next: object) => {
	const [was, is] = [at(members, before), at(members, next)];
	return {
		path: members.join('.'),
		changed: was === is ? [] : Object.keys(is).filter(key => is[key] !== was[key]),
		removed: was === is ? [] : Object.keys(was).filter(key => !(key in is)),
	};
};

const at = (members: readonly string[], object: object | undefined): Readonly<Record<string, unknown>> =>
	(members.reduce<unknown>((value, member) => (value as Readonly<Record<string, unknown>> | undefined)?.[member], object) ?? {}) as Readonly<Record<string, unknown>>;

const ownedBy = ({fieldsV1}: ManagedFieldsEntry): Owned => new Map(tracked.map(members => [
	members.join('.'),
	new Set(Object.keys(at(members.map(member => `f:${member}`), fieldsV1)).map(field => field.slice('f:'.length))),
]));

const fieldsOf = (owned: Owned): Fields => {
	const [labels = {}, annotations = {}, data = {}] = tracked.map(members => Object.fromEntries([...owned.get(members.join('.')) ?? []].toSorted().map(key => [`f:${key}`, {}])));
	const metadata = {...(!isEmpty(annotations) && {'f:annotations': annotations}), ...(!isEmpty(labels) && {'f:labels': labels})};
	return {...(!isEmpty(data) && {'f:data': data}), ...(!isEmpty(metadata) && {'f:metadata': metadata})};
};

const isEmpty = (value: object): boolean => Object.keys(value).length === 0;
