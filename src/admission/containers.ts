/** The containers of a Pod. Pure. */
import type {Container, Pod} from './pod.ts';

/** The members of a Pod's spec that hold containers when the Pod is created. */
export const containerLists = ['containers', 'initContainers'] as const;
type ContainerList = typeof containerLists[number];

/** An init container that keeps running beside the other containers (KEP-753, since Kubernetes 1.28). */
const isSidecar = ({restartPolicy}: Container): boolean => restartPolicy === 'Always';

/** Whether a container runs as long as the Pod does: only then are its ports given numbers, and only then may it have probes. */
export const isLasting = (list: ContainerList, container: Container): boolean => list === 'containers' || isSidecar(container);

export const containerPath = (list: ContainerList, index: number): string => `/spec/${list}/${index}`;
export const portPath = (container: string, index: number): string => `${container}/ports/${index}`;

/** The spec with every container replaced by the result of `change`. */
export const withEachContainer = (
	spec: Pod['spec'],
	change: (container: Container, list: ContainerList, path: string) => Container,
): Pod['spec'] => {
	const result = {...spec};
	for (const list of containerLists) {
		const containers = spec[list];
		if (containers) {
			result[list] = containers.map((container, index) => change(container, list, containerPath(list, index)));
		}
	}

	return result;
};
