/** The members of a Pod that an admission reads. All other members are passed on unchanged. Pure. */
import * as v from 'valibot';
import {DenialError} from '../errors.ts';
import {highestPort, lowestPort} from '../ports/port-range.ts';
import {bool, checkSchema, listOf, object, text, textMap, wholeNumber} from './schema.ts';

/**
 * Looser than what Kubernetes demands, which the API server checks after us. With `allocated-` before it the name must
 * be the name of an annotation, which has at most 63 characters.
 */
const portName = v.pipe(text, v.regex(
	/^(?:[a-z0-9](?:[-._a-z0-9]{0,51}[a-z0-9])?)?$/i,
	'at most 53 letters, digits and hyphens, and begin and end with a letter or digit',
));

const portNumber = wholeNumber(lowestPort, highestPort);

const portSchema = object({
	name: v.nullish(portName),
	containerPort: portNumber,
	hostPort: v.nullish(wholeNumber(0, highestPort)),
	hostIP: v.nullish(text),
	protocol: v.nullish(v.picklist(['TCP', 'UDP', 'SCTP'], 'TCP, UDP or SCTP')),
});

const numberOrName = v.union([wholeNumber(0, highestPort), text], 'a port number or the name of a port');
const networkAction = object({port: numberOrName, host: v.nullish(text)});

/** The members of probes and lifecycle hooks that name a port. */
const handlerSchema = object({
	httpGet: v.nullish(networkAction),
	tcpSocket: v.nullish(networkAction),
	grpc: v.nullish(object({port: portNumber})),
});

const windowsOptions = v.nullish(object({hostProcess: v.nullish(bool)}));

const containerSchema = object({
	name: text,
	command: v.nullish(listOf(text)),
	args: v.nullish(listOf(text)),
	ports: v.nullish(listOf(portSchema)),
	env: v.nullish(listOf(object({name: text, value: v.nullish(text)}))),
	envFrom: v.nullish(listOf(object({prefix: v.nullish(text)}))),
	livenessProbe: v.nullish(handlerSchema),
	readinessProbe: v.nullish(handlerSchema),
	startupProbe: v.nullish(handlerSchema),
	lifecycle: v.nullish(object({postStart: v.nullish(handlerSchema), preStop: v.nullish(handlerSchema)})),
	restartPolicy: v.nullish(text),
	securityContext: v.nullish(object({windowsOptions})),
});

const nodeSelectorTerm = object({
	matchExpressions: v.nullish(listOf(object({key: text, operator: text, values: v.nullish(listOf(text))}))),
});

const podSchema = object({
	metadata: object({
		name: v.nullish(text),
		generateName: v.nullish(text),
		labels: v.nullish(textMap),
		annotations: v.nullish(textMap),
		ownerReferences: v.nullish(listOf(object({kind: text, name: text, controller: v.nullish(bool)}))),
	}),
	spec: object({
		hostNetwork: v.nullish(bool),
		hostUsers: v.nullish(bool),
		hostnameOverride: v.nullish(text),
		os: v.nullish(object({name: v.nullish(text)})),
		nodeSelector: v.nullish(textMap),
		affinity: v.nullish(object({
			nodeAffinity: v.nullish(object({
				requiredDuringSchedulingIgnoredDuringExecution: v.nullish(object({nodeSelectorTerms: v.nullish(listOf(nodeSelectorTerm))})),
			})),
		})),
		securityContext: v.nullish(object({sysctls: v.nullish(listOf(object({name: text}))), windowsOptions})),
		dnsPolicy: v.nullish(text),
		containers: v.nullish(listOf(containerSchema)),
		initContainers: v.nullish(listOf(containerSchema)),
	}),
});

/** In all these types `null` means absent, as in Kubernetes' JSON. */
export type Pod = v.InferOutput<typeof podSchema>;
export type Container = v.InferOutput<typeof containerSchema>;
export type ContainerPort = v.InferOutput<typeof portSchema>;
export type Handler = v.InferOutput<typeof handlerSchema>;

/** Three times what the deepest field of a Pod needs, and far below the depth that breaks `JSON.stringify`. */
const deepestLevel = 50;

/**
 * Checks that an object has the shape of a Pod, and returns the same object.
 *
 * @throws {DenialError} 400, which names the path and the value of the first member that is not as Kubernetes defines it.
 */
export const decodePod = (value: unknown): Pod => {
	const pod = checkSchema(podSchema, value, 'The Pod', message => new DenialError(400, message));
	if (isDeeperThan(deepestLevel, pod)) {
		throw new DenialError(400, `The Pod is nested more than ${deepestLevel} levels deep, which no field of a Pod needs: remove what does not belong in it`);
	}

	return pod;
};

const isDeeperThan = (levels: number, value: unknown): boolean =>
	typeof value === 'object' && value !== null
	&& (levels === 0 || Object.values(value).some(member => isDeeperThan(levels - 1, member)));
