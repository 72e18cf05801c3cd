/** The containers of a Pod. Pure. */
import type {Container, Pod} from './pod.ts';

/** Where a Pod has the containers that it is created with. */
export const containerLists = ['containers', 'initContainers'] as const;
export type ContainerList = typeof containerLists[number];

/** An init container that goes on running beside the others (KEP-753, since Kubernetes 1.28). */
const isSidecar = ({restartPolicy}: Container): boolean => restartPolicy === 'Always';

/** Whether a container runs for as long as the Pod does, so that its ports are worth a number and it may have probes. */
export const isLasting = (list: ContainerList, container: Container): boolean => list === 'containers' || isSidecar(container);

export const containerPath = (list: ContainerList, index: number): string => `/spec/${list}/${index}`;
export const portPath = (container: string, index: number): string => `${container}/ports/${index}`;

/** The spec with every container replaced by what `change` makes of it. */
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
