/** What a Pod asks for, or why it passes without ports. Pure. */
import type {OwnPort, PodDemand} from '../ports/demand.ts';
import {mirrorAnnotation} from '../ports/host-port-use.ts';
import type {AllowedRange} from '../ports/port-range.ts';
import {optionAnnotations} from './annotations.ts';
import {checkHostNetwork} from './host-network-checks.ts';
import {readOptions} from './options.ts';
import type {AllocationOptions} from './options.ts';
import {checkCount, checkNames, checkNetwork, checkSize} from './pod-checks.ts';
import {identifyPod, ordinalOf} from './pod-identity.ts';
import {groupByNumber, portsOf, splitPorts} from './pod-ports.ts';
import type {PodPort} from './pod-ports.ts';
import type {Pod} from './pod.ts';
import type {AdmissionRequest} from './review.ts';
import {warningsAbout} from './warnings.ts';

/** Why a request passes without ports; for the log. */
export type SkipReason = 'not the creation of a Pod' | 'not enabled' | 'a mirror Pod' | 'no ports';

type PodPlan =
	| {readonly kind: 'skip'; readonly reason: SkipReason; readonly warnings: readonly string[]}
	| AllocationPlan;

export type AllocationPlan = {
	readonly kind: 'allocate';
	readonly options: AllocationOptions;
	readonly demand: PodDemand;
	readonly assignments: readonly PortAssignment[];
	readonly warnings: readonly string[];
};

/** A managed port of the Pod. */
type PortAssignment = {
	/** JSON pointer into the Pod: `/spec/containers/0/ports/1`. */
	readonly path: string;
	readonly name: string;
	/** The index in `demand.numbers` of the number that the port gets. */
	readonly numberIndex: number;
};

/**
 * Plans the allocation for one Pod.
 *
 * @param request must not have a `reasonToSkip`.
 * @param pod without the numbers of an earlier allocation: see `withoutStaleAllocation`.
 * @param ranges what the administrator allows, merged and sorted.
 * @param maxPortsPerPod the most numbers that the administrator allows for one Pod.
 * @throws {DenialError} 400 if the Pod or its annotations must change, 403 if the administrator forbids what they ask for.
 */
export const planPod = (request: AdmissionRequest, pod: Pod, ranges: readonly AllowedRange[], maxPortsPerPod = Infinity): PodPlan => {
	const options = readOptions(pod.metadata.annotations, ranges);
	if (!options) {
		return skip('not enabled');
	}

	const {managed, unmanaged} = splitPorts(portsOf(pod), options.managedPortNames);
	if (managed.length === 0) {
		return skip('no ports', [`${optionAnnotations.enabled} is "true", but no container or sidecar of the Pod has a port to give a number to`]);
	}

	const numbers = groupByNumber(managed);
	const ownPorts = ownPortsOf(unmanaged, options);
	checkCount(numbers.length, ownPorts.length, maxPortsPerPod);
	checkNetwork(pod, options);
	if (options.hostNetwork) {
		checkHostNetwork(pod, managed, unmanaged);
	}

	checkNames(numbers);
	checkSize(pod, options, numbers);
	const ordinal = ordinalOf(pod, request.name);
	return {
		kind: 'allocate',
		options,
		demand: {
			...identifyPod(request, pod),
			numbers: numbers.map(ports => ({ports: ports.map(({name, protocol}) => ({name, protocol}))})),
			basePort: options.basePort,
			maxPort: options.maxPort,
			...(options.excluded && {excluded: options.excluded}),
			strategy: options.strategy,
			...(options.contiguous && {contiguous: true}),
			...(ordinal !== undefined && {ordinal}),
			ownPorts,
		},
		assignments: numbers.flatMap((ports, numberIndex) => ports.map(({path, name}) => ({path, name, numberIndex}))),
		warnings: warningsAbout(pod.metadata.annotations, options, ownPorts),
	};
};

/**
 * Why a request passes without ports; undefined if it must be planned. Looks at the object before it is decoded: an
 * object that does not ask for ports must pass whatever its shape, and so must a mirror Pod, whose containers run already.
 */
export const reasonToSkip = (request: AdmissionRequest): SkipReason | undefined => {
	if (!isPodCreation(request)) {
		return 'not the creation of a Pod';
	}

	const {metadata} = (request.object ?? {}) as {metadata?: {annotations?: Record<string, unknown> | null} | null};
	const enabled = metadata?.annotations?.[optionAnnotations.enabled] ?? 'false';
	if (enabled === 'false') {
		return 'not enabled';
	}

	return typeof metadata?.annotations?.[mirrorAnnotation] === 'string' ? 'a mirror Pod' : undefined;
};

const isPodCreation = ({operation, kind, subResource}: AdmissionRequest): boolean =>
	operation === 'CREATE' && kind.group === '' && kind.version === 'v1' && kind.kind === 'Pod' && !subResource;

const skip = (reason: SkipReason, warnings: readonly string[] = []): PodPlan => ({kind: 'skip', reason, warnings});

/**
 * The host ports that the Pod takes by its unmanaged ports, in any of its containers. On the host network the API server
 * makes the containerPort the host port of a port that has none (`defaultHostNetworkPorts` in `pkg/apis/core/v1/defaults.go`).
 */
const ownPortsOf = (unmanaged: readonly PodPort[], {hostNetwork}: AllocationOptions): readonly OwnPort[] => {
	const byKey = new Map<string, OwnPort>();
	for (const {name, protocol, port: {hostPort, containerPort}} of unmanaged) {
		const port = hostPort || (hostNetwork ? containerPort : 0);
		const key = `${port}/${protocol}`;
		if (port && !byKey.has(key)) {
			byKey.set(key, {name, port, protocol});
		}
	}

	return [...byKey.values()];
};
