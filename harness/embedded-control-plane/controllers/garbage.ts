/** Deletes what belongs to an object that was deleted: the contents of a namespace, and what a workload controls. */
import type {Change} from '../../in-memory-api/object-store.ts';
import {kinds} from '../../in-memory-api/kinds.ts';
import type {ControllerClient} from './client.ts';
import {isOwnedBy} from './objects.ts';

const owners = new Set(['Deployment', 'ReplicaSet', 'StatefulSet', 'Namespace']);

/** Whether something may depend on the object that was deleted. */
export const mayLeaveGarbage = ({type, kind}: Change): boolean => type === 'DELETED' && owners.has(kind);

export const collectGarbage = async (client: ControllerClient, {kind, before}: Change): Promise<void> => {
	const {name, uid} = before!.metadata;
	// Owners first, so that they don't create again what is deleted.
	for (const other of kinds.map(other => other.kind).toSorted((a, b) => Number(owners.has(b)) - Number(owners.has(a)))) {
		for (const object of client.server.all(other)) {
			if (kind === 'Namespace' ? object.metadata.namespace === name : isOwnedBy(object, {uid})) {
				await client.remove(object);
			}
		}
	}
};
