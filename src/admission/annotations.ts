/** The names that users see: what we read from a Pod and what we write to it. Pure. */
import {allocatedAnnotationPrefix, enabledAnnotation} from '../ports/host-port-use.ts';

export const annotationPrefix = 'hostport.io/';

/** What a user may write. */
export const optionAnnotations = {
	enabled: enabledAnnotation,
	basePort: 'hostport.io/base-port',
	maxPort: 'hostport.io/max-port',
	strategy: 'hostport.io/strategy',
	ports: 'hostport.io/ports',
	contiguous: 'hostport.io/contiguous',
	hostNetwork: 'hostport.io/host-network',
	scope: 'hostport.io/scope',
} as const;

/** What we write, one for each port: `hostport.io/allocated-grpc: "30558"`. */
export const allocatedAnnotation = (portName: string): string => allocatedAnnotationPrefix + portName;

/** For `kubectl get pods -l hostport.io/managed=true`. Users can remove it, so nothing is decided by it. */
export const managedLabel = 'hostport.io/managed';

/** Environment variables of every container: the port numbers, and the address of the node that they are open on. */
export const portVariable = (portName: string): string => `HOSTPORT_${portName.toUpperCase().replaceAll(/[-.]/g, '_')}`;
export const hostIpVariable = 'HOSTPORT_HOST_IP';

/** Of a decoded Pod; null means none. */
export type Annotations = Readonly<Record<string, string>> | null | undefined;
