/** The host ports that the Pods of a cluster use. Pure. */
import type {Protocol} from './demand.ts';
import {isPort} from './port-range.ts';

/** The members of a stored Pod that say which host ports it uses. */
export type StoredPod = {
	readonly metadata: {
		readonly name: string;
		readonly namespace: string;
		readonly uid: string;
		readonly annotations?: Readonly<Record<string, string>>;
	};
	readonly spec: {
		readonly nodeName?: string;
		readonly containers: readonly StoredContainer[];
		readonly initContainers?: readonly StoredContainer[];
	};
	readonly status?: {readonly phase?: string};
};

type StoredContainer = {
	readonly restartPolicy?: string;
	readonly ports?: ReadonlyArray<{
		readonly name?: string;
		readonly containerPort: number;
		readonly hostPort?: number;
		readonly protocol?: Protocol;
	}>;
};

/** One host port of one live Pod. */
export type HostPortUse = {
	readonly port: number;
	readonly protocol: Protocol;
	/** `namespace/name`; for a NodePort, `Service namespace/name`. */
	readonly pod: string;
	readonly uid: string;
	readonly node: string | undefined;
	/** The name of the Pod's port, as in its annotation. */
	readonly portName: string;
	/** Whether annotations on the Pod say that we gave it ports. Its admission entered its other host ports too. */
	readonly managed: boolean;
	/** Whether an annotation on the Pod says that we gave it this port. */
	readonly given: boolean;
};

/** `"true"`: the Pod asks for host ports. */
export const enabledAnnotation = 'hostport.io/enabled';

/** A Pod has one such annotation for each port that we gave it: `hostport.io/allocated-grpc: "30558"`. */
export const allocatedAnnotationPrefix = 'hostport.io/allocated-';

/**
 * The kubelet sets it on the mirror Pod of a static Pod. The containers run already, from a manifest on the node, so
 * they can't be given ports: annotations that say so were copied. Kubernetes does not let users add it to a stored Pod.
 */
export const mirrorAnnotation = 'kubernetes.io/config.mirror';

const isMirror = (annotations: StoredPod['metadata']['annotations']): boolean => annotations?.[mirrorAnnotation] !== undefined;

/** A stored Pod is live unless it is Succeeded or Failed. A terminating Pod is live until it is deleted. */
export const isLive = ({status}: StoredPod): boolean => status?.phase !== 'Succeeded' && status?.phase !== 'Failed';

/** Every host port of a Pod; none if the Pod is not live. */
export const hostPortsOf = (pod: StoredPod): HostPortUse[] => {
	if (!isLive(pod)) {
		return [];
	}

	const {metadata: {namespace, name, uid, annotations}, spec} = pod;
	const allocated = new Map(Object.entries(isMirror(annotations) ? {} : annotations ?? {})
		.filter(([annotation]) => annotation.startsWith(allocatedAnnotationPrefix))
		.map(([annotation, number]) => [Number(number), annotation.slice(allocatedAnnotationPrefix.length)]));
	return [...spec.containers, ...(spec.initContainers ?? [])].flatMap(({ports}) => ports ?? []).flatMap(port => {
		const {hostPort = 0, protocol = 'TCP'} = port;
		return isPort(hostPort) ? [{
			port: hostPort,
			protocol,
			pod: `${namespace}/${name}`,
			uid,
			node: spec.nodeName,
			portName: port.name ?? allocated.get(hostPort) ?? String(port.containerPort),
			managed: allocated.size > 0,
			given: allocated.has(hostPort),
		}] : [];
	});
};

/** Whether an annotation says that we gave this Pod a port. */
export const isManaged = ({metadata: {annotations}}: {readonly metadata: Pick<StoredPod['metadata'], 'annotations'>}): boolean =>
	!isMirror(annotations) && Object.keys(annotations ?? {}).some(annotation => annotation.startsWith(allocatedAnnotationPrefix));

/** Whether a Service uses this port, and no Pod. A Pod's `namespace/name` has no space. */
export const isNodePort = ({pod}: Pick<HostPortUse, 'pod'>): boolean => pod.startsWith('Service ');

/** A live Pod that asks for host ports and has none from us. */
export type PodWithoutPorts = {
	/** `namespace/name` */
	readonly pod: string;
	readonly uid: string;
};

/**
 * Whether a live Pod asks for host ports and was given none: it was created without the webhook, or its annotation was added
 * later. An admission gives ports to every such Pod that has a port in a container or sidecar, or denies it.
 */
export const lacksPorts = (pod: StoredPod): boolean => {
	const {metadata: {annotations}, spec: {containers, initContainers = []}} = pod;
	const sidecars = initContainers.filter(({restartPolicy}) => restartPolicy === 'Always');
	return annotations?.[enabledAnnotation] === 'true' && isLive(pod) && !isMirror(annotations) && !isManaged(pod)
		&& [...containers, ...sidecars].some(({ports = []}) => ports.length > 0);
};
