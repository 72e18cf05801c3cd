/** Whether every replica gives ports again after the last fault. */
import type {ApiAnswer} from '../../../harness/in-memory-api/answers.ts';
import {annotatedPod, ownedBy} from '../world/pod-kinds.ts';
import type {SimulatedReplica} from '../world/simulated-replica.ts';
import type {World} from '../world/world.ts';

/** Numbers that no other Pod of a run asks for. */
const uncontested = {first: 32_000, last: 32_700};

/** Creates a Pod through one replica. Resolves with the answer that the client receives. */
export const createPodThrough = async ({creation, random}: World, replica: SimulatedReplica, timeoutSeconds = 10): Promise<ApiAnswer> => {
	const name = `probe-${creation.requests.length}`;
	// Sequential: random numbers would need many new pages, and creating them takes longer than the times that are checked.
	const annotations = {'hostport.io/strategy': 'Sequential'};
	return creation.create(annotatedPod(random, uncontested, {generateName: `${name}-`, ownerReferences: ownedBy('ReplicaSet', name), annotations}), {replica, timeoutSeconds});
};

export const checkService = async (world: World): Promise<void> => {
	for (const replica of world.serving) {
		const {status, body} = await createPodThrough(world, replica);
		if (status !== 201) {
			world.invariants.violated('every replica serves again', `${replica.name} answered ${status}: ${messageOf(body)}`);
		}
	}
};

/** The message of an answer that reports an error. */
export const messageOf = (body: unknown): string => (body as {readonly message: string}).message;
