/** Whether a Pod is for Windows nodes. Pure. */
import {containerLists} from './containers.ts';
import type {Pod} from './pod.ts';

type Spec = Pod['spec'];

/** The present label of a node's operating system, and its name before Kubernetes 1.14, which nodes still have. */
const osLabels: readonly string[] = ['kubernetes.io/os', 'beta.kubernetes.io/os'];

/**
 * The field by which a Pod is for Windows nodes, and its value, for a message; undefined for other Pods, and for those of
 * HostProcess containers, which alone have a host network on Windows.
 */
export const signOfWindows = (spec: Spec): string | undefined => isHostProcess(spec)
	? undefined
	: spec.os?.name === 'windows' ? 'spec.os.name is "windows"' : selectorOfWindows(spec);

const selectorOfWindows = ({nodeSelector, affinity}: Spec): string | undefined => {
	const label = osLabels.find(label => nodeSelector?.[label] === 'windows');
	if (label) {
		return `spec.nodeSelector["${label}"] is "windows"`;
	}

	// One of the terms must match, and of a term all expressions.
	const terms = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
	const isWindows = terms.length > 0 && terms.every(({matchExpressions}) => matchExpressions?.some(({key, operator, values}) =>
		osLabels.includes(key) && operator === 'In' && values?.length && values.every(value => value === 'windows')));
	return isWindows ? 'spec.affinity.nodeAffinity requires the operating system "windows"' : undefined;
};

const isHostProcess = (spec: Spec): boolean =>
	[spec, ...containerLists.flatMap(list => spec[list] ?? [])].some(({securityContext}) => securityContext?.windowsOptions?.hostProcess);
