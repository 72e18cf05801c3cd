/** The difference between two versions of a Pod as a JSON Patch (RFC 6902). Pure. */
import type {Pod} from './pod.ts';

/** `add` also replaces a member that exists. An admission never removes one. */
export type JsonPatchOperation = {readonly op: 'add'; readonly path: string; readonly value: unknown};

const metadataMembers = ['labels', 'annotations'];
const specMembers = ['hostNetwork', 'dnsPolicy'];
const containerMembers = ['ports', 'env', 'livenessProbe', 'readinessProbe', 'startupProbe', 'lifecycle'];

/**
 * The operations that turn `before` into `after`: one for each member that an admission may change and that is not
 * identical in both. So `after` must share its unchanged members with `before`.
 */
export const patchBetween = (before: Pod, after: Pod): JsonPatchOperation[] => [
	...changes('/metadata', metadataMembers, before.metadata, after.metadata),
	...changes('/spec', specMembers, before.spec, after.spec),
	...containerChanges('/spec/containers', before.spec.containers, after.spec.containers),
	...containerChanges('/spec/initContainers', before.spec.initContainers, after.spec.initContainers),
];

type Members = Readonly<Record<string, unknown>>;
type List = readonly Members[] | null | undefined;

const containerChanges = (path: string, before: List, after: List): JsonPatchOperation[] =>
	(after ?? []).flatMap((container, index) => changes(`${path}/${index}`, containerMembers, before?.[index] ?? {}, container));

const changes = (path: string, members: readonly string[], before: Members, after: Members): JsonPatchOperation[] =>
	members
		.filter(member => before[member] !== after[member])
		.map(member => ({op: 'add', path: `${path}/${member}`, value: after[member]}));
