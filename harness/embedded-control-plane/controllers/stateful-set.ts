/** Keeps the Pods 0, 1, 2 … of a StatefulSet. After an update, Pods are replaced one by one, from the highest on. */
import {hashOf} from './client.ts';
import type {ControllerClient} from './client.ts';
import {isRunning} from './objects.ts';
import type {Pod, Workload} from './objects.ts';
import {createPods, podFrom, podsOf, reportStatus} from './pods-of.ts';

const revisionLabel = 'controller-revision-hash';

/** @throws the first failure to create a Pod. */
export const reconcileStatefulSet = async (client: ControllerClient, set: Workload): Promise<void> => {
	const {metadata: {name}, spec: {replicas = 1, template, serviceName, podManagementPolicy}} = set;
	const revision = `${name}-${hashOf(template)}`;
	const pods = new Map(podsOf(client, set).map(pod => [ordinalOf(pod), pod]));
	const surplus = [...pods.keys()].filter(ordinal => ordinal >= replicas).toSorted((a, b) => b - a);
	for (const ordinal of surplus) {
		await client.remove(pods.get(ordinal)!);
	}

	const missing = Array.from({length: replicas}, (_, ordinal) => ordinal).filter(ordinal => !pods.has(ordinal));
	const isOrdered = podManagementPolicy !== 'Parallel';
	const isReady = (ordinals: number) => Array.from({length: ordinals}, (_, ordinal) => pods.get(ordinal)).every(pod => pod && isRunning(pod));
	const next = isOrdered ? missing.slice(0, 1).filter(ordinal => isReady(ordinal)) : missing;
	try {
		await createPods(client, set, next.map(ordinal => {
			const podName = `${name}-${ordinal}`;
			const spec = {...template.spec, hostname: podName, ...(serviceName && {subdomain: serviceName})};
			return podFrom(set, {...template, spec}, {name: podName}, {
				'apps.kubernetes.io/pod-index': String(ordinal), 'statefulset.kubernetes.io/pod-name': podName, [revisionLabel]: revision,
			});
		}));
	} finally {
		await reportStatus(client, set, podsOf(client, set));
	}

	const outdated = [...pods].filter(([ordinal, pod]) => ordinal < replicas && pod.metadata.labels?.[revisionLabel] !== revision).toSorted(([a], [b]) => b - a);
	if (missing.length === 0 && outdated[0] && isReady(replicas)) {
		await client.remove(outdated[0][1]);
	}
};

const ordinalOf = ({metadata: {name}}: Pod): number => Number(name.slice(name.lastIndexOf('-') + 1));
