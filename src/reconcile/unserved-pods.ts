/** Reports live Pods that ask for host ports and have none from us: in the log, and by an Event on each. */
import type {PodWithoutPorts} from '../ports/host-port-use.ts';
import {createPodEvents, firstNames} from './pod-events.ts';
import type {PodEventsOptions} from './pod-events.ts';

const remedy = 'check that the webhook is registered for its namespace ("kubectl get mutatingwebhookconfigurations -l app.kubernetes.io/name=hostport-operator -o yaml"), then delete the Pod, and its controller creates it again with ports';

/** Makes a function that reports each such Pod once while it lasts. */
export const createUnservedPodReporter = (options: PodEventsOptions) => {
	const {logger} = options;
	const writeEvents = createPodEvents(options, 'NoHostPorts');
	let logged = new Set<string>();
	return async (pods: readonly PodWithoutPorts[], signal: AbortSignal): Promise<void> => {
		const fresh = pods.filter(({uid}) => !logged.has(uid));
		logged = new Set(pods.map(({uid}) => uid));
		if (fresh.length > 0) {
			logger.warn({pods: firstNames(fresh.map(({pod}) => pod)), count: pods.length}, `live Pods ask for host ports and have none, because they were created without the webhook: ${remedy}`);
		}

		await writeEvents(pods.map(({pod, uid}) => ({
			pod,
			uid,
			about: '',
			message: () => `the Pod asks for host ports and has none, because it was created without the webhook of hostport-operator, or its annotation was added later: ${remedy}`,
		})), signal);
	};
};
