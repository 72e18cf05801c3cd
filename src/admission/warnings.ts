/**
 * Warnings for the author of a Pod that is accepted. Pure.
 *
 * Kubernetes advises at most 120 characters for a warning, and may drop warnings that exceed 4,096 characters together.
 */
import {closestMatch} from 'leven';
import type {OwnPort} from '../ports/demand.ts';
import {allocatedAnnotationPrefix} from '../ports/host-port-use.ts';
import {rangeContaining} from '../ports/port-range.ts';
import {annotationPrefix, optionAnnotations} from './annotations.ts';
import type {Annotations} from './annotations.ts';
import type {AllocationOptions} from './options.ts';
import {shorten} from './quote.ts';

/** The first port that Linux uses for outgoing connections by default (`net.ipv4.ip_local_port_range`). */
const firstEphemeralPort = 32_768;

/** Keeps all warnings within the 4,096 characters. The author sees the rest after correcting these. */
const maximumUnknownAnnotations = 5;

/** For a Pod that asks for ports and can't get any. */
export const mirrorPodWarning = 'hostport.io: a static Pod runs already, so its mirror gets no host ports: remove the annotations from its manifest';

const knownNames: readonly string[] = Object.values(optionAnnotations);

/**
 * Warns of unknown annotations, of a base port that is not given, of a range that reaches into the ephemeral ports, and of
 * unmanaged ports that are host ports.
 */
export const warningsAbout = (annotations: Annotations, {basePort, maxPort, excluded = []}: AllocationOptions, ownPorts: readonly OwnPort[] = []): string[] => [
	...Object.keys(annotations ?? {})
		.filter(name => isUnknown(name))
		.slice(0, maximumUnknownAnnotations)
		.map(name => `unknown annotation ${shorten(name, 40)} is ignored; the nearest known is ${nearestKnown(name)}`),
	...(annotations?.[optionAnnotations.basePort] !== undefined && rangeContaining(excluded, basePort)
		? [`${optionAnnotations.basePort} is ${basePort}, which the administrator excludes (--exclude-ports): the Pod gets higher numbers`]
		: []),
	...(maxPort >= firstEphemeralPort
		? [`hostport.io: ports up to ${maxPort} may be given, and from ${firstEphemeralPort} outgoing connections may hold them`]
		: []),
	...(ownPorts.length > 0
		? [`hostport.io: unmanaged ports are host ports too, and no other Pod can have their numbers: ${shorten(ownPorts.map(({port}) => port).join(', '), 30)}`]
		: []),
];

const isUnknown = (name: string): boolean =>
	name.startsWith(annotationPrefix) && !name.startsWith(allocatedAnnotationPrefix) && !knownNames.includes(name);

const nearestKnown = (name: string): string => {
	// An annotation's name has at most 63 characters. The API server rejects a longer one after us.
	const option = name.slice(annotationPrefix.length, annotationPrefix.length + 63).toLowerCase();
	return annotationPrefix + closestMatch(option, knownNames.map(known => known.slice(annotationPrefix.length)));
};
